//! A request as it came in, with its whole body.

use std::net::IpAddr;

use axum::{body::Body, extract::Request};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::request::Parts;

use super::refusal::Refusal;

/// A request as it came in.
pub(super) struct Incoming {
    pub(super) head: Parts,
    pub(super) body: Bytes,
    pub(super) source_ip: IpAddr,
}

impl Incoming {
    pub(super) async fn read(request: Request, source_ip: IpAddr) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        Ok(Self { head, body: read(body).await?, source_ip })
    }

    pub(super) fn method(&self) -> &str {
        self.head.method.as_str()
    }

    /// The path with its percent-encoding.
    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// What follows the question mark, with its percent-encoding.
    pub(super) fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    /// The header as text; the first one if it is repeated.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }
}

/// A body that is too large is read on for a while: a client that is still sending would not see the answer.
async fn read(body: Body) -> Result<Bytes, Refusal> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::BadRequest)?;
        length = length.saturating_add(chunk.len());
        if length <= LARGEST {
            kept.extend_from_slice(&chunk);
        } else if length > PATIENCE {
            break;
        }
    }
    if length > LARGEST { Err(Refusal::TooLarge) } else { Ok(kept.freeze()) }
}

/// API Gateway takes 10 MB.
const LARGEST: usize = 10 * 1024 * 1024;
const PATIENCE: usize = 4 * LARGEST;
