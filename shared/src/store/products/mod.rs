//! `PRODUCTS_TABLE`: the catalogue, kept by operators.
//!
//! A product can have `stock`: how many pieces can still be ordered. Placing an order takes its goods out of it, and closing the order gives
//! them back, each in the transaction that writes the order; paying changes nothing. A refund gives nothing back, because the goods may be
//! on their way to the user; an operator adds returned goods. `stock.rs` says where the pieces lie, `spread.rs` moves them.
//!
//! Key `product_id`. The index `by_shelf` (`shelf`, `product_id`) lists the products of a shelf. Only those of the shelf `sale` can be
//! bought. A row without `shelf`, which older tools wrote, is on no list until an operator saves the product.

mod recent;
mod save;
mod spread;
mod stock;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Delivery, Fen, ProductId, UnixSeconds},
};

pub(super) use recent::RecentProducts;
pub use save::{AddStockOutcome, ProductChange, StockChange};
pub use stock::Reservation;
pub(super) use stock::{MOST_ROWS_OF_ORDER, StockLookup, StockTable};

/// Where a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shelf {
    /// Users see the product and can buy it.
    Sale,
    /// Only operators see the product.
    Off,
}

impl Shelf {
    /// The name that is stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => ON_SALE,
            Self::Off => "off",
        }
    }

    /// The shelf of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sale, Self::Off].into_iter().find(|shelf| shelf.as_str() == name)
    }
}

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
    /// How it gets to the user.
    #[serde(default, skip_serializing_if = "Delivery::is_express")]
    pub delivery: Delivery,
    /// How many can still be ordered: in the row, those of the row; for operators, all. `None` if the product's stock is not counted. It is
    /// below zero only in a row of an earlier version, which sold more than there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// How many rows of their own new orders take their goods from; `None` if it is the product's row, as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_rows: Option<u16>,
    /// The highest number that `stock_rows` ever had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_rows_max: Option<u16>,
    /// How many an order can have at most; `None` if only the order's own limit holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_order: Option<u32>,
    /// Who made the last change. It is not read as an ARN, because older rows have what was typed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When an operator made the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<UnixSeconds>,
}

impl Product {
    /// The shelf. A product on no shelf, or on an unknown one, is not for sale.
    #[must_use]
    pub fn shelf(&self) -> Shelf {
        self.shelf.as_deref().and_then(Shelf::named).unwrap_or(Shelf::Off)
    }

    /// How many rows new orders take their goods from.
    #[must_use]
    pub fn stock_rows(&self) -> u16 {
        self.stock_rows.unwrap_or(1)
    }

    /// Whether goods can be in rows besides the product's own.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.stock_rows_max.is_some_and(|rows| rows > 1)
    }
}

/// A page of the products of a shelf.
pub struct ProductPage {
    /// The products, sorted by `product_id`.
    pub products: Vec<Product>,
    /// Where the next page begins; `None` on the last page.
    pub cursor: Option<ProductId>,
}

/// The table.
pub struct Products {
    client: Client,
    table: String,
    /// The table with the keys of requests.
    idempotency: String,
    host: Host,
}

impl Products {
    /// Reads `PRODUCTS_TABLE` and `IDEMPOTENCY_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("PRODUCTS_TABLE")?.to_owned(),
            idempotency: host.var("IDEMPOTENCY_TABLE")?.to_owned(),
            host: host.clone(),
        })
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
            .map_err(|error| StoreError::from_sdk(LISTING, error))?;
        page.items.unwrap_or_default().into_iter().map(item::read).collect()
    }

    /// A page of the products of `shelf`, from `cursor` on, with the stock of all their rows.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list(&self, shelf: Shelf, cursor: Option<&ProductId>) -> Result<ProductPage, StoreError> {
        let start = cursor.map(|product_id| {
            [
                ("shelf".to_owned(), item::s(shelf.as_str())),
                ("product_id".to_owned(), item::s(product_id.as_str())),
            ]
            .into()
        });
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_shelf")
            .key_condition_expression("shelf = :shelf")
            .expression_attribute_values(":shelf", item::s(shelf.as_str()))
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk(LISTING, error))?;
        let cursor = match page.last_evaluated_key.as_ref().and_then(|key| key.get("product_id")) {
            Some(AttributeValue::S(text)) => {
                Some(ProductId::parse(text).map_err(|error| StoreError::new(LISTING, error))?)
            }
            _ => None,
        };
        let mut products = Vec::new();
        for row in page.items.unwrap_or_default() {
            products.push(self.with_all_stock(item::read(row)?).await?);
        }
        Ok(ProductPage { products, cursor })
    }

    /// The product as it is now, with the stock of all its rows.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, product_id: &ProductId) -> Result<Option<Product>, StoreError> {
        match self.own_row(product_id).await? {
            None => Ok(None),
            Some(product) => self.with_all_stock(product).await.map(Some),
        }
    }

    /// The product's own row, as it is now.
    async fn own_row(&self, product_id: &ProductId) -> Result<Option<Product>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("product_id", item::s(product_id.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("reading a product", error))?;
        answer.item.map(item::read).transpose()
    }

    /// The product of its own row, with the stock of its other rows as well.
    async fn with_all_stock(&self, product: Product) -> Result<Product, StoreError> {
        let (Some(own), Some(last)) = (product.stock, product.stock_rows_max) else { return Ok(product) };
        let others = self.stock_table().other_rows(&product.product_id, last).await?;
        Ok(Product { stock: Some(own.saturating_add(stock::total(&others))), ..product })
    }

    fn stock_table(&self) -> StockTable<'_> {
        StockTable { client: &self.client, table: &self.table, host: &self.host }
    }
}

/// The shelf of what is for sale.
pub(super) const ON_SALE: &str = "sale";
/// Products on a page.
const PAGE: i32 = 50;
const LISTING: &str = "listing products";
