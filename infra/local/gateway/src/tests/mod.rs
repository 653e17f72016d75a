//! The gateway in front of functions made for the tests.

mod lifecycle;
mod limits;
mod requests;
pub(crate) mod world;
