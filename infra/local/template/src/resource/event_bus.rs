//! `AWS::Events::EventBus`.

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// An event bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBus {
    /// Its logical id.
    pub logical_id: String,
    /// Its name, by which events are put on it.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl EventBus {
    pub(crate) fn read(
        logical_id: &str,
        arn: String,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        properties.only(&["Name"], &["DeadLetterConfig", "Description", "KmsKeyIdentifier", "Tags"])?;
        // `Name` is required, because CloudFormation does not generate names for buses. EventBridge restricts the characters.
        let name = properties.required_string("Name")?;
        if name == "default" || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            let expected = "letters, digits, '.', '-' and '_', and not \"default\"";
            return Err(TemplateError::unexpected(&properties.below("Name"), expected, &name.into()));
        }
        Ok(Self { logical_id: logical_id.to_owned(), name, arn })
    }
}
