//! Shipping orders: every change of a shipping is written on the condition that its `version` is unchanged.
//!
//! The index `by_to_ship` (`to_ship_shard`, `order_id`) lists the orders of which something is still to be shipped, oldest first. It has
//! 16 shards, which are read at the same time, so that no key takes all writes.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use futures_util::future;

use super::{
    Order, OrderPage, Orders,
    shipping::{ShipOrder, Shipping},
};
use crate::{
    order::{ShippingPolicy, Status},
    store::{
        Case, StoreError, cases,
        item::{self, Item, TransactionCancelled},
        outbox::{self, Event, EventKind},
        work_index,
    },
    types::{OrderId, UnixSeconds},
};

/// What came of shipping an order.
#[derive(Debug)]
pub enum ShipOutcome {
    /// The order is shipped, by this call or an earlier one that said the same.
    Shipped(Box<Order>),
    /// The order is not paid, or its money goes back.
    NotPaid,
    /// It was shipped and corrected before, or received, or WeChat does not take it.
    TooLate,
    /// An order has no more than [`Shipping::MAX_PACKAGES`] parcels, and all of them travel in the same way.
    TooManyPackages,
}

/// What came of writing a change of a shipping.
#[derive(Debug)]
pub enum ShippingWrite {
    /// The change is written; the order as it is now.
    Written(Box<Order>),
    /// The order was changed by somebody else, or its money goes back; the order as it is now, if there is one. Nothing was written.
    Changed(Option<Box<Order>>),
}

impl Orders {
    /// Begins the shipping of an order that is paid: staff find it in the list of what is to be shipped, or it is shipped at once, because
    /// nobody has anything to do. Does nothing if it was begun before.
    ///
    /// Condition: the order has no shipping, and is not REFUNDED if it enters the list.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating it is harmless.
    pub async fn begin_shipping(&self, order: &Order, policy: &ShippingPolicy) -> Result<(), StoreError> {
        if order.shipping.is_some() {
            return Ok(());
        }
        let now = self.host.now();
        let watched = |shipping: Shipping| {
            shipping.with_next_query(policy.next_query(order.shipping_progress(&shipping), now))
        };
        let delivery = order.items.iter().map(|line| line.delivery).max().unwrap_or_default();
        let next = watched(Shipping::of_paid(delivery, order.goods()));
        let event = (next.revision > 0).then(|| shipped_event(order, &next, now));
        let write = self.write_shipping_with(order, next, event, None).await?;
        if matches!(write, ShippingWrite::Changed(_)) && delivery.ships_itself() {
            // A refund was begun meanwhile. If it comes to nothing, staff ship the order.
            let next = watched(Shipping { delivery, ..Shipping::default() });
            self.write_shipping_with(order, next, None, None).await?;
        }
        Ok(())
    }

    /// Ships what staff say, and writes the event that WeChat is to be told.
    ///
    /// Condition: the order is PAID, and its shipping is unchanged since it was read; otherwise it is read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the order may have been shipped; shipping it again with the
    /// same parcels is harmless.
    pub async fn ship(&self, order: &Order, new: &ShipOrder) -> Result<ShipOutcome, StoreError> {
        let mut order = order.clone();
        for _ in 0..item::MAX_ATTEMPTS {
            // The event that the order was paid may still be on its way.
            let shipping = order.shipping.clone().unwrap_or_default();
            if shipping.contains(new) {
                return Ok(ShipOutcome::Shipped(Box::new(order)));
            }
            if order.status != Status::Paid {
                return Ok(ShipOutcome::NotPaid);
            }
            if shipping.is_corrected || !shipping.state.is_open() {
                return Ok(ShipOutcome::TooLate);
            }
            let Some(next) = shipping.with_parcels(new.clone()) else {
                return Ok(ShipOutcome::TooManyPackages);
            };
            let event = shipped_event(&order, &next, self.host.now());
            match self.write_shipping_with(&order, next, Some(event), None).await? {
                ShippingWrite::Written(order) => return Ok(ShipOutcome::Shipped(order)),
                ShippingWrite::Changed(Some(now)) => order = *now,
                ShippingWrite::Changed(None) => return Ok(ShipOutcome::NotPaid),
            }
        }
        Err(StoreError::contended(SHIPPING))
    }

    /// Writes the shipping `next`, which follows from the order's, and opens the case, if there is one.
    ///
    /// Condition: the shipping is unchanged since it was read; if `next` begins an upload, the order is PAID, so that a refund that was begun
    /// meanwhile wins; and if the order enters or stays in a list, it is not REFUNDED.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn write_shipping(
        &self,
        order: &Order,
        next: Shipping,
        case: Option<&Case>,
    ) -> Result<ShippingWrite, StoreError> {
        self.write_shipping_with(order, next, None, case).await
    }

    /// Orders of which something is to be shipped, the oldest first, after `cursor`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_to_ship(&self, cursor: Option<OrderId>) -> Result<OrderPage, StoreError> {
        let shards = work_index::list_shards().map(|shard| self.list_shard_to_ship(shard, cursor));
        let mut orders = Vec::new();
        for shard in future::try_join_all(shards).await? {
            orders.extend(shard);
        }
        orders.sort_by_key(|order| order.order_id);
        let has_more = orders.len() > PAGE;
        orders.truncate(PAGE);
        let cursor = orders.last().filter(|_| has_more).map(|order| order.order_id);
        // What is being refunded stays in the index, because the refund may come to nothing.
        orders.retain(|order| order.status == Status::Paid);
        Ok(OrderPage { orders, cursor })
    }

    async fn list_shard_to_ship(
        &self,
        shard: String,
        after: Option<OrderId>,
    ) -> Result<Vec<Order>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_to_ship")
            .key_condition_expression("to_ship_shard = :shard AND order_id > :after")
            .expression_attribute_values(":shard", item::s(shard))
            .expression_attribute_values(
                ":after",
                item::s(after.map_or_else(|| "0".to_owned(), String::from)),
            )
            // One more than a page, so that the page knows whether more follow.
            .limit(i32::try_from(PAGE).unwrap_or(i32::MAX).saturating_add(1));
        let page = query.send().await;
        let page = page.map_err(|error| StoreError::from_sdk("listing what is to be shipped", error))?;
        page.items.unwrap_or_default().into_iter().map(item::read).collect()
    }

    async fn write_shipping_with(
        &self,
        order: &Order,
        next: Shipping,
        event: Option<Event>,
        case: Option<&Case>,
    ) -> Result<ShippingWrite, StoreError> {
        let next = Shipping { version: next.version.saturating_add(1), ..next };
        let mut parts = vec![self.shipping_part(order, &next)?];
        if let Some(event) = &event {
            parts.push(outbox::put_event(&self.host, event)?);
        }
        if let Some(case) = case {
            parts.push(cases::put_case(&self.host, case)?);
        }
        let written = Order { shipping: Some(next), ..order.clone() };
        for _ in 0..item::MAX_ATTEMPTS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else {
                case.into_iter().for_each(cases::count_opened);
                return Ok(ShippingWrite::Written(Box::new(written)));
            };
            match item::cancellation(SHIPPING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    // The AWS client repeats a write whose answer was lost.
                    let now: Option<Order> =
                        item::failed_condition(&reasons, 0).flatten().map(item::read).transpose()?;
                    return Ok(match now {
                        Some(now) if now.shipping == written.shipping => {
                            ShippingWrite::Written(Box::new(now))
                        }
                        now => ShippingWrite::Changed(now.map(Box::new)),
                    });
                }
            }
        }
        Err(StoreError::contended(SHIPPING))
    }

    fn shipping_part(&self, order: &Order, next: &Shipping) -> Result<TransactWriteItem, StoreError> {
        let is_uploading = next.upload_begun_at.is_some();
        let is_shipping = next.revision > order.shipping.as_ref().map_or(0, |shipping| shipping.revision);
        let version = match &order.shipping {
            None => "attribute_not_exists(shipping)",
            Some(_) => "shipping.version = :version",
        };
        let mut values = Item::from([(":shipping".to_owned(), item::map(next)?)]);
        if let Some(shipping) = &order.shipping {
            values.insert(":version".to_owned(), item::n(shipping.version));
        }
        // Nothing of a refunded order is to be shipped or asked about.
        let is_listed = order.status != Status::Refunded;
        let (mut set, mut remove) = (vec!["shipping = :shipping"], Vec::new());
        if is_listed && next.is_to_ship() {
            set.push("to_ship_shard = :shard");
        } else {
            remove.push("to_ship_shard");
        }
        match next.next_query_at.filter(|_| is_listed) {
            Some(at) => {
                set.extend(["shipping_shard = :shard", "shipping_query_at = :query_at"]);
                values.insert(":query_at".to_owned(), item::n(at.get()));
            }
            None => remove.extend(["shipping_shard", "shipping_query_at"]),
        }
        if set.len() > 1 {
            let shard = work_index::list_shard_of(&order.order_id.to_string());
            values.insert(":shard".to_owned(), AttributeValue::S(shard));
        }
        let (status, of_status) = if is_uploading || is_shipping {
            (Some(Status::Paid), " AND #status = :status")
        } else if set.len() > 1 {
            (Some(Status::Refunded), " AND #status <> :status")
        } else {
            (None, "")
        };
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .update_expression(format!("SET {}{remove}", set.join(", ")))
            .condition_expression(format!("attribute_exists(order_id) AND {version}{of_status}"))
            .return_values_on_condition_check_failure(AllOld);
        if let Some(status) = status {
            update = update.expression_attribute_names("#status", "status");
            values.insert(":status".to_owned(), item::s(status.as_str()));
        }
        let update = update.set_expression_attribute_values(Some(values)).build();
        let update = update.map_err(|error| StoreError::new(SHIPPING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl Order {
    /// The goods in words for the user, as WeChat takes them: 120 characters at most.
    #[must_use]
    pub fn goods(&self) -> String {
        let lines: Vec<_> =
            self.items.iter().map(|line| format!("{}×{}", line.name, line.quantity)).collect();
        lines.join("，").chars().take(MAX_GOODS).collect()
    }
}

/// The event that a revision of the shipping was made.
fn shipped_event(order: &Order, next: &Shipping, now: UnixSeconds) -> Event {
    let about = format!("{}-{}", order.order_id, next.revision);
    Event {
        order_id: Some(order.order_id),
        out_trade_no: order.paid_by,
        transaction_id: order.transaction_id.clone(),
        ..Event::new(EventKind::OrderShipped, &about, now)
    }
}

const SHIPPING: &str = "writing a shipping";
/// Orders on a page of what is to be shipped.
const PAGE: usize = 20;
/// Characters of the goods.
const MAX_GOODS: usize = 120;
