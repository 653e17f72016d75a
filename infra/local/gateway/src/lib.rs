//! The program that `cargo run` starts: the whole bundle on one machine.
