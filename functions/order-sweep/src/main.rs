//! The Lambda binary of `order-sweep`.

fn main() {}
