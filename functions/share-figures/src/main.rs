//! The Lambda binary of `share-figures`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<share_figures::ShareFiguresTask>()
}
