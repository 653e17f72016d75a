//! `PLATFORM_CERTIFICATES_TABLE`: WeChat Pay's newest list of platform certificates, which one function downloads for all functions.
//!
//! Key `mch_id`, one row. The row has WeChat Pay's answer unchanged, encrypted and signed. The table is not trusted: every reader
//! decrypts the answer and verifies its signature as if WeChat Pay had just sent it.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use futures_util::future::BoxFuture;

use super::{StoreError, item};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    pay::{CertificateStore, SignedCertificates},
    types::BoxError,
};

/// The table.
pub struct PlatformCertificates {
    client: Client,
    table: String,
    mch_id: String,
}

impl PlatformCertificates {
    /// Reads `MERCHANT_ID` and `PLATFORM_CERTIFICATES_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("PLATFORM_CERTIFICATES_TABLE")?.to_owned(),
            mch_id: host.var("MERCHANT_ID")?.to_owned(),
        })
    }

    /// The stored list; `None` if none was stored yet.
    async fn get(&self) -> Result<Option<SignedCertificates>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("mch_id", item::s(&self.mch_id));
        let answer = request.send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk("reading the certificates", error))?;
        answer.item.map(item::read).transpose()
    }

    /// Stores the list for the other functions.
    ///
    /// Condition: the list is newer than the stored one, or the stored one has a time in the future, which WeChat Pay can't have
    /// given it. Of several lists that are stored at once the newest stays.
    async fn put_if_newer(&self, list: &SignedCertificates) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(list)?))
            .item("mch_id", item::s(&self.mch_id))
            .condition_expression(
                "attribute_not_exists(mch_id) OR signed_at < :signed_at OR signed_at > :to_come",
            )
            .expression_attribute_values(":signed_at", item::n(list.signed_at.get()))
            .expression_attribute_values(":to_come", item::n(list.signed_at.plus(FUTURE).get()));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::from_sdk("keeping the certificates", error)),
        }
    }
}

impl CertificateStore for PlatformCertificates {
    fn read(&self) -> BoxFuture<'_, Result<Option<SignedCertificates>, BoxError>> {
        Box::pin(async { Ok(self.get().await?) })
    }

    fn keep<'a>(&'a self, list: &'a SignedCertificates) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Ok(self.put_if_newer(list).await?) })
    }
}

/// How far WeChat Pay's clock may be ahead of ours.
const FUTURE: Duration = Duration::from_secs(600);
