//! A request with its whole body.

use std::net::IpAddr;

use axum::{body::Body, extract::Request};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::request::Parts;

use super::{
    error::GatewayError,
    limits::{MAX_BODY_BYTES, MAX_DRAINED_BYTES},
};

/// A request with its whole body, before anything is decoded.
pub(super) struct GatewayRequest {
    pub(super) head: Parts,
    pub(super) body: Bytes,
    pub(super) source_ip: IpAddr,
}

impl GatewayRequest {
    pub(super) async fn read(request: Request, source_ip: IpAddr) -> Result<Self, GatewayError> {
        let (head, body) = request.into_parts();
        Ok(Self { head, body: read_body(body).await?, source_ip })
    }

    pub(super) fn method(&self) -> &str {
        self.head.method.as_str()
    }

    /// The path with its percent-encoding.
    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The query, without the question mark and with its percent-encoding.
    pub(super) fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    /// The header's text; the first value if the header is repeated.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }
}

/// Reads the body. Of a body that is too large more is read and dropped, because a client that is still sending would not read
/// the response.
async fn read_body(body: Body) -> Result<Bytes, GatewayError> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| GatewayError::BadRequest)?;
        length = length.saturating_add(chunk.len());
        if length <= MAX_BODY_BYTES {
            kept.extend_from_slice(&chunk);
        } else if length > MAX_DRAINED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES { Err(GatewayError::TooLarge) } else { Ok(kept.freeze()) }
}
