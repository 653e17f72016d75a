//! `docs/openapi.yaml`, the description of the API: every exchange of a test is checked against it.
//!
//! ```text
//! World::send ─ Exchange ─▶ ApiDescription::problems   what the description does not allow fails the test
//!                        └▶ usage::record              what of the description the exchange has used
//! ```

mod check;
mod description;
mod node;
pub mod usage;

pub use check::Exchange;
pub use description::{ApiDescription, Operation};
pub use node::Node;
