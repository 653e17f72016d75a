//! The Lambda binary of `login`.

fn main() {}
