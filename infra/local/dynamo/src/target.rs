//! The header `X-Amz-Target`: which service and operation a request is for.

/// Which service and operation a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) service: Service,
    pub(crate) operation: &'a str,
}

/// A service behind the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// DynamoDB and its streams.
    DynamoDb,
    /// EventBridge.
    EventBridge,
    /// Secrets Manager.
    SecretsManager,
}

impl<'a> Target<'a> {
    pub(crate) fn parse(header: &'a str) -> Option<Self> {
        let (prefix, operation) = header.split_once('.')?;
        let service = match prefix {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Service::DynamoDb,
            "AWSEvents" => Service::EventBridge,
            "secretsmanager" => Service::SecretsManager,
            _ => return None,
        };
        Some(Self { service, operation })
    }
}

impl Service {
    /// The name that credentials are scoped to.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::EventBridge => "events",
            Self::SecretsManager => "secretsmanager",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::DynamoDb => "application/x-amz-json-1.0",
            Self::EventBridge | Self::SecretsManager => "application/x-amz-json-1.1",
        }
    }
}
