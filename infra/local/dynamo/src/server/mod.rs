//! The endpoint: one socket for all services.

mod connection;
pub(crate) mod request_handler;
mod serve;

pub use request_handler::AuthorizationError;
pub(crate) use serve::serve;
