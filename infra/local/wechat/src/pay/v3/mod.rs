//! Pay v3: JSON over HTTP's own methods and statuses, signed with RSA in both directions.
//!
//! `envelope.rs` judges what all requests share (headers, `authorization.rs`) and seals the answers
//! (`seal.rs`); each API has a file.

pub(crate) mod abnormal_refund;
mod authorization;
pub(crate) mod bill_file;
pub(crate) mod certificates;
pub(crate) mod close;
pub(crate) mod envelope;
mod error;
pub(crate) mod notice;
pub(crate) mod prepay;
pub(crate) mod query;
pub(crate) mod refund;
pub(crate) mod refund_query;
pub(crate) mod resource;
mod schema;
pub(crate) mod signature;
pub(crate) mod trade_bill;
mod transaction;
#[cfg(test)]
pub(crate) mod vectors;

use serde_json::Value;

/// The object with more fields.
fn with_fields<const N: usize>(mut object: Value, fields: [(&str, Value); N]) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}
