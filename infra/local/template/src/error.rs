//! The error of this crate. Each variant has the place in the template: the logical id and the path of the property.

use std::{io, path::PathBuf};

/// Why a template was refused.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Two resources, parameters or routes have the same name.
    #[error("{place}: {what} stands there already, at {first}")]
    Duplicate {
        /// The place of the second one.
        place: String,
        /// The name.
        what: String,
        /// The place of the first one.
        first: String,
    },
    /// The intrinsics refer to each other in a circle, or are nested too deeply.
    #[error("{place}: the references go in a circle")]
    Circle {
        /// The place at which the limit of depth was reached.
        place: String,
    },
    /// A required property is missing.
    #[error("{place}: the property {property} is missing")]
    Missing {
        /// The object that lacks it.
        place: String,
        /// The property's name.
        property: String,
    },
    /// A parameter has no value, or one that its declaration refuses.
    #[error("parameter {name}: {problem}")]
    Parameter {
        /// The parameter's name.
        name: String,
        /// The problem.
        problem: ParameterProblem,
    },
    /// The file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The parameters break one of the template's rules.
    #[error("{place}: {why}")]
    Rule {
        /// The place of the rule.
        place: String,
        /// The rule's `AssertDescription`.
        why: String,
    },
    /// A secret's value is written in the template, where it would be stored in clear.
    #[error(
        "{place}: a secret value must not stand in the template; declare it empty or with GenerateSecretString"
    )]
    SecretInTemplate {
        /// The secret.
        place: String,
    },
    /// A plain scalar that YAML 1.1 (SAM) and YAML 1.2 (this reader) read differently.
    #[error(
        "{place}: YAML 1.1, which SAM speaks, and YAML 1.2 do not both read {reading} in the plain text {text}: quote it"
    )]
    AmbiguousScalar {
        /// The place in the template.
        place: String,
        /// The text.
        text: String,
        /// The value that one of the two reads.
        reading: &'static str,
    },
    /// A name that nothing declares.
    #[error("{place}: nothing is called {name:?}{hint}")]
    UnknownName {
        /// The place that uses the name.
        place: String,
        /// The name.
        name: String,
        /// A hint; empty, or a clause that starts with a semicolon.
        hint: String,
    },
    /// A value that this reader does not support.
    #[error("{place}: {what} is not supported; supported: {supported}")]
    Unsupported {
        /// The place in the template.
        place: String,
        /// The value.
        what: String,
        /// The values that are supported there.
        supported: String,
    },
    /// A value of the wrong type or form.
    #[error("{place}: expected {expected}, found {found}")]
    UnexpectedValue {
        /// The place in the template.
        place: String,
        /// The values that are supported there.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// The text is not YAML, or not one document.
    #[error("the template is not well-formed YAML")]
    Yaml(#[from] saphyr::ScanError),
}

/// Why the value of a parameter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterProblem {
    /// The value is outside its `AllowedValues`.
    #[error("{value:?} is not among the allowed values: {allowed}")]
    NotAllowed {
        /// The value.
        value: String,
        /// The allowed ones.
        allowed: String,
    },
    /// The value is longer, shorter, larger or smaller than allowed.
    #[error("{value:?} breaks {rule}")]
    OutOfRange {
        /// The value.
        value: String,
        /// The rule, such as `MinLength: 3`.
        rule: String,
    },
    /// The value does not match its `AllowedPattern`.
    #[error("{value:?} does not match {pattern}")]
    Pattern {
        /// The value.
        value: String,
        /// The pattern.
        pattern: String,
    },
    /// The pattern is not a valid regular expression.
    #[error("the AllowedPattern {0} cannot be read")]
    PatternUnreadable(String),
    /// A value was given for a parameter that the template does not declare.
    #[error("the template declares no such parameter")]
    Undeclared,
    /// The parameter has no default, and no value was given.
    #[error("it has no default and no value was given")]
    Unset,
}

impl TemplateError {
    pub(crate) fn unsupported(place: &str, what: impl Into<String>, supported: &[&str]) -> Self {
        Self::Unsupported { place: place.to_owned(), what: what.into(), supported: supported.join(", ") }
    }

    pub(crate) fn unexpected(place: &str, expected: &str, found: &serde_json::Value) -> Self {
        Self::UnexpectedValue {
            place: place.to_owned(),
            expected: expected.to_owned(),
            found: describe(found),
        }
    }
}

/// Describes a value without printing the content of lists and mappings.
fn describe(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        scalar => scalar.to_string(),
    }
}
