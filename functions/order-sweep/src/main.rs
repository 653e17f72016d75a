//! The Lambda binary of `order-sweep`.

fn main() -> Result<(), shared::error::BoxError> {
    shared::runtime::serve_task::<order_sweep::OrderSweepTask>()
}
