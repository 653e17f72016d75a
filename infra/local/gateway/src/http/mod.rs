//! The local API Gateway: routes, authorization, events, limits, responses.
//!
//! It follows "Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).

mod error;
mod event;
mod gateway;
mod iam;
mod limits;
mod request;
mod request_event;
mod response;
mod routes;

pub(crate) use gateway::{Gateway, router};
pub(crate) use iam::sign_as_operator;
pub(crate) use routes::RouteTable;
