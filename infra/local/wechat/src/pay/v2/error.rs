//! The error of an operation of Pay v2: `result_code` FAIL.

/// An error of an operation: `err_code` and `err_code_des`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct V2Error {
    pub(crate) err_code: String,
    pub(crate) description: String,
}

impl V2Error {
    pub(crate) fn new(err_code: &str, description: impl Into<String>) -> Self {
        Self { err_code: err_code.to_owned(), description: description.into() }
    }
}
