//! The Lambda binary of `order-events`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<order_events::OrderEventsTask>()
}
