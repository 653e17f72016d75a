//! Downloading a bill chunk by chunk.

use std::time::Duration;

use super::spool::{Spool, Spooled};
use crate::{
    host::{Address, HttpError, HttpResponse, RequestBuilder, Upstream},
    pay::PayError,
};

/// A download in progress.
pub(in crate::pay) struct Download {
    path: &'static str,
    answer: HttpResponse,
    /// The first bytes, from which the format is recognized.
    head: Vec<u8>,
}

impl Download {
    /// Sends the request to `address` and waits for the first bytes of the answer.
    pub(in crate::pay) async fn begin(
        path: &'static str,
        request: RequestBuilder,
        (upstream, address): (&Upstream, &Address),
    ) -> Result<Self, PayError> {
        let answer = request.send().await;
        upstream.record_response(address, answer.as_ref().ok().map(HttpResponse::status));
        let answer = answer.map_err(|error| lost(path, error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(PayError::OutcomeUnknown {
                path,
                cause: format!("HTTP status {}", status.as_u16()).into(),
            });
        }
        let mut download = Self { path, answer, head: Vec::new() };
        while download.head.len() < HEAD_BYTES {
            let Some(chunk) = download.chunk().await? else { break };
            download.head.extend_from_slice(&chunk);
        }
        Ok(download)
    }

    /// Whether the answer is XML, which names the reason why there is no bill.
    pub(in crate::pay) fn is_xml(&self) -> bool {
        self.head.trim_ascii_start().starts_with(b"<")
    }

    /// Reads the whole answer into memory. For answers that are not bills.
    pub(in crate::pay) async fn text(mut self) -> Result<Vec<u8>, PayError> {
        while let Some(chunk) = self.chunk().await? {
            self.head.extend_from_slice(&chunk);
            if self.head.len() > MAX_TEXT_BYTES {
                return Err(PayError::OutcomeUnknown {
                    path: self.path,
                    cause: "the answer has no end".into(),
                });
            }
        }
        Ok(self.head)
    }

    /// Reads the whole answer into a temporary file.
    pub(in crate::pay) async fn file(mut self) -> Result<Spooled, PayError> {
        let path = self.path;
        let unusable = |cause| PayError::Bill { path, cause };
        let head = std::mem::take(&mut self.head);
        let mut spool = Spool::of(&head).map_err(unusable)?;
        spool.push(&head).map_err(unusable)?;
        while let Some(chunk) = self.chunk().await? {
            spool.push(&chunk).map_err(unusable)?;
        }
        spool.finish().map_err(unusable)
    }

    /// The next bytes; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PayError> {
        let path = self.path;
        let chunk = tokio::time::timeout(MAX_SILENCE, self.answer.chunk()).await;
        let chunk =
            chunk.map_err(|_| PayError::OutcomeUnknown { path, cause: "the download stopped".into() })?;
        Ok(chunk.map_err(|error| lost(path, error))?.map(Into::into))
    }
}

fn lost(path: &'static str, error: HttpError) -> PayError {
    PayError::OutcomeUnknown { path, cause: error.into() }
}

/// The time limit of a download. The bill of a large merchant has gigabytes.
pub(in crate::pay) const LIMIT: Duration = Duration::from_secs(5 * 60);
/// The longest pause between two chunks.
const MAX_SILENCE: Duration = Duration::from_secs(20);
/// Enough for `<xml>` after a few blanks, or for the magic number of gzip.
const HEAD_BYTES: usize = 16;
const MAX_TEXT_BYTES: usize = 64 * 1024;
