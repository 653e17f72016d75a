//! The part of API Gateway: routes, authorization, events, limits, answers.
//!
//! It follows "Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).

mod event;
mod gateway;
mod iam;
mod incoming;
mod refusal;
mod reply;
mod routes;

pub(crate) use gateway::{Gateway, router};
pub(crate) use routes::Routes;
