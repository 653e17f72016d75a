//! A request of Pay v2 whose signature has been verified.

use super::Fields;
use crate::pay::version::SignType;

/// The fields of a verified request, and how it was signed.
#[derive(Debug)]
pub(crate) struct V2Request {
    pub(crate) fields: Fields,
    pub(crate) sign_type: SignType,
}

impl V2Request {
    /// The field with this name; `None` if it is empty, because Pay v2 treats an empty field as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
