//! The Lambda binary of `complaint-sweep`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<complaint_sweep::ComplaintSweepTask>()
}
