//! `AWS::SQS::Queue`. Locally a queue only keeps its messages for tests.

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
        // The properties of FIFO queues are missing, because Lambda does not support FIFO queues as destinations.
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
