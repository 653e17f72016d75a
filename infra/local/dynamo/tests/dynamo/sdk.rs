//! AWS's own client: its requests are accepted and it understands the answers.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use local_dynamo::{Dynamo, DynamoFault, FaultKind};

use crate::support::{client, start};

#[derive(Debug, Clone)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().unwrap();
            let request = request.map(|body| reqwest::Body::from(body.bytes().unwrap().to_vec()));
            let answer = client.execute(request.try_into().unwrap()).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            let answer = http::Response::<reqwest::Body>::from(answer);
            Ok(HttpResponse::try_from(answer.map(SdkBody::from_body_1_x)).unwrap())
        })
    }
}

pub(crate) fn sdk(dynamo: &Dynamo, caller: &str) -> Client {
    let connector = SharedHttpConnector::new(Connector(client()));
    let credentials =
        Credentials::new(caller, dynamo.secret_access_key(caller), Some("session".to_owned()), None, "test");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(dynamo.url())
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

fn put(client: &Client, id: &str) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder {
    client.put_item().table_name("local-Orders").item("orderId", AttributeValue::S(id.to_owned()))
}

#[tokio::test]
async fn the_sdk_can_write_and_read() {
    let dynamo = start().await;
    put(&sdk(&dynamo, "Writer"), "o1").send().await.unwrap();
    let read = sdk(&dynamo, "Reader").get_item().table_name("local-Orders");
    let answer = read.key("orderId", AttributeValue::S("o1".to_owned())).send().await.unwrap();
    assert!(answer.item.unwrap().contains_key("orderId"));
    assert_eq!(dynamo.calls().len(), 2);
}

#[tokio::test]
async fn the_sdk_understands_a_refusal() {
    let dynamo = start().await;
    let error = put(&sdk(&dynamo, "Reader"), "o1").send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert!(error.message().unwrap().contains("dynamodb:PutItem"));
}

#[tokio::test]
async fn the_sdk_retries_throttled_calls_and_broken_connections() {
    let dynamo = start().await;
    for kind in
        [FaultKind::Throttle, FaultKind::InternalError, FaultKind::TimeoutBefore, FaultKind::TimeoutAfter]
    {
        dynamo.inject_fault(DynamoFault { caller: None, operation: None, kind, times: 1 });
        put(&sdk(&dynamo, "Writer"), "o1").send().await.unwrap();
        let faults: Vec<_> = dynamo.take_calls().into_iter().map(|call| call.fault).collect();
        assert_eq!(faults, [Some(kind), None]);
    }
}

#[tokio::test]
async fn the_sdk_reads_the_reasons_of_a_cancelled_transaction() {
    let dynamo = start().await;
    dynamo.inject_fault(DynamoFault {
        caller: None,
        operation: None,
        kind: FaultKind::TransactionConflict,
        times: 9,
    });
    let put = Put::builder().table_name("local-Orders").item("orderId", AttributeValue::S("o1".to_owned()));
    let item = TransactWriteItem::builder().put(put.build().unwrap()).build();
    let error = sdk(&dynamo, "Writer").transact_write_items().transact_items(item).send().await.unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_transaction_canceled_exception(), "{error:?}");
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = error
    else {
        panic!("another error")
    };
    assert_eq!(cancelled.cancellation_reasons()[0].code(), Some("TransactionConflict"));
}
