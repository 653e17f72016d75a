//! The Lambda binary of `unified-order`.

fn main() {}
