//! Which rows of stock a new order takes its goods from. `products/stock.rs` says where the pieces of a product lie.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use super::{Order, Orders};
use crate::{
    store::{
        Product, Reservation, StoreError, item,
        products::{MOST_ROWS_OF_ORDER, StockLookup},
    },
    types::ProductId,
};

/// The goods of an order, by products whose stock is counted.
pub(super) struct Goods<'p>(Vec<ProductGoods<'p>>);

struct ProductGoods<'p> {
    product: &'p Product,
    quantity: u32,
    rows: Vec<Reservation>,
}

impl Goods<'_> {
    /// What the order takes.
    ///
    /// # Errors
    /// [`StoreError`], transient: the pieces lie in more rows than a transaction can have.
    pub(super) fn reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        let rows: Vec<Reservation> = self.0.iter().flat_map(|goods| goods.rows.iter().cloned()).collect();
        if rows.len() > MOST_ROWS_OF_ORDER { Err(StoreError::contended(RESERVING)) } else { Ok(rows) }
    }
}

impl Orders {
    /// The rows that the order tries first, or else the product that has too few.
    pub(super) async fn choose_goods<'p>(
        &self,
        order: &Order,
        products: &'p BTreeMap<ProductId, Product>,
    ) -> Result<Result<Goods<'p>, ProductId>, StoreError> {
        let mut chosen = Vec::new();
        for line in &order.items {
            let Some(product) = products.get(&line.product_id) else { continue };
            let Some(stock) = product.stock else { continue };
            let quantity = line.quantity;
            let mut goods = ProductGoods { product, quantity, rows: Vec::new() };
            let has_too_few = product.stock_rows() <= 1 && stock < i64::from(quantity);
            if has_too_few
                || self.recent_products.has_too_few(&line.product_id, quantity, self.host.now_millis())
            {
                if has_too_few && product.is_split() {
                    // Goods may be left in rows of before.
                    if !self.find_goods(&mut goods).await? {
                        return Ok(Err(line.product_id.clone()));
                    }
                } else {
                    return Ok(Err(line.product_id.clone()));
                }
            } else {
                goods.rows = vec![self.stock_table()?.first_choice(product, quantity)?];
            }
            chosen.push(goods);
        }
        Ok(Ok(Goods(chosen)))
    }

    /// Chooses other rows of products that have several, because another transaction held one.
    pub(super) fn choose_other_rows(&self, goods: &mut Goods<'_>) -> Result<(), StoreError> {
        for goods in &mut goods.0 {
            if goods.product.stock_rows() > 1 && goods.rows.len() == 1 {
                goods.rows = vec![self.stock_table()?.first_choice(goods.product, goods.quantity)?];
            }
        }
        Ok(())
    }

    /// The parts of the transaction that take the goods.
    pub(super) fn take_parts(&self, goods: &Goods<'_>) -> Result<Vec<TransactWriteItem>, StoreError> {
        let rows = goods.0.iter().flat_map(|goods| &goods.rows);
        rows.map(|taken| self.stock_table()?.take_part(taken)).collect()
    }

    /// Looks in all rows of the products of which a row had too few, as `reasons` say from the part `first` on; the product of which all
    /// rows together have too few.
    pub(super) async fn look_for_goods(
        &self,
        goods: &mut Goods<'_>,
        reasons: &[CancellationReason],
        first: usize,
    ) -> Result<Option<ProductId>, StoreError> {
        let mut part = first;
        for goods in &mut goods.0 {
            let next = part.saturating_add(goods.rows.len());
            let has_failed = (part..next).any(|part| item::failed_condition(reasons, part).is_some());
            part = next;
            if has_failed && !self.find_goods(goods).await? {
                return Ok(Some(goods.product.product_id.clone()));
            }
        }
        Ok(None)
    }

    /// Looks in all rows of the product; whether they have enough.
    async fn find_goods(&self, goods: &mut ProductGoods<'_>) -> Result<bool, StoreError> {
        let product_id = &goods.product.product_id;
        goods.rows = match self.stock_table()?.find(product_id, goods.quantity).await? {
            StockLookup::Found(rows) => rows,
            // The product is sold without counting since a moment ago.
            StockLookup::Uncounted => Vec::new(),
            StockLookup::TooFew(left) => {
                self.recent_products.keep_left(product_id, left, self.host.now_millis());
                return Ok(false);
            }
        };
        Ok(true)
    }
}

const RESERVING: &str = "reserving goods";
