//! `PRODUCTS_TABLE`: the catalogue, kept by operators.
//!
//! A product may keep `stock`, a number. It goes down when an order is paid, and never up by itself: what was refunded may be
//! on its way to the user, so an operator counts it in again. Placing an order looks at it and reserves nothing, so it can
//! fall below zero; then there is a case for an operator ([`CaseKind::Oversold`](super::CaseKind)).
//!
//! Key `product_id`; index `by_shelf` (`shelf`, `product_id`) lists what is for sale: a product without `shelf` is not.

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    host::{Host, HostError},
    types::{Fen, ProductId},
};

/// A thing for sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    /// Its key.
    pub product_id: ProductId,
    /// What the user reads.
    pub name: String,
    /// The price of one.
    pub price: Fen,
    /// The shelf it stands on; without one it can't be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelf: Option<String>,
    /// How many are left, if that is counted; less than none when more were sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
}

impl Product {
    /// Whether so many can be ordered.
    #[must_use]
    pub fn has(&self, quantity: u32) -> bool {
        self.stock.is_none_or(|stock| stock >= i64::from(quantity))
    }
}

/// The table.
pub struct Products {
    client: Client,
    table: String,
}

impl Products {
    /// Reads `PRODUCTS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.dynamodb()?, table: host.var("PRODUCTS_TABLE")?.to_owned() })
    }

    /// What is for sale: at most 100 products, by `product_id`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_on_sale(&self) -> Result<Vec<Product>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_shelf")
            .key_condition_expression("shelf = :shelf")
            .expression_attribute_values(":shelf", item::s(ON_SALE))
            .limit(100)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing products", error))?;
        page.items.unwrap_or_default().into_iter().map(item::read).collect()
    }
}

/// The one shelf there is.
pub(super) const ON_SALE: &str = "sale";
