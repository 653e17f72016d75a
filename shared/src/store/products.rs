//! `PRODUCTS_TABLE`: the catalogue, kept by operators.
//!
//! A product can have `stock`, a number. The number goes down when an order is paid. A refund does not raise it, because the goods
//! may be on their way to the user; an operator adds returned goods. Placing an order checks the number and reserves nothing, so
//! the number can become negative; then a case is opened ([`CaseKind::Oversold`](super::CaseKind)).
//!
//! Key `product_id`. The index `by_shelf` (`shelf`, `product_id`) lists the products that are for sale. A product without `shelf`
//! is not.

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    host::{Host, HostError},
    types::{Fen, ProductId},
};

/// A product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    /// The product's id, which is the key.
    pub product_id: ProductId,
    /// The name that the user reads.
    pub name: String,
    /// The price of one.
    pub price: Fen,
    /// The product's shelf. A product without one can't be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelf: Option<String>,
    /// How many are left; negative if more were sold. `None` if the product's stock is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
}

impl Product {
    /// Whether `quantity` of the product can be ordered.
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

    /// The products that are for sale, at most 100, sorted by `product_id`.
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

/// The only shelf.
pub(super) const ON_SALE: &str = "sale";
