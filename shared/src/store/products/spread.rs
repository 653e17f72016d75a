//! Moves goods between the rows of a product's stock, while it is sold: each move is a transaction between the product's own row and one
//! other, so that goods are in one of them at any time, and whatever is cut off in between loses nothing.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{Product, Products, stock::total};
use crate::{
    store::{
        StoreError,
        item::{self, TransactionCancelled},
    },
    types::ProductId,
};

/// Goods to move between the product's own row and another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// From the row into the product's own.
    Gather { row: u16, pieces: i64 },
    /// From the product's own row into this one.
    Deal { row: u16, pieces: i64 },
}

impl Products {
    /// Spreads the product's stock evenly over the rows that orders take from. Goods in rows that are not used any more are moved to the
    /// product's own.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Some goods were moved, or none. Repeating it is harmless.
    pub(super) async fn spread(&self, product: &Product) -> Result<(), StoreError> {
        let (Some(own), Some(last)) = (product.stock, product.stock_rows_max) else { return Ok(()) };
        let others = self.stock_table().other_rows(&product.product_id, last).await?;
        for step in plan(own, &others, product.stock_rows()) {
            self.move_goods(&product.product_id, step, true).await?;
        }
        Ok(())
    }

    /// Moves up to `wanted` pieces from the other rows, the fullest first, into the product's own. If the product is not counted, they are
    /// dropped instead, because they are left from when it was.
    ///
    /// # Errors
    /// As [`spread`](Self::spread).
    pub(super) async fn gather(
        &self,
        product: &Product,
        others: &BTreeMap<u16, i64>,
        wanted: i64,
    ) -> Result<(), StoreError> {
        let mut fullest: Vec<(u16, i64)> = others.iter().map(|(row, stock)| (*row, *stock)).collect();
        fullest.sort_by_key(|(_, stock)| std::cmp::Reverse(*stock));
        let mut left = wanted;
        for (row, stock) in fullest {
            let pieces = stock.min(left);
            if pieces <= 0 {
                break;
            }
            let step = Move::Gather { row, pieces };
            if self.move_goods(&product.product_id, step, product.stock.is_some()).await? {
                left = left.saturating_sub(pieces);
            }
        }
        Ok(())
    }

    /// Whether the goods were moved. They are not if they are gone by now, if the product has become counted or uncounted, or if another
    /// transaction holds a row; whoever wants to move them looks again.
    async fn move_goods(
        &self,
        product_id: &ProductId,
        step: Move,
        is_counted: bool,
    ) -> Result<bool, StoreError> {
        let stocks = self.stock_table();
        let (own, row) = (stocks.update(product_id, 0), |row| stocks.update(product_id, row));
        let parts = match step {
            Move::Gather { row: from, pieces } if is_counted => {
                let own = own.update_expression(format!("SET stock = stock + :pieces {COUNT}"));
                let own = own.condition_expression("attribute_exists(stock)");
                let own = own.expression_attribute_values(":pieces", pieces_of(pieces));
                [taking(row(from), pieces), own.expression_attribute_values(":one", item::n(1_u32))]
            }
            Move::Gather { row: from, pieces } => {
                // It changes nothing, and keeps the product uncounted until the goods are dropped.
                let own = own.update_expression("REMOVE stock");
                [taking(row(from), pieces), own.condition_expression("attribute_not_exists(stock)")]
            }
            Move::Deal { row: to, pieces } => {
                let to = row(to).update_expression("ADD stock :pieces");
                let own =
                    taking(own, pieces).update_expression(format!("SET stock = stock - :pieces {COUNT}"));
                let own = own.expression_attribute_values(":one", item::n(1_u32));
                [own, to.expression_attribute_values(":pieces", pieces_of(pieces))]
            }
        };
        let parts = parts.into_iter().map(|update| stocks.part(update)).collect::<Result<Vec<_>, _>>()?;
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = request.send().await else { return Ok(true) };
        match item::cancellation(MOVING, error)? {
            TransactionCancelled::Conflict | TransactionCancelled::ConditionsFailed(_) => Ok(false),
        }
    }
}

fn taking(update: UpdateBuilder, pieces: i64) -> UpdateBuilder {
    update
        .update_expression("SET stock = stock - :pieces")
        .condition_expression("stock >= :pieces")
        .expression_attribute_values(":pieces", pieces_of(pieces))
}

fn pieces_of(pieces: i64) -> aws_sdk_dynamodb::types::AttributeValue {
    item::n(pieces.unsigned_abs())
}

/// The moves that spread a stock evenly over the rows 1 to `rows`, or bring it into the product's own row if `rows` is 1. `own` is what the
/// own row has, `others` what the other rows have.
fn plan(own: i64, others: &BTreeMap<u16, i64>, rows: u16) -> Vec<Move> {
    let mut own = own.max(0);
    let share = Share::of(own.saturating_add(total(others)), rows);
    let mut moves = Vec::new();
    for (row, stock) in others {
        let surplus = stock.saturating_sub(share.of_row(*row));
        if surplus > 0 {
            moves.push(Move::Gather { row: *row, pieces: surplus });
            own = own.saturating_add(surplus);
        }
    }
    if rows <= 1 {
        return moves;
    }
    for row in 1..=rows {
        let has = others.get(&row).copied().unwrap_or(0);
        let pieces = share.of_row(row).saturating_sub(has).min(own);
        if pieces > 0 {
            moves.push(Move::Deal { row, pieces });
            own = own.saturating_sub(pieces);
        }
    }
    moves
}

/// What each row has of an evenly spread stock.
struct Share {
    rows: u16,
    each: i64,
    rest: i64,
}

impl Share {
    fn of(total: i64, rows: u16) -> Self {
        let divisor = i64::from(rows);
        let each = total.checked_div(divisor).unwrap_or(0);
        Self { rows, each, rest: total.checked_rem(divisor).unwrap_or(0) }
    }

    fn of_row(&self, row: u16) -> i64 {
        if self.rows <= 1 || row > self.rows {
            0
        } else {
            self.each.saturating_add(i64::from(i64::from(row) <= self.rest))
        }
    }
}

const MOVING: &str = "moving stock";
/// Counts a move in the product's own row.
const COUNT: &str = "ADD stock_moves :one";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plan_spreads_all_goods_evenly_and_takes_none_that_is_not_there(
            own in 0i64..500, stocks in prop::collection::btree_map(1u16..30, 1i64..100, 0..29), rows in 1u16..30,
        ) {
            let (mut own_now, mut now) = (own, stocks.clone());
            for step in plan(own, &stocks, rows) {
                match step {
                    Move::Gather { row, pieces } => {
                        own_now += pieces;
                        *now.entry(row).or_default() -= pieces;
                    }
                    Move::Deal { row, pieces } => {
                        own_now -= pieces;
                        *now.entry(row).or_default() += pieces;
                    }
                }
                prop_assert!(own_now >= 0 && now.values().all(|stock| *stock >= 0));
            }
            let all = own + total(&stocks);
            prop_assert_eq!(own_now + total(&now), all);
            if rows == 1 {
                prop_assert_eq!(own_now, all);
            } else {
                prop_assert_eq!(own_now, 0);
                let each = |row: u16| now.get(&row).copied().unwrap_or(0);
                let (fullest, emptiest) = ((1..=rows).map(each).max(), (1..=rows).map(each).min());
                prop_assert!(fullest.zip(emptiest).is_some_and(|(most, least)| most - least <= 1));
            }
        }
    }

    #[test]
    fn a_stock_that_is_spread_already_stays_where_it_is() {
        assert_eq!(plan(0, &BTreeMap::from([(1, 3), (2, 2)]), 2), []);
        assert_eq!(plan(7, &BTreeMap::new(), 1), []);
    }
}
