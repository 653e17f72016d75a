//! Deleting all objects whose keys begin with a prefix.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::time::Duration;

use futures_util::future;
use http::Method;
use quick_xml::{Reader, events::Event};

use super::{UploadsBucket, presigned_get::encode};
use crate::{
    host::{AwsCall, AwsError},
    types::BoxError,
};

/// Objects are not deleted, or some are not.
#[derive(Debug, thiserror::Error)]
pub enum DeleteObjectsError {
    /// S3 does not answer or refuses.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// S3's list can't be read.
    #[error("the list of objects can't be read")]
    List(#[source] BoxError),
    /// Objects come as fast as they are deleted.
    #[error("there are still objects after {MAX_PAGES} pages")]
    TooMany,
}

impl UploadsBucket {
    /// Deletes all objects whose keys begin with `prefix`.
    ///
    /// # Errors
    /// [`DeleteObjectsError`]. Some objects may be deleted; call this again, which goes on with what is left.
    pub async fn delete_all(&self, prefix: &str) -> Result<(), DeleteObjectsError> {
        let query = format!("list-type=2&max-keys={PAGE}&prefix={}", encode(prefix, ""));
        let path = format!("{}?{query}", self.address.path);
        for _ in 0..MAX_PAGES {
            let list = AwsCall::without_content(Method::GET, &path, Vec::new(), TIMEOUT);
            let page = self.client.call(&list).await?;
            let page =
                std::str::from_utf8(page.body()).map_err(|error| DeleteObjectsError::List(error.into()))?;
            let keys = keys(page).map_err(|error| DeleteObjectsError::List(error.into()))?;
            if keys.is_empty() {
                return Ok(());
            }
            for some in keys.chunks(AT_ONCE) {
                future::try_join_all(some.iter().map(|key| self.delete_key(key))).await?;
            }
        }
        Err(DeleteObjectsError::TooMany)
    }

    async fn delete_key(&self, key: &str) -> Result<(), AwsError> {
        let path = format!("{}{}", self.address.path, encode(key, "/"));
        let call = AwsCall::without_content(Method::DELETE, &path, Vec::new(), TIMEOUT);
        self.client.call(&call).await.map(drop)
    }
}

/// The keys in the answer of `ListObjectsV2`.
fn keys(xml: &str) -> Result<Vec<String>, quick_xml::Error> {
    let mut reader = Reader::from_str(xml);
    let (mut keys, mut key) = (Vec::new(), None);
    loop {
        match reader.read_event()? {
            Event::Start(start) if start.name().as_ref() == "Key" => key = Some(String::new()),
            Event::Text(text) => {
                if let Some(key) = &mut key {
                    key.push_str(&text);
                }
            }
            Event::End(end) if end.name().as_ref() == "Key" => keys.extend(key.take()),
            Event::Eof => return Ok(keys),
            _ => {}
        }
    }
}

/// Objects on a page, which is also S3's own limit.
const PAGE: u16 = 1000;
/// Pages after which deleting is given up: nobody uploads so much.
const MAX_PAGES: u16 = 100;
/// Deletions at the same time.
const AT_ONCE: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_page_are_read() {
        let page = "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><Prefix>incoming/u1/</Prefix>\
                    <Contents><Key>incoming/u1/a.jpg</Key><Size>3</Size></Contents>\
                    <Contents><Key>incoming/u1/b.png</Key></Contents></ListBucketResult>";
        assert_eq!(keys(page).unwrap(), ["incoming/u1/a.jpg", "incoming/u1/b.png"]);
        assert!(keys("<ListBucketResult><Name>b</Name></ListBucketResult>").unwrap().is_empty());
        assert!(keys("<a></b>").is_err());
    }
}
