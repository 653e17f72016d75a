//! Products with several rows of stock that were read lately, so that not every order of a product that sells fast reads its own row.
//!
//! One key answers 3,000 consistent reads a second, which is less than such a product sells. A change of the product is noticed when its
//! entry is [`MAX_AGE`] old; an order that is placed before keeps the price that was read. When nothing is left, every further order would
//! read all rows only to learn that; therefore what was found holds for [`TOO_FEW_FOR`].

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Product;
use crate::types::ProductId;

/// The products of one instance.
#[derive(Default)]
pub(in crate::store) struct RecentProducts(Mutex<HashMap<ProductId, Recent>>);

struct Recent {
    product: Product,
    /// Milliseconds.
    read_at: u64,
    left: Option<Left>,
}

/// What all rows together had, which was less than an order wanted.
struct Left {
    pieces: i64,
    /// Milliseconds.
    seen_at: u64,
}

impl RecentProducts {
    /// The product, if it was read within [`MAX_AGE`].
    pub(in crate::store) fn get(&self, product_id: &ProductId, now_millis: u64) -> Option<Product> {
        let recent = self.lock();
        let recent = recent.get(product_id)?;
        is_fresh(recent.read_at, now_millis, MAX_AGE).then(|| recent.product.clone())
    }

    /// Keeps a product that was just read, if it is counted and has several rows. Any other product is read anew for each order.
    pub(in crate::store) fn keep(&self, product: &Product, now_millis: u64) {
        let mut recent = self.lock();
        if product.stock.is_some() && product.stock_rows() > 1 {
            let left = recent.remove(&product.product_id).and_then(|recent| recent.left);
            let kept = Recent { product: product.clone(), read_at: now_millis, left };
            recent.insert(product.product_id.clone(), kept);
        } else {
            recent.remove(&product.product_id);
        }
    }

    /// Whether all rows of the product together were found to have less than `quantity` within [`TOO_FEW_FOR`].
    pub(in crate::store) fn has_too_few(
        &self,
        product_id: &ProductId,
        quantity: u32,
        now_millis: u64,
    ) -> bool {
        let recent = self.lock();
        let left = recent.get(product_id).and_then(|recent| recent.left.as_ref());
        left.is_some_and(|left| {
            is_fresh(left.seen_at, now_millis, TOO_FEW_FOR) && left.pieces < i64::from(quantity)
        })
    }

    /// Keeps that all rows of the product together have `pieces`, which was less than an order wanted.
    pub(in crate::store) fn keep_left(&self, product_id: &ProductId, pieces: i64, now_millis: u64) {
        if let Some(recent) = self.lock().get_mut(product_id) {
            recent.left = Some(Left { pieces, seen_at: now_millis });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProductId, Recent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(since: u64, now: u64, lifetime: u64) -> bool {
    now.saturating_sub(since) < lifetime
}

/// How long a product is used as it was read. Milliseconds.
const MAX_AGE: u64 = 3_000;
/// How long a look that found too few pieces answers further orders. Milliseconds.
const TOO_FEW_FOR: u64 = 1_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tea(more: serde_json::Value) -> Product {
        let mut tea = json!({ "product_id": "tea", "name": "茶", "price": 900, "shelf": "sale" });
        tea.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(tea).unwrap()
    }

    #[test]
    fn only_a_counted_product_with_several_rows_is_kept_for_three_seconds() {
        let recent = RecentProducts::default();
        let split = tea(json!({ "stock": 0, "stock_rows": 8, "stock_rows_max": 8 }));
        recent.keep(&split, 10_000);
        assert!(recent.get(&split.product_id, 12_999).is_some());
        assert!(recent.get(&split.product_id, 13_000).is_none());
        for other in [tea(json!({ "stock": 5 })), tea(json!({ "stock_rows": 8, "stock_rows_max": 8 }))] {
            recent.keep(&split, 10_000);
            recent.keep(&other, 10_001);
            assert!(recent.get(&split.product_id, 10_002).is_none());
        }
    }

    #[test]
    fn a_look_that_found_too_few_answers_larger_orders_for_a_second() {
        let recent = RecentProducts::default();
        let split = tea(json!({ "stock": 0, "stock_rows": 8, "stock_rows_max": 8 }));
        let id = &split.product_id;
        recent.keep_left(id, 1, 10_000);
        assert!(!recent.has_too_few(id, 2, 10_000), "a product that is read for each order is looked at too");
        recent.keep(&split, 10_000);
        recent.keep_left(id, 1, 10_000);
        assert!(recent.has_too_few(id, 2, 10_999) && !recent.has_too_few(id, 1, 10_999));
        recent.keep(&split, 10_999);
        assert!(recent.has_too_few(id, 2, 10_999) && !recent.has_too_few(id, 2, 11_000));
    }
}
