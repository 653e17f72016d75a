//! A phone in the browser over the local world, and the timeline of what happened there.
//!
//! ```text
//! gateway, functions, local AWS, simulated WeChat, controls ── Event ──▶ Timeline ──▶ /_wechat/timeline ──▶ page
//! ```
//!
//! Invariants:
//!
//! - The page in `page/` is plain HTML, CSS and JavaScript. It is compiled into the program and fetches nothing from elsewhere.
//! - Whoever records an event hands over what happened as it was. What a reader sees is made when it is read: secrets are hidden there,
//!   so that recording costs little and a secret that becomes known later is hidden too.
//! - The timeline keeps the newest events only, and of each body at most [`MAX_BODY_BYTES`].

mod about;
mod content;
mod control_events;
mod event;
mod invocations;
mod origin;
mod page;
mod redaction;
mod routes;
mod timeline;

pub use content::MAX_BODY_BYTES;
pub use control_events::record_controls;
pub use event::Event;
pub use invocations::OpenInvocation;
pub use origin::refuse_other_origins;
pub use page::router as page_router;
pub use routes::router as timeline_router;
pub use timeline::{Masker, Timeline, WeakTimeline};
