//! Takes an order's goods from stock. One transaction sets the event's mark, changes the stock numbers and, if a product is oversold,
//! opens the case.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};

use super::Outbox;
use crate::{
    store::{
        Case, CaseKind, Order, OrderLine, StoreError, cases,
        item::{self, Item, TransactionCancelled},
    },
    types::{ProductId, UnixSeconds},
};

/// What came of taking an order's goods from stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockOutcome {
    /// The goods are taken from stock. Products without a stock number stay as they are.
    Taken,
    /// The goods are taken, and there were not enough of these products: a case `OVERSOLD` is open.
    Oversold(Vec<ProductId>),
    /// The goods were taken before.
    AlreadyTaken,
}

/// A line of the order, and whether the stock was enough for it when it was read.
struct StockLine<'o> {
    line: &'o OrderLine,
    enough: bool,
}

impl Outbox {
    /// Takes the goods of a paid order from stock, once for the event. They are taken even if the stock is not enough, because the
    /// order is paid; the stock number is negative then.
    ///
    /// Condition: the event's row exists and has no mark, and the stock of each product is still enough, or still not enough. If
    /// that has changed, the product is read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing was taken, or everything was and the answer was lost.
    /// The call can be repeated.
    pub async fn take_stock(&self, event_id: &str, order: &Order) -> Result<StockOutcome, StoreError> {
        let stocks = self.stocks(order).await?;
        let counted = order.items.iter().filter_map(|line| StockLine::of(line, stocks.get(&line.product_id)));
        let mut taking: Vec<_> = counted.collect();
        for _ in 0..item::MAX_ATTEMPTS {
            let case = oversold(order, &taking, self.host.now());
            let parts = self.parts(event_id, &taking, case.as_ref())?;
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else {
                case.iter().for_each(cases::count_opened);
                return Ok(taken(&taking));
            };
            match item::cancellation(TAKING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if item::failed_condition(&reasons, 0).is_some() {
                        return Ok(StockOutcome::AlreadyTaken);
                    }
                    let again =
                        taking.into_iter().enumerate().filter_map(
                            |(index, one)| match item::failed_condition(&reasons, index.saturating_add(1)) {
                                None => Some(one),
                                Some(product) => StockLine::of(one.line, product.as_ref()),
                            },
                        );
                    taking = again.collect();
                }
            }
        }
        Err(StoreError::contended(TAKING))
    }

    /// The order's products, by their ids.
    async fn stocks(&self, order: &Order) -> Result<BTreeMap<ProductId, Item>, StoreError> {
        let keys = order.items.iter().map(|line| {
            let id = AttributeValue::S(line.product_id.as_str().to_owned());
            Item::from([("product_id".to_owned(), id)])
        });
        // The read need not be consistent, because the conditions of the transaction check the stock again.
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .projection_expression("product_id, stock")
            .build()
            .map_err(|error| StoreError::new(READING, error))?;
        let request = self.client.batch_get_item().request_items(&self.products, keys);
        let answer = request.send().await.map_err(|error| StoreError::from_sdk(READING, error))?;
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Err(StoreError::contended(READING));
        }
        let products = answer.responses.unwrap_or_default().into_values().flatten();
        Ok(products
            .filter_map(|product| match product.get("product_id") {
                Some(AttributeValue::S(id)) => Some((ProductId::parse(id).ok()?, product)),
                _ => None,
            })
            .collect())
    }

    /// The parts of the transaction: the mark, the products and the case, if there is one. DynamoDB lists failed conditions in this
    /// order.
    fn parts(
        &self,
        event_id: &str,
        taking: &[StockLine<'_>],
        case: Option<&Case>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mark = Update::builder()
            .table_name(&self.table)
            .key("event_id", item::s(event_id))
            .update_expression("SET stock_done_at = :now")
            .condition_expression("attribute_exists(event_id) AND attribute_not_exists(stock_done_at)")
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .build()
            .map_err(|error| StoreError::new(TAKING, error))?;
        let mut parts = vec![TransactWriteItem::builder().update(mark).build()];
        for one in taking {
            parts.push(self.part(one)?);
        }
        if let Some(case) = case {
            parts.push(cases::put_case(&self.host, case)?);
        }
        Ok(parts)
    }

    fn part(&self, StockLine { line, enough }: &StockLine<'_>) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.products)
            .key("product_id", item::s(line.product_id.as_str()))
            .update_expression("SET stock = stock - :quantity")
            .condition_expression(if *enough { "stock >= :quantity" } else { "stock < :quantity" })
            .expression_attribute_values(":quantity", item::n(line.quantity))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(TAKING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl<'o> StockLine<'o> {
    /// The line with its stock; `None` if the product was deleted or has no stock number.
    fn of(line: &'o OrderLine, product: Option<&Item>) -> Option<Self> {
        let Some(AttributeValue::N(stock)) = product?.get("stock") else { return None };
        let stock: i64 = stock.parse().ok()?;
        Some(Self { line, enough: stock >= i64::from(line.quantity) })
    }
}

/// The case of an order for which the stock was not enough.
fn oversold(order: &Order, taking: &[StockLine<'_>], now: UnixSeconds) -> Option<Case> {
    let StockOutcome::Oversold(products) = taken(taking) else { return None };
    let products: Vec<_> = products.iter().map(ProductId::as_str).collect();
    let what = format!("more was sold than there was: {}", products.join(", "));
    Some(Case {
        order_id: Some(order.order_id),
        out_trade_no: Some(order.out_trade_no),
        transaction_id: order.transaction_id.clone(),
        ..Case::new(CaseKind::Oversold, &order.order_id, what, now)
    })
}

fn taken(taking: &[StockLine<'_>]) -> StockOutcome {
    let short = taking.iter().filter(|one| !one.enough);
    let short: Vec<_> = short.map(|one| one.line.product_id.clone()).collect();
    if short.is_empty() { StockOutcome::Taken } else { StockOutcome::Oversold(short) }
}

const READING: &str = "reading stock";
const TAKING: &str = "taking stock";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Fen;

    fn line(quantity: u32) -> OrderLine {
        OrderLine {
            product_id: ProductId::parse("water").unwrap(),
            name: "矿泉水".to_owned(),
            price: Fen::new(200).unwrap(),
            quantity,
            delivery: Default::default(),
        }
    }

    fn enough(stock: AttributeValue, quantity: u32) -> Option<bool> {
        let product = Item::from([("stock".to_owned(), stock)]);
        StockLine::of(&line(quantity), Some(&product)).map(|one| one.enough)
    }

    #[test]
    fn the_last_one_can_be_taken_and_then_there_are_not_enough() {
        let n = |stock: &str| AttributeValue::N(stock.to_owned());
        assert_eq!(enough(n("2"), 2), Some(true));
        assert_eq!(enough(n("1"), 2), Some(false));
        assert_eq!(enough(n("-5"), 1), Some(false));
    }

    #[test]
    fn stock_that_is_not_counted_is_not_taken() {
        assert_eq!(enough(item::s("many"), 1), None);
        assert_eq!(enough(AttributeValue::N("0.5".to_owned()), 1), None);
        assert!(StockLine::of(&line(1), Some(&Item::new())).is_none());
        assert!(StockLine::of(&line(1), None).is_none(), "the product is gone");
    }

    #[test]
    fn a_case_names_the_products_that_ran_out() {
        let (one, two) = (line(1), line(1));
        let whole = [StockLine { line: &one, enough: true }];
        assert_eq!(taken(&whole), StockOutcome::Taken);
        let short = [StockLine { line: &one, enough: true }, StockLine { line: &two, enough: false }];
        assert_eq!(taken(&short), StockOutcome::Oversold(vec![two.product_id.clone()]));
    }
}
