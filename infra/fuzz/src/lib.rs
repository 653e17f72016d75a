//! Readers of what strangers send, each as a function from bytes: fuzzers run them, and a test runs them over the seeds.
//!
//! What is signed or encrypted on its way is signed and encrypted here, with keys of this crate, because a fuzzer never guesses a
//! signature. So it reaches what lies behind. An input fails if a reader panics, if a check here fails, or if a route answers 5xx although
//! its function has called nobody.

#![expect(clippy::expect_used, reason = "what can't be prepared has failed, and says why")]

mod bill_server;
mod bills;
mod exchange;
mod log_lines;
mod notices;
mod open_data;
mod pushes;
mod reader;
mod routes;
mod services;
mod sigv4;
mod texts;
mod tokens;
mod world;

pub use reader::{Reader, Target};

/// The readers by name. `README.md` says what each reads.
pub const TARGETS: [Target; 17] = [
    Target { name: "bill-v2", start: bills::v2 },
    Target { name: "bill-v3", start: bills::v3 },
    Target { name: "json", start: texts::json },
    Target { name: "log", start: log_lines::write },
    Target { name: "notice-v2", start: notices::v2 },
    Target { name: "notice-v2-refund", start: notices::v2_refund },
    Target { name: "notice-v2-signed", start: notices::v2_signed },
    Target { name: "notice-v3", start: notices::v3 },
    Target { name: "notice-v3-signed", start: notices::v3_signed },
    Target { name: "open-data", start: open_data::decrypt },
    Target { name: "push-plain", start: pushes::plain },
    Target { name: "push-secure", start: pushes::secure },
    Target { name: "route", start: routes::answer },
    Target { name: "sigv4", start: sigv4::verify },
    Target { name: "text", start: texts::parse },
    Target { name: "token", start: tokens::authenticate },
    Target { name: "world", start: world::answer },
];
