//! Takes from stock the goods of a paid order that holds none: it was closed, which gave them back, and was paid all the same, or an earlier
//! version placed it. One transaction sets the event's mark, takes the goods, writes them into the order and, if there are too few of a
//! product, opens the case.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::Outbox;
use crate::{
    store::{
        Case, CaseKind, Order, Reservation, StoreError, cases, item,
        products::{StockLookup, StockTable},
    },
    types::{ProductId, UnixSeconds},
};

/// What came of taking an order's goods from stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockOutcome {
    /// The goods are taken from stock. Products whose stock is not counted stay as they are.
    Taken,
    /// There were not enough of these products: none was taken of them, the rest is taken, and a case `OVERSOLD` is open.
    Oversold(Vec<ProductId>),
    /// The goods were taken before.
    AlreadyTaken,
}

/// Where the goods of an order are.
#[derive(Default)]
struct FoundGoods {
    rows: Vec<Reservation>,
    /// Products of which there are too few.
    short: Vec<ProductId>,
}

impl Outbox {
    /// Takes the goods of a paid order from stock, once for the event and once for the order.
    ///
    /// Condition: the event's row exists and has no mark, the order holds no goods, and the rows of stock have as many as was found. If a
    /// row has fewer by now, the goods are looked for again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing was taken, or everything was and the answer was lost.
    /// The call can be repeated.
    pub async fn take_stock(&self, event_id: &str, order: &Order) -> Result<StockOutcome, StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            let FoundGoods { rows, short } = self.find_goods(order).await?;
            let case = oversold(order, &short, self.host.now());
            let mut parts = vec![self.mark_part(event_id)?, self.keep_part(order, &rows)?];
            for taken in &rows {
                parts.push(self.stock_table().take_part(taken)?);
            }
            if let Some(case) = &case {
                parts.push(cases::put_case(&self.host, case)?);
            }
            let Some(reasons) = item::transact(&self.client, &self.host, TAKING, parts).await? else {
                case.iter().for_each(cases::count_opened);
                return Ok(if short.is_empty() {
                    StockOutcome::Taken
                } else {
                    StockOutcome::Oversold(short)
                });
            };
            if [MARK, ORDER].into_iter().any(|part| item::failed_condition(&reasons, part).is_some()) {
                return Ok(StockOutcome::AlreadyTaken);
            }
        }
        Err(StoreError::contended(TAKING))
    }

    async fn find_goods(&self, order: &Order) -> Result<FoundGoods, StoreError> {
        let mut found = FoundGoods::default();
        for line in &order.items {
            match self.stock_table().find(&line.product_id, line.quantity).await? {
                StockLookup::Uncounted => {}
                StockLookup::Found(rows) => found.rows.extend(rows),
                StockLookup::TooFew(_) => found.short.push(line.product_id.clone()),
            }
        }
        Ok(found)
    }

    fn mark_part(&self, event_id: &str) -> Result<TransactWriteItem, StoreError> {
        let mark = Update::builder()
            .table_name(&self.table)
            .key("event_id", item::s(event_id))
            .update_expression("SET stock_done_at = :now")
            .condition_expression("attribute_exists(event_id) AND attribute_not_exists(stock_done_at)")
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .build()
            .map_err(|error| StoreError::new(TAKING, error))?;
        Ok(TransactWriteItem::builder().update(mark).build())
    }

    /// Keeps with the order what is taken for it.
    fn keep_part(&self, order: &Order, rows: &[Reservation]) -> Result<TransactWriteItem, StoreError> {
        let rows = rows.iter().map(item::map).collect::<Result<_, _>>()?;
        let update = Update::builder()
            .table_name(&self.orders)
            .key("order_id", item::s(order.order_id))
            .update_expression("SET reserved = :reserved")
            .condition_expression("attribute_exists(order_id) AND attribute_not_exists(reserved)")
            .expression_attribute_values(":reserved", AttributeValue::L(rows))
            .build()
            .map_err(|error| StoreError::new(TAKING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn stock_table(&self) -> StockTable<'_> {
        StockTable { client: &self.client, table: &self.products, host: &self.host }
    }
}

/// The case of an order for which the stock was not enough.
fn oversold(order: &Order, short: &[ProductId], now: UnixSeconds) -> Option<Case> {
    if short.is_empty() {
        return None;
    }
    let products: Vec<_> = short.iter().map(ProductId::as_str).collect();
    let what = format!("more was sold than there was: {}", products.join(", "));
    Some(Case {
        order_id: Some(order.order_id),
        out_trade_no: Some(order.out_trade_no),
        transaction_id: order.transaction_id.clone(),
        ..Case::new(CaseKind::Oversold, &order.order_id, what, now)
    })
}

const TAKING: &str = "taking stock";
/// The places of parts of the transaction.
const MARK: usize = 0;
const ORDER: usize = 1;
