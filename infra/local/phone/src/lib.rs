//! A phone in the browser over the local world.
//!
//! The page in `page/` is plain HTML, CSS and JavaScript. It is compiled into the program and fetches nothing from elsewhere.

mod page;

pub use page::router as page_router;
