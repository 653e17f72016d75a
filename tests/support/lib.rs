//! The world that the end-to-end tests live in: the whole bundle, a simulated WeChat, phones and operators.
//!
//! Every world has servers and tables of its own. When one ends, what it logged, every error it answered and every table are
//! searched for secrets and people.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on has failed, and says why"
)]

mod answer;
mod clock;
mod leaks;
mod log;
mod operator;
mod phone;
mod world;

pub use answer::Answer;
pub use clock::TestClock;
pub use phone::Phone;
pub use world::{Setup, World};
