//! The gateway in front of functions made for the tests.

mod chaos;
mod lifecycle;
mod limits;
mod requests;
mod restart;
mod streams;
pub(crate) mod support;
