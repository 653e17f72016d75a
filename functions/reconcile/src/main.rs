//! The Lambda binary of `reconcile`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<reconcile::ReconcileTask>()
}
