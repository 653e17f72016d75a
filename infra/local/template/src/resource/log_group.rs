//! `AWS::Logs::LogGroup`.

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// After how many days a line is deleted; `None` is never.
    pub retention_days: Option<u32>,
}

impl LogGroup {
    pub(crate) fn read(
        logical_id: &str,
        name: String,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        properties.only(
            &["LogGroupName", "RetentionInDays"],
            &["DataProtectionPolicy", "KmsKeyId", "LogGroupClass", "Tags"],
        )?;
        let retention_days = properties.number("RetentionInDays")?;
        Ok(Self { logical_id: logical_id.to_owned(), name, retention_days })
    }
}
