//! Optional fields of APIv3: absent, `null` and an empty text mean the same.

use serde::{Deserialize, Deserializer};

/// The text; `None` if it is absent, `null` or empty.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}
