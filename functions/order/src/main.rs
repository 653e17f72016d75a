//! The Lambda binary of `order`.

fn main() {}
