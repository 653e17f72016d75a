//! Pay v3: JSON over HTTP's own methods and statuses, signed with RSA in both directions.
//!
//! `envelope.rs` checks what all requests share (headers, `authorization.rs`) and signs the responses (`signature.rs`). Each API
//! has a file.

pub(crate) mod abnormal_refund;
mod authorization;
pub(crate) mod bill_file;
pub(crate) mod certificates;
pub(crate) mod close;
pub(crate) mod complaint;
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

/// Adds fields to a JSON object.
fn with_fields<const N: usize>(mut object: Value, fields: [(&str, Value); N]) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}
