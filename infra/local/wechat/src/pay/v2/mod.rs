//! Pay v2: XML over POST, signed with the merchant's APIv2 key.
//!
//! `envelope.rs` checks what all requests share (XML, merchant, signature, nonce) and signs the responses. Each API has a file.

pub(crate) mod close_order;
pub(crate) mod download_bill;
pub(crate) mod envelope;
mod error;
mod field_rules;
pub(crate) mod notice;
pub(crate) mod order_query;
pub(crate) mod refund;
pub(crate) mod refund_notice;
pub(crate) mod refund_query;
mod request;
pub(crate) mod sign;
pub(crate) mod unified_order;
pub(crate) mod xml;

use std::collections::BTreeMap;

/// The fields of a message by name; values as signed, without XML escapes.
pub(crate) type Fields = BTreeMap<String, String>;

/// The fields with these names and values.
pub(crate) fn fields_from(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
