//! Parts that APIv3 may leave out: absent, `null` and an empty text mean the same.

use serde::{Deserialize, Deserializer};

/// The text, if there is one.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}
