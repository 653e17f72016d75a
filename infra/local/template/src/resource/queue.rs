//! `AWS::SQS::Queue`. It exists in the cloud only; locally it shows what was sent to it.

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Queue {
    pub(crate) fn read(
        logical_id: &str,
        name: String,
        arn: String,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        // The properties of FIFO queues are missing: Lambda takes none as a destination.
        properties.only(
            &[],
            &[
                "DelaySeconds",
                "KmsMasterKeyId",
                "MessageRetentionPeriod",
                "QueueName",
                "ReceiveMessageWaitTimeSeconds",
                "RedriveAllowPolicy",
                "RedrivePolicy",
                "SqsManagedSseEnabled",
                "Tags",
                "VisibilityTimeout",
            ],
        )?;
        Ok(Self { logical_id: logical_id.to_owned(), name, arn })
    }
}
