//! The DynamoDB client: the operations, types and errors of the crate `aws-sdk-dynamodb`, sent as all calls to AWS are.
//!
//! The crate's own client is not used. It reads a list of all AWS partitions and compiles their patterns when it is made, and passes every
//! request through two dozen interceptors, which takes longer than everything else that a request needs (`docs/performance.md`). The
//! crate writes each request and reads each answer here as well; [`AwsClient`] signs, sends and retries.

mod operations;

use std::{fmt, sync::Arc};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, Input, Output},
    orchestrator::{HttpResponse, OrchestratorError},
    result::ConnectorError,
    runtime_plugin::RuntimePlugin,
    ser_de::{DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer},
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::{ConfigBag, FrozenLayer},
};
use bytes::Bytes;

use super::{AwsCall, AwsClient, AwsService, Host, HostError, RemoteService};
use crate::{crypto, types::BoxError};
pub use operations::{
    BatchGetItemFluentBuilder, DeleteItemFluentBuilder, GetItemFluentBuilder, PutItemFluentBuilder,
    QueryFluentBuilder, ScanFluentBuilder, TransactWriteItemsFluentBuilder, UpdateItemFluentBuilder,
};

/// A client of DynamoDB. All clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<AwsClient>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Host {
    /// The DynamoDB client, made once.
    ///
    /// # Errors
    /// [`HostError`]: region or credentials are not in the environment.
    pub fn dynamodb(&self) -> Result<Client, HostError> {
        if let Some(client) = self.0.dynamodb.get() {
            return Ok(client.clone());
        }
        let client = self.aws(AwsService::DynamoDb)?;
        self.note_address(RemoteService::Aws, client.endpoint());
        let client = Client(Arc::new(client));
        Ok(self.0.dynamodb.get_or_init(|| client).clone())
    }
}

impl Client {
    /// A new token for a transaction.
    fn request_token(&self) -> Result<String, HostError> {
        Ok(crypto::hex(&self.0.host().random::<16>()?))
    }

    /// Sends the operation, in up to three attempts with the same content.
    async fn execute<I, O, E>(
        &self,
        operation: &dyn RuntimePlugin,
        input: I,
    ) -> Result<O, SdkError<E, HttpResponse>>
    where
        I: fmt::Debug + Send + Sync + 'static,
        O: fmt::Debug + Send + Sync + 'static,
        E: ProvideErrorMetadata + std::error::Error + fmt::Debug + Send + Sync + 'static,
    {
        match self.exchange(operation, Input::erase(input)).await {
            Ok((Ok(output), response)) => match output.downcast::<O>() {
                Ok(output) => Ok(output),
                Err(_) => Err(SdkError::response_error(UNEXPECTED_TYPE, response)),
            },
            Ok((Err(error), response)) => {
                let mut refusal = None;
                let other = error.map_operation_error(|error| refusal = Some(error));
                Err(match refusal.map(Error::downcast::<E>) {
                    Some(Ok(refusal)) => SdkError::service_error(refusal, response),
                    Some(Err(_)) => SdkError::response_error(UNEXPECTED_TYPE, response),
                    None => SdkError::response_error(format!("{other:?}"), response),
                })
            }
            Err(Failure::Request(cause)) => Err(SdkError::construction_failure(cause)),
            Err(Failure::NoAnswer(cause)) => Err(SdkError::dispatch_failure(ConnectorError::io(cause))),
        }
    }

    /// The part of [`Client::execute`] that is the same for all operations.
    async fn exchange(
        &self,
        operation: &dyn RuntimePlugin,
        input: Input,
    ) -> Result<(Result<Output, OrchestratorError<Error>>, HttpResponse), Failure> {
        let config = operation.config().ok_or(Failure::Request(NO_SERIALIZER.into()))?;
        let (target, body) = serialize(&config, input).map_err(Failure::Request)?;
        let answer = self.0.exchange_with_retries(&AwsCall::dynamodb(&target, body)).await;
        let answer = answer.map_err(|error| Failure::NoAnswer(error.into()))?;
        let response = HttpResponse::try_from(answer.map(SdkBody::from))
            .map_err(|error| Failure::NoAnswer(error.into()))?;
        let deserializer = config.load::<SharedResponseDeserializer>();
        let deserializer = deserializer.ok_or(Failure::Request(NO_SERIALIZER.into()))?;
        let read = deserializer.deserialize_nonstreaming_with_config(&response, &ConfigBag::base());
        Ok((read, response))
    }
}

/// Why there is no answer of DynamoDB.
enum Failure {
    /// The request can't be written. It was not sent.
    Request(BoxError),
    /// No usable answer came. The operation may have taken effect.
    NoAnswer(BoxError),
}

/// The name of the operation as DynamoDB reads it from the header, and the content of the request.
fn serialize(config: &FrozenLayer, input: Input) -> Result<(String, Bytes), BoxError> {
    let serializer = config.load::<SharedRequestSerializer>().ok_or(NO_SERIALIZER)?;
    let request = serializer.serialize_input(input, &mut ConfigBag::base())?;
    let target = request.headers().get("x-amz-target").ok_or("the request names no operation")?.to_owned();
    let body = request.body().bytes().ok_or("the content of the request is a stream")?;
    Ok((target, Bytes::copy_from_slice(body)))
}

const NO_SERIALIZER: &str = "the operation has no serializer";
const UNEXPECTED_TYPE: &str = "the answer is of another operation";
