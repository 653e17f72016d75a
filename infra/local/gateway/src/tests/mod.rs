//! The gateway in front of functions made for the tests.

mod lifecycle;
mod limits;
mod requests;
mod storm;
mod streams;
pub(crate) mod world;
