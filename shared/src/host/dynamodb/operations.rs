//! The operations, with the names and parameters that they have in `aws-sdk-dynamodb`, where their documentation stands.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        batch_get_item::{BatchGetItem, BatchGetItemError, BatchGetItemOutput},
        delete_item::{DeleteItem, DeleteItemError, DeleteItemOutput},
        get_item::{GetItem, GetItemError, GetItemOutput},
        put_item::{PutItem, PutItemError, PutItemOutput},
        query::{Query, QueryError, QueryOutput},
        scan::{Scan, ScanError, ScanOutput},
        transact_write_items::{
            TransactWriteItems, TransactWriteItemsError, TransactWriteItemsOutput,
            builders::TransactWriteItemsInputBuilder,
        },
        update_item::{UpdateItem, UpdateItemError, UpdateItemOutput},
    },
    types::{
        AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem,
    },
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::Client;
use crate::types::BoxError;

/// A map of attributes.
type Attributes = HashMap<String, AttributeValue>;

/// The parameters of an operation that needs no others.
fn unchanged<I>(input: I, _: &Client) -> Result<I, BoxError> {
    Ok(input)
}

/// The parameters of a transaction, with a token by which DynamoDB executes it once, however often it is sent.
fn with_request_token(
    input: TransactWriteItemsInputBuilder,
    client: &Client,
) -> Result<TransactWriteItemsInputBuilder, BoxError> {
    if input.get_client_request_token().is_some() {
        return Ok(input);
    }
    Ok(input.client_request_token(client.request_token()?))
}

/// Makes the builder of an operation, with the parameters that stores use.
macro_rules! operation {
    (
        $method:ident, $operation:ident, $builder:ident, $input:ident -> $output:ident, $error:ident,
        $prepare:path, { $($setter:ident($($argument:ident: $type:ty),+)),* $(,)? }
    ) => {
        #[doc = concat!("The request of the operation `", stringify!($operation), "`.")]
        #[derive(Debug, Clone)]
        pub struct $builder {
            client: Client,
            input: aws_sdk_dynamodb::operation::$method::builders::$input,
        }

        impl Client {
            #[doc = concat!("Begins a request of the operation `", stringify!($operation), "`.")]
            #[must_use]
            pub fn $method(&self) -> $builder {
                $builder { client: self.clone(), input: Default::default() }
            }
        }

        impl $builder {
            $(
                #[doc = concat!("The parameter `", stringify!($setter), "`.")]
                #[must_use]
                pub fn $setter(mut self, $($argument: $type),+) -> Self {
                    self.input = self.input.$setter($($argument),+);
                    self
                }
            )*

            /// The parameters.
            #[must_use]
            pub fn as_input(&self) -> &aws_sdk_dynamodb::operation::$method::builders::$input {
                &self.input
            }

            /// Sends the request, in up to three attempts.
            ///
            /// # Errors
            /// As in `aws-sdk-dynamodb`. After any failure but a construction failure and a service error, the operation may have
            /// taken effect.
            pub async fn send(self) -> Result<$output, SdkError<$error, HttpResponse>> {
                let input = $prepare(self.input, &self.client).map_err(SdkError::construction_failure)?;
                let input = input.build().map_err(SdkError::construction_failure)?;
                self.client.execute(&$operation::new(), input).await
            }
        }
    };
}

operation!(get_item, GetItem, GetItemFluentBuilder, GetItemInputBuilder -> GetItemOutput, GetItemError, unchanged, {
    table_name(name: impl Into<String>),
    key(name: impl Into<String>, value: AttributeValue),
    set_key(key: Option<Attributes>),
    consistent_read(on: bool),
    projection_expression(expression: impl Into<String>),
    expression_attribute_names(name: impl Into<String>, value: impl Into<String>),
});

operation!(batch_get_item, BatchGetItem, BatchGetItemFluentBuilder, BatchGetItemInputBuilder -> BatchGetItemOutput, BatchGetItemError, unchanged, {
    request_items(table: impl Into<String>, keys: KeysAndAttributes),
    set_request_items(items: Option<HashMap<String, KeysAndAttributes>>),
});

operation!(query, Query, QueryFluentBuilder, QueryInputBuilder -> QueryOutput, QueryError, unchanged, {
    table_name(name: impl Into<String>),
    index_name(name: impl Into<String>),
    key_condition_expression(expression: impl Into<String>),
    filter_expression(expression: impl Into<String>),
    projection_expression(expression: impl Into<String>),
    expression_attribute_names(name: impl Into<String>, value: impl Into<String>),
    expression_attribute_values(name: impl Into<String>, value: AttributeValue),
    set_expression_attribute_values(values: Option<Attributes>),
    set_exclusive_start_key(key: Option<Attributes>),
    consistent_read(on: bool),
    scan_index_forward(forward: bool),
    limit(limit: i32),
});

operation!(scan, Scan, ScanFluentBuilder, ScanInputBuilder -> ScanOutput, ScanError, unchanged, {
    table_name(name: impl Into<String>),
    index_name(name: impl Into<String>),
    filter_expression(expression: impl Into<String>),
    expression_attribute_names(name: impl Into<String>, value: impl Into<String>),
    expression_attribute_values(name: impl Into<String>, value: AttributeValue),
    set_exclusive_start_key(key: Option<Attributes>),
    limit(limit: i32),
});

operation!(put_item, PutItem, PutItemFluentBuilder, PutItemInputBuilder -> PutItemOutput, PutItemError, unchanged, {
    table_name(name: impl Into<String>),
    item(name: impl Into<String>, value: AttributeValue),
    set_item(item: Option<Attributes>),
    condition_expression(expression: impl Into<String>),
    expression_attribute_names(name: impl Into<String>, value: impl Into<String>),
    expression_attribute_values(name: impl Into<String>, value: AttributeValue),
    return_values(values: ReturnValue),
    return_values_on_condition_check_failure(values: ReturnValuesOnConditionCheckFailure),
});

operation!(update_item, UpdateItem, UpdateItemFluentBuilder, UpdateItemInputBuilder -> UpdateItemOutput, UpdateItemError, unchanged, {
    table_name(name: impl Into<String>),
    key(name: impl Into<String>, value: AttributeValue),
    set_key(key: Option<Attributes>),
    update_expression(expression: impl Into<String>),
    set_update_expression(expression: Option<String>),
    condition_expression(expression: impl Into<String>),
    set_condition_expression(expression: Option<String>),
    expression_attribute_names(name: impl Into<String>, value: impl Into<String>),
    set_expression_attribute_names(names: Option<HashMap<String, String>>),
    expression_attribute_values(name: impl Into<String>, value: AttributeValue),
    set_expression_attribute_values(values: Option<Attributes>),
    return_values(values: ReturnValue),
    return_values_on_condition_check_failure(values: ReturnValuesOnConditionCheckFailure),
});

operation!(delete_item, DeleteItem, DeleteItemFluentBuilder, DeleteItemInputBuilder -> DeleteItemOutput, DeleteItemError, unchanged, {
    table_name(name: impl Into<String>),
    key(name: impl Into<String>, value: AttributeValue),
    set_key(key: Option<Attributes>),
    condition_expression(expression: impl Into<String>),
    expression_attribute_names(name: impl Into<String>, value: impl Into<String>),
    expression_attribute_values(name: impl Into<String>, value: AttributeValue),
    return_values(values: ReturnValue),
    return_values_on_condition_check_failure(values: ReturnValuesOnConditionCheckFailure),
});

operation!(transact_write_items, TransactWriteItems, TransactWriteItemsFluentBuilder, TransactWriteItemsInputBuilder -> TransactWriteItemsOutput, TransactWriteItemsError, with_request_token, {
    transact_items(item: TransactWriteItem),
    set_transact_items(items: Option<Vec<TransactWriteItem>>),
    client_request_token(token: impl Into<String>),
});
