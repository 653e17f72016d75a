//! The edge: requests in, answers out, error codes. Nothing below this layer knows of HTTP answers.

mod code;
mod error;
pub mod group_ranking;
mod mapping;
mod notice_reply;
mod rate_limit;
pub mod request;
pub mod response;
mod shipping_view;

pub use code::Code;
pub use error::ApiError;
pub use rate_limit::RateLimit;
pub use response::{FailureContext, FailureFormat};
pub use shipping_view::ShippingView;
