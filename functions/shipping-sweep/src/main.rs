//! The Lambda binary of `shipping-sweep`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve_task::<shipping_sweep::ShippingSweepTask>()
}
