//! The endpoint: one socket for all services.

mod line;
mod serve;
pub(crate) mod world;

pub(crate) use serve::serve;
pub use world::Refusal;
