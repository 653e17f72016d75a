//! The Lambda binary of `order-sweep`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<order_sweep::OrderSweepTask>()
}
