//! The Lambda binary of `pay-notify`.

fn main() {}
