//! A product's stock lies in rows, each a number that never falls below zero. Together they are what can still be ordered.
//!
//! Row 0 is the attribute `stock` of the product's own row, and is all that most products have. A product that sells faster than one key
//! can be written has `stock_rows` more, with the keys `<product_id>#1`, `<product_id>#2` and so on. They have no `shelf`, so that no
//! list shows them, and a write to them does not reach the index `by_shelf`, where all products on sale share a key.
//!
//! An order takes its goods from one row, chosen at random, in its own transaction: from row 0, or from one of the others if there are any.
//! Only if that row has too few, all rows are read ([`StockTable::find`]), up to the highest one that the product ever had
//! (`stock_rows_max`), because goods stay in a row that is not used any more until `spread.rs` moves them or an order takes them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::Product;
use crate::{
    host::{Host, dynamodb::Client},
    store::{
        StoreError,
        item::{self, Item},
    },
    types::ProductId,
};

/// Goods that an order has taken from a row of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The product.
    pub product_id: ProductId,
    /// The row; 0 is the product's own.
    #[serde(default, skip_serializing_if = "is_own_row")]
    pub row: u16,
    /// How many pieces.
    pub quantity: u32,
}

/// Where the goods that an order wants of a product are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum StockLookup {
    /// The product's stock is not counted, or the product is gone.
    Uncounted,
    /// These rows have enough together.
    Found(Vec<Reservation>),
    /// All rows together have fewer; how many they have.
    TooFew(i64),
}

/// The rows of stocks in `PRODUCTS_TABLE`.
pub(in crate::store) struct StockTable<'a> {
    pub(in crate::store) client: &'a Client,
    pub(in crate::store) table: &'a str,
    pub(in crate::store) host: &'a Host,
}

/// The stock in a row, and in the product's own row what else there is to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct OwnRow {
    pub(super) stock: Option<i64>,
    #[serde(default = "one_row")]
    stock_rows_max: u16,
    /// How often goods were moved between this row and another.
    #[serde(default)]
    stock_moves: u64,
}

impl StockTable<'_> {
    /// Looks for `quantity` pieces in all rows of the product.
    ///
    /// The rows can't be read at one instant, and while they are read, an operator can move goods from one that was not read yet to one that
    /// was. Therefore too few are said to be left only when two looks in a row have seen the same pieces and as many moves.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The rows changed with each look, or the pieces lie in more rows than a
    /// transaction can have.
    pub(in crate::store) async fn find(
        &self,
        product_id: &ProductId,
        quantity: u32,
    ) -> Result<StockLookup, StoreError> {
        let mut before = None;
        for _ in 0..item::MAX_ATTEMPTS {
            let Some(own) = self.own_row(product_id).await? else { return Ok(StockLookup::Uncounted) };
            let Some(stock) = own.stock else { return Ok(StockLookup::Uncounted) };
            let rows_max = own.stock_rows_max;
            let mut rows = self.other_rows(product_id, rows_max).await?;
            let seen = Some((own, rows.clone()));
            rows.insert(0, stock);
            let total = total(&rows);
            if total >= i64::from(quantity) {
                let random = u32::from_le_bytes(self.random()?);
                let found = choose(&rows, quantity, random).ok_or_else(|| StoreError::contended(FINDING))?;
                let found = found.into_iter().map(|(row, quantity)| Reservation {
                    product_id: product_id.clone(),
                    row,
                    quantity,
                });
                return Ok(StockLookup::Found(found.collect()));
            }
            if rows_max <= 1 || before == seen {
                return Ok(StockLookup::TooFew(total));
            }
            before = seen;
        }
        Err(StoreError::contended(FINDING))
    }

    /// The row from which an order takes its goods first.
    pub(in crate::store) fn first_choice(
        &self,
        product: &Product,
        quantity: u32,
    ) -> Result<Reservation, StoreError> {
        let row = match product.stock_rows() {
            0 | 1 => 0,
            rows => u16::from_le_bytes(self.random()?).checked_rem(rows).unwrap_or(0).saturating_add(1),
        };
        Ok(Reservation { product_id: product.product_id.clone(), row, quantity })
    }

    /// The part of a transaction that takes the goods.
    ///
    /// Condition: the row has as many.
    pub(in crate::store) fn take_part(&self, taken: &Reservation) -> Result<TransactWriteItem, StoreError> {
        let update = self.update(&taken.product_id, taken.row);
        self.part(
            update
                .update_expression("SET stock = stock - :quantity")
                .condition_expression("stock >= :quantity")
                .expression_attribute_values(":quantity", item::n(taken.quantity))
                .return_values_on_condition_check_failure(AllOld),
        )
    }

    /// The part of a transaction that gives the goods back to the row they were taken from.
    ///
    /// Condition: none, or, for the product's own row, that the product is still counted, because a number would make it counted again.
    pub(in crate::store) fn give_back_part(
        &self,
        taken: &Reservation,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = self.update(&taken.product_id, taken.row);
        let update = if taken.row == 0 {
            update
                .update_expression("SET stock = stock + :quantity")
                .condition_expression("attribute_exists(stock)")
        } else {
            update.update_expression("ADD stock :quantity")
        };
        self.part(update.expression_attribute_values(":quantity", item::n(taken.quantity)))
    }

    /// The stock in the product's own row, as it is now; `None` if there is no such product.
    pub(super) async fn own_row(&self, product_id: &ProductId) -> Result<Option<OwnRow>, StoreError> {
        let mut found = self.read(product_id, vec![0]).await?;
        found.remove(&0).map(item::read).transpose()
    }

    /// The pieces in the rows 1 to `last`, without those that are empty.
    pub(super) async fn other_rows(
        &self,
        product_id: &ProductId,
        last: u16,
    ) -> Result<BTreeMap<u16, i64>, StoreError> {
        let mut rows = BTreeMap::new();
        if last <= 1 {
            return Ok(rows);
        }
        let numbers: Vec<u16> = (1..=last).collect();
        for some in numbers.chunks(READ_AT_ONCE) {
            for (row, found) in self.read(product_id, some.to_vec()).await? {
                let OwnRow { stock, .. } = item::read(found)?;
                rows.extend(stock.filter(|stock| *stock != 0).map(|stock| (row, stock)));
            }
        }
        Ok(rows)
    }

    /// The rows as they are now, at most [`READ_AT_ONCE`], by their numbers.
    async fn read(
        &self,
        product_id: &ProductId,
        mut rows: Vec<u16>,
    ) -> Result<BTreeMap<u16, Item>, StoreError> {
        let mut found = BTreeMap::new();
        for _ in 0..item::MAX_ATTEMPTS {
            let keys = rows.iter().map(|row| Item::from([(KEY.to_owned(), item::s(key(product_id, *row)))]));
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys.collect()))
                .consistent_read(true)
                .projection_expression("product_id, stock, stock_rows_max, stock_moves")
                .build()
                .map_err(|error| StoreError::new(READING, error))?;
            let request = self.client.batch_get_item().request_items(self.table, keys);
            let answer = request.send().await.map_err(|error| StoreError::from_sdk(READING, error))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let Some(AttributeValue::S(text)) = item.get(KEY) else { continue };
                let row = text.rsplit_once('#').map_or(Ok(0), |(_, row)| row.parse());
                found.insert(row.map_err(|error| StoreError::new(READING, error))?, item);
            }
            let is_throttled = answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty());
            if !is_throttled {
                return Ok(found);
            }
            rows.retain(|row| !found.contains_key(row));
            item::sleep_jittered(self.host).await;
        }
        Err(StoreError::contended(READING))
    }

    pub(super) fn update(
        &self,
        product_id: &ProductId,
        row: u16,
    ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder().table_name(self.table).key(KEY, item::s(key(product_id, row)))
    }

    pub(super) fn part(
        &self,
        update: aws_sdk_dynamodb::types::builders::UpdateBuilder,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = update.build().map_err(|error| StoreError::new(TAKING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], StoreError> {
        self.host.random().map_err(|error| StoreError::new(FINDING, error))
    }
}

/// The key of a row. No product has such an id, because `#` is in none.
fn key(product_id: &ProductId, row: u16) -> String {
    match row {
        0 => product_id.as_str().to_owned(),
        row => format!("{}#{row}", product_id.as_str()),
    }
}

/// The pieces in all rows.
pub(super) fn total(rows: &BTreeMap<u16, i64>) -> i64 {
    rows.values().fold(0, |sum, stock| sum.saturating_add(*stock))
}

/// The rows that give `quantity` pieces, and how many each gives: one of those that have enough, at random, so that orders that look at the
/// same time do not all choose the same one; or else the fullest ones. `None` if more than [`MOST_ROWS_OF_ORDER`] would be needed.
fn choose(rows: &BTreeMap<u16, i64>, quantity: u32, random: u32) -> Option<Vec<(u16, u32)>> {
    let enough: Vec<u16> =
        rows.iter().filter(|(_, stock)| **stock >= i64::from(quantity)).map(|(row, _)| *row).collect();
    let chosen = usize::try_from(random).ok()?.checked_rem(enough.len());
    if let Some(row) = chosen.and_then(|index| enough.get(index)) {
        return Some(vec![(*row, quantity)]);
    }
    let mut fullest: Vec<(u16, i64)> = rows.iter().map(|(row, stock)| (*row, *stock)).collect();
    fullest.sort_by_key(|(_, stock)| std::cmp::Reverse(*stock));
    let mut chosen = Vec::new();
    let mut left = quantity;
    for (row, stock) in fullest.into_iter().take(MOST_ROWS_OF_ORDER) {
        let taken = u32::try_from(stock).unwrap_or(0).min(left);
        if taken > 0 {
            chosen.push((row, taken));
            left = left.saturating_sub(taken);
        }
    }
    (left == 0).then_some(chosen)
}

fn one_row() -> u16 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_own_row(row: &u16) -> bool {
    *row == 0
}

const KEY: &str = "product_id";
const READING: &str = "reading stock";
const FINDING: &str = "looking for goods in stock";
const TAKING: &str = "taking goods from stock";
/// How many rows DynamoDB reads in one request.
const READ_AT_ONCE: usize = 100;
/// How many rows of stock an order can take from. A transaction has 100 parts at most, and three of them are no stock.
pub(in crate::store) const MOST_ROWS_OF_ORDER: usize = 95;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chosen_rows_give_the_quantity_and_none_more_than_it_has(
            stocks in prop::collection::vec(0i64..20, 1..90), quantity in 1u32..100, random: u32,
        ) {
            let rows: BTreeMap<u16, i64> = (0u16..).zip(stocks).collect();
            let chosen = choose(&rows, quantity, random);
            prop_assert_eq!(chosen.is_some(), total(&rows) >= i64::from(quantity));
            if let Some(chosen) = chosen {
                prop_assert_eq!(chosen.iter().map(|(_, taken)| taken).sum::<u32>(), quantity);
                for (row, taken) in &chosen {
                    prop_assert!(*taken > 0 && i64::from(*taken) <= rows[row]);
                }
                let one_has_enough = rows.values().any(|stock| *stock >= i64::from(quantity));
                prop_assert!(!one_has_enough || chosen.len() == 1);
            }
        }
    }

    #[test]
    fn pieces_in_more_rows_than_a_transaction_has_are_not_chosen() {
        let rows: BTreeMap<u16, i64> = (1..=99).map(|row| (row, 1)).collect();
        assert!(choose(&rows, 99, 0).is_none());
        assert_eq!(choose(&rows, 95, 0).map(|chosen| chosen.len()), Some(95));
    }

    #[test]
    fn a_row_below_zero_gives_nothing() {
        let rows = BTreeMap::from([(0, -3), (1, 2), (2, 2)]);
        assert_eq!(total(&rows), 1);
        let chosen = choose(&BTreeMap::from([(0, -3), (1, 2), (2, 2)]), 3, 7);
        assert_eq!(chosen, Some(vec![(1, 2), (2, 1)]));
    }

    #[test]
    fn the_keys_of_rows_are_of_no_product() {
        let tea = ProductId::parse("tea").unwrap();
        assert_eq!(key(&tea, 0), "tea");
        assert_eq!(key(&tea, 12), "tea#12");
        assert!(ProductId::parse(&key(&tea, 1)).is_err());
    }
}
