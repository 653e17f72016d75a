//! The edge: requests in, answers out, error codes. Nothing below this layer knows of HTTP answers.

mod code;
mod error;
mod mapping;
mod notice_reply;
pub mod request;
pub mod response;

pub use code::Code;
pub use error::ApiError;
pub use response::{FailureContext, FailureFormat};
