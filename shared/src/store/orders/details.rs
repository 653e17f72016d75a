//! What a user adds to an order: where the goods go, whom the invoice names, and a remark.
//!
//! All of it is personal, so it is sealed in the order's row, with the key ring of `DATA_KEYS_ARN`, and removed with the person.

use serde::{Deserialize, Serialize};

use super::Order;
use crate::{
    crypto::{Keyring, SealError, Sealed},
    host::{Host, HostError},
    secrets::{CachedSecret, SecretError},
    telemetry,
    types::{BoxError, OrderId},
};

/// What a user adds to an order. The phone writes it, so nothing of it is verified.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetails {
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Whom the invoice names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_title: Option<InvoiceTitle>,
    /// What the user wants to tell the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// An address, with the fields of `wx.chooseAddress`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Who receives the goods.
    pub user_name: String,
    /// The receiver's phone number.
    pub tel_number: String,
    /// The province.
    pub province_name: String,
    /// The city.
    pub city_name: String,
    /// The county or district.
    pub county_name: String,
    /// Street and house.
    pub detail_info: String,
    /// The postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// The code of the county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_code: Option<String>,
}

/// The title of an invoice, with the fields of `wx.chooseInvoiceTitle`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceTitle {
    /// `0` a company, `1` a person.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name.
    pub title: String,
    /// The taxpayer's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    /// The company's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_address: Option<String>,
    /// The company's phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
    /// The company's bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_name: Option<String>,
    /// The company's account there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<String>,
}

impl OrderDetails {
    /// Whether the user added nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Details of an order can't be sealed.
#[derive(Debug, thiserror::Error)]
pub enum OrderDetailsError {
    /// The key ring can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key ring can't be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Seals and opens the details of orders.
pub struct OrderDetailsSealer {
    ring: CachedSecret<Keyring>,
    host: Host,
}

impl OrderDetailsSealer {
    /// Reads `DATA_KEYS_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { ring: CachedSecret::new(host, "DATA_KEYS_ARN")?, host: host.clone() })
    }

    /// Seals the details for the row of the order; `None` if there are none.
    ///
    /// # Errors
    /// [`OrderDetailsError`]: nothing can be sealed now, so the order must not be placed.
    pub async fn seal(
        &self,
        order_id: OrderId,
        details: &OrderDetails,
    ) -> Result<Option<Sealed>, OrderDetailsError> {
        if details.is_empty() {
            return Ok(None);
        }
        let ring = self.ring.get().await?;
        // Texts and structures of texts are always written.
        let plain = serde_json::to_vec(details).unwrap_or_default();
        let context = order_id.to_string();
        Ok(Some(ring.seal(&plain, context.as_bytes(), self.host.random()?)?))
    }

    /// The details of the order. An order whose details can't be opened is answered without them, with a line in the log, because the
    /// rest of the order is worth more than an error.
    pub async fn open(&self, order: &Order) -> OrderDetails {
        let Some(sealed) = &order.details else { return OrderDetails::default() };
        match self.try_open(order.order_id, sealed).await {
            Ok(details) => details,
            Err(error) => {
                telemetry::handled_error("open-order-details", error.as_ref());
                OrderDetails::default()
            }
        }
    }

    async fn try_open(&self, order_id: OrderId, sealed: &Sealed) -> Result<OrderDetails, BoxError> {
        let context = order_id.to_string();
        let mut opened = self.ring.get().await?.open(sealed, context.as_bytes());
        if matches!(opened, Err(SealError::Key)) {
            // The ring was rotated since it was read here.
            opened = self.ring.refresh().await?.open(sealed, context.as_bytes());
        }
        // The error of serde would quote the text.
        serde_json::from_slice(&opened?).map_err(|_| "not in the form of an order's details".into())
    }
}
