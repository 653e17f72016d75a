//! The Lambda binary of `user`.

fn main() {}
