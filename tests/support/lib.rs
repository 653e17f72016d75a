#![doc = include_str!("README.md")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on has failed, and says why"
)]

pub mod api;
mod builder;
mod clock;
mod effects;
mod leaks;
mod log;
mod operator;
mod phone;
mod response;
mod wechat_pay;
mod world;

pub use builder::WorldBuilder;
pub use clock::TestClock;
pub use effects::Effects;
pub use phone::Phone;
pub use response::Response;
pub use wechat_pay::WeChatPay;
pub use world::{Requests, World};
