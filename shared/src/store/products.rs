//! `PRODUCTS_TABLE`: the catalogue, kept by operators.
//!
//! A product can have `stock`, a number. The number goes down when an order is paid. A refund does not raise it, because the goods
//! may be on their way to the user; an operator adds returned goods. Placing an order checks the number and reserves nothing, so
//! the number can become negative; then a case is opened ([`CaseKind::Oversold`](super::CaseKind)).
//!
//! Key `product_id`. The index `by_shelf` (`shelf`, `product_id`) lists the products of a shelf. Only those of the shelf `sale` can be
//! bought. A row without `shelf`, which older tools wrote, is on no list until an operator saves the product.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld};
use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    item::{self, UpdateOutcome},
};
use crate::{
    crypto::hex,
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    types::{Delivery, Fen, OperatorArn, ProductId, UnixSeconds},
};

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
    /// How many are left; negative if more were sold. `None` if the product's stock is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
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

    /// Whether `quantity` of the product can be ordered.
    #[must_use]
    pub fn has(&self, quantity: u32) -> bool {
        self.stock.is_none_or(|stock| stock >= i64::from(quantity))
    }
}

/// What becomes of a product's stock when the product is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockChange {
    /// The stock stays, because payments change it at the same time.
    Keep,
    /// The goods were counted: there are so many.
    Set(u64),
    /// The stock is not counted any more.
    Uncounted,
}

/// A product as an operator saves it.
#[derive(Debug, Clone)]
pub struct ProductChange {
    /// The name that the user reads.
    pub name: String,
    /// The price of one.
    pub price: Fen,
    /// The shelf.
    pub shelf: Shelf,
    /// How it gets to the user.
    pub delivery: Delivery,
    /// What becomes of the stock.
    pub stock: StockChange,
}

/// What came of adding goods to a stock.
#[derive(Debug)]
pub enum AddStockOutcome {
    /// The goods are added, or taken out.
    Added(Box<Product>),
    /// The product's stock is not counted. Nothing was changed.
    NotCounted,
    /// There are fewer goods than are to be taken out. Nothing was changed.
    TooFew,
    /// There is no such product.
    Unknown,
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
    host: Host,
}

impl Products {
    /// Reads `PRODUCTS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let table = host.var("PRODUCTS_TABLE")?.to_owned();
        Ok(Self { client: host.dynamodb()?, table, host: host.clone() })
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

    /// A page of the products of `shelf`, from `cursor` on.
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
        let products =
            page.items.unwrap_or_default().into_iter().map(item::read).collect::<Result<_, _>>()?;
        Ok(ProductPage { products, cursor })
    }

    /// The product as it is now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, product_id: &ProductId) -> Result<Option<Product>, StoreError> {
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

    /// Saves the product, new or known, with who did it and when; the product as it is now.
    ///
    /// Condition: `changed_mark` is not the mark of this very request. The AWS client repeats a request after a lost answer, and a
    /// repeated one must not set the stock a second time, because payments may have changed it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn save(
        &self,
        product_id: &ProductId,
        change: &ProductChange,
        operator: &OperatorArn,
    ) -> Result<Product, StoreError> {
        let (set_stock, remove) = match change.stock {
            StockChange::Keep => ("", ""),
            StockChange::Set(_) => (", stock = :stock", ""),
            StockChange::Uncounted => ("", " REMOVE stock"),
        };
        let (update, _) = self.change(SAVING, product_id, operator)?;
        let mut update = update
            .update_expression(format!(
                "SET #name = :name, price = :price, shelf = :shelf, delivery = :delivery, {CHANGED}{set_stock}{remove}"
            ))
            .condition_expression(UNMARKED)
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", item::s(&change.name))
            .expression_attribute_values(":price", item::n(change.price))
            .expression_attribute_values(":shelf", item::s(change.shelf.as_str()))
            .expression_attribute_values(":delivery", item::s(change.delivery.as_str()));
        if let StockChange::Set(count) = change.stock {
            update = update.expression_attribute_values(":stock", item::n(count));
        }
        match item::update(&self.host, SAVING, update).await? {
            // The condition fails only in a row that this very request has written.
            UpdateOutcome::Done(row) | UpdateOutcome::ConditionFailed(Some(row)) => item::read(row),
            UpdateOutcome::ConditionFailed(None) => Err(StoreError::new(SAVING, "the row is gone")),
        }
    }

    /// Adds goods to the stock, or takes them out if `add` is negative, with who did it and when.
    ///
    /// Condition: the stock is counted, `add` does not take it below zero, and `changed_mark` is not the mark of this very request,
    /// because the AWS client repeats a request after a lost answer. A stock that payments took below zero takes any goods that come.
    ///
    /// # Errors
    /// [`StoreError`]. After a timeout the write may have been applied, and a retry would add the goods twice: read the product.
    pub async fn add_stock(
        &self,
        product_id: &ProductId,
        add: i64,
        operator: &OperatorArn,
    ) -> Result<AddStockOutcome, StoreError> {
        let (update, mark) = self.change(ADDING, product_id, operator)?;
        let mut update = update
            .update_expression(format!("SET stock = stock + :add, {CHANGED}"))
            .expression_attribute_values(":add", AttributeValue::N(add.to_string()));
        update = if add < 0 {
            update
                .condition_expression(format!("({UNMARKED}) AND stock >= :taken"))
                .expression_attribute_values(":taken", item::n(add.unsigned_abs()))
        } else {
            update.condition_expression(format!("({UNMARKED}) AND attribute_exists(stock)"))
        };
        let row = match item::update(&self.host, ADDING, update).await? {
            UpdateOutcome::Done(row) => return Ok(AddStockOutcome::Added(item::read(row)?)),
            UpdateOutcome::ConditionFailed(None) => return Ok(AddStockOutcome::Unknown),
            UpdateOutcome::ConditionFailed(Some(row)) => row,
        };
        if row.get("changed_mark") == Some(&mark) {
            return Ok(AddStockOutcome::Added(item::read(row)?));
        }
        let product: Product = item::read(row)?;
        Ok(if product.stock.is_none() { AddStockOutcome::NotCounted } else { AddStockOutcome::TooFew })
    }

    /// An update of the product's row with the values of [`CHANGED`], and the mark in it.
    fn change(
        &self,
        operation: &'static str,
        product_id: &ProductId,
        operator: &OperatorArn,
    ) -> Result<(UpdateItemFluentBuilder, AttributeValue), StoreError> {
        let mark = self.host.random::<16>().map_err(|error| StoreError::new(operation, error))?;
        let mark = item::s(hex(&mark));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("product_id", item::s(product_id.as_str()))
            .expression_attribute_values(":operator", item::s(operator))
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .expression_attribute_values(":mark", mark.clone())
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(AllOld);
        Ok((update, mark))
    }
}

/// The shelf of what is for sale.
pub(super) const ON_SALE: &str = "sale";
/// Products on a page.
const PAGE: i32 = 50;
/// Who changed a product, when, and by which request.
const CHANGED: &str = "changed_by = :operator, changed_at = :now, changed_mark = :mark";
const UNMARKED: &str = "attribute_not_exists(changed_mark) OR changed_mark <> :mark";
const LISTING: &str = "listing products";
const SAVING: &str = "saving a product";
const ADDING: &str = "adding goods to a stock";
