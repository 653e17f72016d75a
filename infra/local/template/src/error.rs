//! Why a template was refused. Each variant names the place: the logical id and the path of the property below it.

use std::{io, path::PathBuf};

/// Why a template was refused.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Two resources, parameters or routes claim the same thing.
    #[error("{place}: {what} stands there already, at {first}")]
    Duplicate {
        /// Where the second one stands.
        place: String,
        /// What is there twice.
        what: String,
        /// Where the first one stands.
        first: String,
    },
    /// The intrinsics refer to each other in a circle, or are nested deeper than any sensible template.
    #[error("{place}: the references go in a circle")]
    Circle {
        /// Where it was noticed.
        place: String,
    },
    /// A property must be there and is not.
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
        /// What is wrong with it.
        problem: ParameterProblem,
    },
    /// The file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The parameters break one of the template's rules.
    #[error("{place}: {why}")]
    Rule {
        /// Where the rule stands.
        place: String,
        /// What it demands.
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
    /// A plain scalar that SAM and this reader read differently.
    #[error(
        "{place}: YAML 1.1, which SAM speaks, and YAML 1.2 do not both read {reading} in the plain text {text}: quote it"
    )]
    TwoReadings {
        /// Where it stands.
        place: String,
        /// The text.
        text: String,
        /// What one of them reads.
        reading: &'static str,
    },
    /// A name that nothing declares.
    #[error("{place}: nothing is called {name:?}{hint}")]
    UnknownName {
        /// Where it is used.
        place: String,
        /// The name.
        name: String,
        /// What helps to find the mistake; empty or a clause that starts with a semicolon.
        hint: String,
    },
    /// Something this reader does not know.
    #[error("{place}: {what} is not supported; supported: {supported}")]
    Unsupported {
        /// Where it stands.
        place: String,
        /// What it is.
        what: String,
        /// What may stand there.
        supported: String,
    },
    /// A value of the wrong kind.
    #[error("{place}: expected {expected}, found {found}")]
    Wrong {
        /// Where it stands.
        place: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The text is not YAML, or not one document.
    #[error("the template is not well-formed YAML")]
    Yaml(#[from] saphyr::ScanError),
}

/// What is wrong with a parameter.
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
    /// The pattern itself cannot be read.
    #[error("the AllowedPattern {0} cannot be read")]
    PatternUnreadable(String),
    /// A value was given for a parameter that the template does not declare.
    #[error("the template declares no such parameter")]
    Undeclared,
    /// There is neither a default nor a given value.
    #[error("it has no default and no value was given")]
    Unset,
}

impl TemplateError {
    pub(crate) fn unsupported(place: &str, what: impl Into<String>, supported: &[&str]) -> Self {
        Self::Unsupported { place: place.to_owned(), what: what.into(), supported: supported.join(", ") }
    }

    pub(crate) fn wrong(place: &str, expected: &str, found: &serde_json::Value) -> Self {
        Self::Wrong { place: place.to_owned(), expected: expected.to_owned(), found: kind(found) }
    }
}

/// Says what a value is without printing much of it.
fn kind(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        scalar => scalar.to_string(),
    }
}
