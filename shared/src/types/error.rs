//! Errors of any type.

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// `error` and its sources as one line, the outermost first.
#[must_use]
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(": ");
        line.push_str(&error.to_string());
        source = error.source();
    }
    line
}
