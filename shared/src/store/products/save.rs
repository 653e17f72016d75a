//! Operators save products, and add goods to their stock.
//!
//! Each change is one conditional write to the product's own row. What an operator adds lies in that row first, where orders find it, and is
//! spread over the product's other rows afterwards, if it has any (`spread.rs`).
//!
//! The write is a transaction although it often has one part, because the AWS client repeats a request after a lost answer, and DynamoDB
//! knows a repeated transaction by its token, also when another operator has changed the product meanwhile. An operator who repeats a request
//! is known by its key.

use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure::AllOld, builders::UpdateBuilder,
};
use serde::{Deserialize, Serialize};

use super::{Product, Products, Shelf, stock::total};
use crate::{
    store::{IdempotencyKey, StoreError, idempotency::KeyRow, item},
    telemetry,
    types::{Delivery, Fen, OperatorArn, ProductId},
};

/// What becomes of a product's stock when the product is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockChange {
    /// The stock stays, because orders change it at the same time.
    Keep,
    /// So many can be ordered from now on. What orders hold is not among them.
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
    /// How many rows new orders take their goods from, at least 1; `None` if that stays.
    pub stock_rows: Option<u16>,
    /// How many an order can have at most; `None` if the product has no limit of its own.
    pub max_per_order: Option<u32>,
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
    /// The key was used for another number of goods. Nothing was changed.
    KeyReused,
}

/// What the row of a key keeps of added goods: that they were.
#[derive(Serialize, Deserialize)]
struct Added {}

/// What saving writes to the stock in the product's own row.
enum OwnStock {
    Keep,
    Set(u64),
    Remove,
}

impl Products {
    /// Saves the product, new or known, with who did it and when; the product as it is now, with the stock of all its rows.
    ///
    /// Condition, if the stock or its rows change: the product has as many rows as it was read with. If it has more than its own, the stock
    /// is set by what its own row must hold besides the others, on the condition that its own row has the stock that was read before the
    /// others were. Goods are only moved from and to the own row, so that none was moved meanwhile, and the stock is what was set, but for
    /// orders that were placed or closed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn save(
        &self,
        product_id: &ProductId,
        change: &ProductChange,
        operator: &OperatorArn,
    ) -> Result<Product, StoreError> {
        let mut seen: Option<Product> = None;
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(stock) = self.own_stock(change.stock, seen.as_ref()).await? else {
                seen = self.own_row(product_id).await?;
                continue;
            };
            let update = save_update(self.change(product_id, operator), change, seen.as_ref(), &stock);
            let parts = vec![self.stock_table().part(update)?];
            match item::transact(&self.client, &self.host, SAVING, parts).await? {
                None => {
                    let moves = change.stock_rows.is_some() || matches!(change.stock, StockChange::Set(_));
                    return self.after_change(product_id, moves).await;
                }
                Some(reasons) => seen = product_of(&reasons)?,
            }
        }
        Err(StoreError::contended(SAVING))
    }

    /// Adds goods to the stock, or takes them out if `add` is negative, with who did it and when.
    ///
    /// Condition: the stock is counted, and `add` does not take it below zero. A stock that an earlier version took below zero takes any
    /// goods that come. There is no unexpired row of `key`; if there is one of the same request, its goods were added, and are not again.
    ///
    /// # Errors
    /// [`StoreError`]. After a timeout the write may have been applied. A retry with the same `key` adds nothing twice; without one, read
    /// the product.
    pub async fn add_stock(
        &self,
        product_id: &ProductId,
        add: i64,
        key: Option<&IdempotencyKey>,
        operator: &OperatorArn,
    ) -> Result<AddStockOutcome, StoreError> {
        let now = self.host.now();
        let key_part = key.map(|key| key.put_part(&self.idempotency, None, Added {}, now)).transpose()?;
        let taken = i64::try_from(add.min(0).unsigned_abs()).unwrap_or(i64::MAX);
        let mut was_short = false;
        for _ in 0..item::MAX_ATTEMPTS {
            let mut update = self
                .change(product_id, operator)
                .update_expression(format!("SET stock = stock + :add, {CHANGED}"))
                .expression_attribute_values(":add", number(add));
            update = if add < 0 {
                let update = update.condition_expression("stock >= :taken");
                update.expression_attribute_values(":taken", number(taken))
            } else {
                update.condition_expression("attribute_exists(stock)")
            };
            let parts = [self.stock_table().part(update)?].into_iter().chain(key_part.clone()).collect();
            let Some(reasons) = item::transact(&self.client, &self.host, ADDING, parts).await? else {
                return self.added(product_id, add).await;
            };
            if let (Some(row), Some(key)) = (item::failed_condition(&reasons, KEY_PART).flatten(), key) {
                let is_same = key.is_of(&item::read::<KeyRow<Added>>(row)?);
                return if is_same {
                    self.added(product_id, add).await
                } else {
                    Ok(AddStockOutcome::KeyReused)
                };
            }
            let Some(product) = product_of(&reasons)? else { return Ok(AddStockOutcome::Unknown) };
            let Some(own) = product.stock else { return Ok(AddStockOutcome::NotCounted) };
            let Some(last) = product.stock_rows_max else { return Ok(AddStockOutcome::TooFew) };
            let others = self.stock_table().other_rows(product_id, last).await?;
            if own.saturating_add(total(&others)) < taken {
                // The same request, sent twice, may have taken them since: then its key is there now.
                if key.is_none() || was_short {
                    return Ok(AddStockOutcome::TooFew);
                }
                was_short = true;
                continue;
            }
            self.gather(&product, &others, taken.saturating_sub(own)).await?;
        }
        Err(StoreError::contended(ADDING))
    }

    async fn added(&self, product_id: &ProductId, add: i64) -> Result<AddStockOutcome, StoreError> {
        Ok(AddStockOutcome::Added(Box::new(self.after_change(product_id, add > 0).await?)))
    }

    /// What must be written to the own row of `seen` for this change; `None` if goods had to be moved to it first, so that it must be read
    /// again.
    async fn own_stock(
        &self,
        change: StockChange,
        seen: Option<&Product>,
    ) -> Result<Option<OwnStock>, StoreError> {
        let count = match change {
            StockChange::Keep => return Ok(Some(OwnStock::Keep)),
            StockChange::Uncounted => return Ok(Some(OwnStock::Remove)),
            StockChange::Set(count) => count,
        };
        let Some((seen, last)) = seen.and_then(|seen| seen.stock_rows_max.map(|last| (seen, last))) else {
            return Ok(Some(OwnStock::Set(count)));
        };
        let others = self.stock_table().other_rows(&seen.product_id, last).await?;
        let there = u64::try_from(total(&others)).unwrap_or(0);
        match count.checked_sub(there) {
            Some(own) => Ok(Some(OwnStock::Set(own))),
            None => {
                let surplus = i64::try_from(there.saturating_sub(count)).unwrap_or(i64::MAX);
                self.gather(seen, &others, surplus).await?;
                Ok(None)
            }
        }
    }

    /// The product after a change of its stock. If it has more rows, the goods in its own row are spread over them first. What can't be
    /// spread stays there, where orders find it, so that a failure to do so is no failure of the change.
    async fn after_change(&self, product_id: &ProductId, moves: bool) -> Result<Product, StoreError> {
        let gone = || StoreError::new(SAVING, "the row is gone");
        let product = self.own_row(product_id).await?.ok_or_else(gone)?;
        if !product.is_split() {
            return Ok(product);
        }
        if moves && let Err(error) = self.spread(&product).await {
            telemetry::handled_error("spread-stock", &error);
        }
        self.get(product_id).await?.ok_or_else(gone)
    }

    /// An update of the product's own row with the values of [`CHANGED`].
    fn change(&self, product_id: &ProductId, operator: &OperatorArn) -> UpdateBuilder {
        self.stock_table()
            .update(product_id, 0)
            .expression_attribute_values(":operator", item::s(operator))
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .return_values_on_condition_check_failure(AllOld)
    }
}

/// The update that saves the product, whose own row was last seen as `seen`.
fn save_update(
    update: UpdateBuilder,
    change: &ProductChange,
    seen: Option<&Product>,
    stock: &OwnStock,
) -> UpdateBuilder {
    let rows_seen = seen.and_then(|seen| seen.stock_rows_max);
    let mut set =
        format!("SET #name = :name, price = :price, shelf = :shelf, delivery = :delivery, {CHANGED}");
    let mut remove = Vec::new();
    let mut conditions = Vec::new();
    let mut update = update
        .expression_attribute_names("#name", "name")
        .expression_attribute_values(":name", item::s(&change.name))
        .expression_attribute_values(":price", item::n(change.price))
        .expression_attribute_values(":shelf", item::s(change.shelf.as_str()))
        .expression_attribute_values(":delivery", item::s(change.delivery.as_str()));
    if change.stock_rows.is_some() || matches!(stock, OwnStock::Set(_)) {
        conditions.push(match rows_seen {
            None => "attribute_not_exists(stock_rows_max)",
            Some(_) => "stock_rows_max = :rows_seen",
        });
    }
    if let Some(seen) = rows_seen.filter(|_| !conditions.is_empty()) {
        update = update.expression_attribute_values(":rows_seen", item::n(seen));
    }
    // A product that has had its own row alone needs no numbers of rows.
    if let Some(rows) = change.stock_rows.filter(|rows| *rows > 1 || rows_seen.is_some()) {
        set.push_str(", stock_rows = :rows, stock_rows_max = :rows_max");
        update = update
            .expression_attribute_values(":rows", item::n(rows))
            .expression_attribute_values(":rows_max", item::n(rows_seen.unwrap_or(1).max(rows)));
    }
    match change.max_per_order {
        None => remove.push("max_per_order"),
        Some(most) => {
            set.push_str(", max_per_order = :most");
            update = update.expression_attribute_values(":most", item::n(most));
        }
    }
    match stock {
        OwnStock::Keep => {}
        OwnStock::Remove => remove.push("stock"),
        OwnStock::Set(count) => {
            set.push_str(", stock = :stock");
            update = update.expression_attribute_values(":stock", item::n(*count));
            match seen.filter(|seen| seen.is_split()).map(|seen| seen.stock) {
                None => {}
                Some(None) => conditions.push("attribute_not_exists(stock)"),
                Some(Some(own)) => {
                    conditions.push("stock = :own_seen");
                    update = update.expression_attribute_values(":own_seen", number(own));
                }
            }
        }
    }
    if !remove.is_empty() {
        set.push_str(" REMOVE ");
        set.push_str(&remove.join(", "));
    }
    let update = update.update_expression(set);
    if conditions.is_empty() { update } else { update.condition_expression(conditions.join(" AND ")) }
}

/// The product in the row that made the condition fail; `None` if there is no row.
fn product_of(reasons: &[CancellationReason]) -> Result<Option<Product>, StoreError> {
    item::failed_condition(reasons, 0).flatten().map(item::read).transpose()
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Who changed a product, and when.
const CHANGED: &str = "changed_by = :operator, changed_at = :now";
const SAVING: &str = "saving a product";
const ADDING: &str = "adding goods to a stock";
/// Which part of the transaction that adds goods writes the row of the key.
const KEY_PART: usize = 1;
