//! Pages in the browser over the local world: a phone, and the description of the API; and the timeline of what happened there.
//!
//! ```text
//! gateway, functions, local AWS, simulated WeChat, controls ── Event ──▶ Timeline ──▶ /_wechat/timeline ──▶ page
//! ```
//!
//! Invariants:
//!
//! - The pages in `page/` and `api/` are plain HTML, CSS and JavaScript. They are compiled into the program and fetch nothing from elsewhere.
//! - Whoever records an event hands over what happened as it was. What a reader sees is made when it is read: secrets are hidden there,
//!   so that recording costs little and a secret that becomes known later is hidden too.
//! - The timeline keeps the newest events only, and of each body at most [`MAX_BODY_BYTES`].

mod about;
mod api_page;
mod content;
mod control_events;
mod event;
mod folder;
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
pub use routes::router as timeline_router;
pub use timeline::{Masker, Timeline, WeakTimeline};

use axum::Router;

/// The routes of the pages, to be mounted at `/_wechat`. Pictures that users uploaded come from the origin `uploads`.
pub fn page_router(uploads: &str) -> Router {
    page::router(uploads).merge(api_page::router())
}
