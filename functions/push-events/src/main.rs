//! The Lambda binary of `push-events`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<push_events::PushEventsTask>()
}
