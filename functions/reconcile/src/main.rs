//! The Lambda binary of `reconcile`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve_task::<reconcile::ReconcileTask>()
}
