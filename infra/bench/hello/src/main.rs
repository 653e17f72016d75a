//! The least that a function behind the HTTP API can be: what ours are measured against.

use std::convert::Infallible;

use lambda_http::{Body, Error, Request, Response, http::header::CONTENT_TYPE, service_fn};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lambda_http::run(service_fn(hello)))
}

async fn hello(_: Request) -> Result<Response<Body>, Infallible> {
    let mut answer = Response::new(Body::from(r#"{"success":true}"#));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, lambda_http::http::HeaderValue::from_static("application/json"));
    Ok(answer)
}
