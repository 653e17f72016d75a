//! Downloading a bill chunk by chunk.

use std::time::Duration;

use super::spool::{Spool, Spooled};
use crate::{
    host::{Address, Upstream},
    pay::PayError,
};

/// An answer that has begun to arrive.
pub(in crate::pay) struct Download {
    path: &'static str,
    answer: reqwest::Response,
    /// Enough of the beginning to tell what it is.
    head: Vec<u8>,
}

impl Download {
    /// Sends the request, which is one to `address`, and waits for the beginning of its answer.
    pub(in crate::pay) async fn begin(
        path: &'static str,
        request: reqwest::RequestBuilder,
        (upstream, address): (&Upstream, &Address),
    ) -> Result<Self, PayError> {
        let answer = request.send().await;
        upstream.note(address, answer.as_ref().ok().map(reqwest::Response::status));
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

    /// Whether it is not a bill, but an answer that says why there is none.
    pub(in crate::pay) fn is_xml(&self) -> bool {
        self.head.trim_ascii_start().starts_with(b"<")
    }

    /// All of it, in memory: of what is no bill.
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

    /// All of it, in a file.
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

fn lost(path: &'static str, error: reqwest::Error) -> PayError {
    PayError::OutcomeUnknown { path, cause: error.without_url().into() }
}

/// How long a download may take: a large shop's bill has gigabytes.
pub(in crate::pay) const LIMIT: Duration = Duration::from_secs(5 * 60);
/// How long nothing may come.
const MAX_SILENCE: Duration = Duration::from_secs(20);
/// `<xml>` after a few blanks, or the mark of gzip.
const HEAD_BYTES: usize = 16;
const MAX_TEXT_BYTES: usize = 64 * 1024;
