//! The header `X-Amz-Target`, which names the service and the operation of a request.

/// The service and the operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestTarget<'a> {
    pub(crate) service: AwsService,
    pub(crate) operation: &'a str,
}

/// A service behind the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AwsService {
    /// DynamoDB and its streams.
    DynamoDb,
    /// EventBridge.
    EventBridge,
    /// Secrets Manager.
    SecretsManager,
}

impl<'a> RequestTarget<'a> {
    pub(crate) fn parse(header: &'a str) -> Option<Self> {
        let (prefix, operation) = header.split_once('.')?;
        let service = match prefix {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => AwsService::DynamoDb,
            "AWSEvents" => AwsService::EventBridge,
            "secretsmanager" => AwsService::SecretsManager,
            _ => return None,
        };
        Some(Self { service, operation })
    }
}

impl AwsService {
    /// The service name in the credential scope of a signature.
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
