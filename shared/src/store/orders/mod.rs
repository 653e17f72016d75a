//! `ORDERS_TABLE`: an order a row, with the attempt to pay it that is under way.
//!
//! Key `order_id`. Index `by_user` (`user_id`, `order_id`) lists a user's orders, newest last. Index `by_due` (`due_shard`,
//! `next_query_at`) lists unpaid orders by when to ask WeChat about them; an order that is paid or closed leaves it, unless what was
//! given back of its payment must still be looked for. Index `by_transaction` (`transaction_id`) finds the order that a payment has paid.
//! Index `by_to_ship` (`to_ship_shard`, `order_id`) lists orders of which something is to be shipped. Index `by_shipping_query`
//! (`shipping_shard`, `shipping_query_at`) lists paid orders whose money WeChat keeps, by when to ask WeChat about their shipping.
//! Index `by_refund_request` lists orders by the state of the user's last request for a refund.

mod attempt;
mod details;
mod place;
mod query_claim;
mod refund_request;
mod request_refund;
mod reserve;
mod row;
mod settle;
mod ship;
mod shipping;
mod shipping_query;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    CallerError, Session, StoreError, batch, item,
    products::{RecentProducts, StockTable},
    sessions,
};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Caller, OrderId, TransactionId, UserId},
};

pub use attempt::{CloseWriteOutcome, WriteOutcome};
pub use details::{Address, InvoiceTitle, OrderDetails, OrderDetailsError, OrderDetailsSealer};
pub use place::{NewOrder, OrderSummary, PlaceOutcome};
pub use refund_request::{RefundRequest, RefundRequestId, RefundRequestState};
pub use request_refund::{RefundRequestCursor, RefundRequestPage, RejectRefundOutcome, RequestRefundOutcome};
pub(super) use request_refund::{RequestsChange, request_event, requests_change};
pub use row::{Order, OrderLine, Prepay, PrepayTerms};
pub use settle::SettleOutcome;
pub use ship::{ShipOutcome, ShippingWrite};
pub use shipping::{ShipOrder, Shipping};
pub use shipping_query::{UnsettledOrder, shipping_shards};

/// The tables that change together with an order.
pub struct Orders {
    client: Client,
    table: String,
    host: Host,
    recent_products: RecentProducts,
}

/// Some of a user's orders.
pub struct OrderPage {
    /// Newest first.
    pub orders: Vec<Order>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<OrderId>,
}

impl Orders {
    /// Reads `ORDERS_TABLE`. The names of tables that only some functions use are read by the methods that use them.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("ORDERS_TABLE")?.to_owned(),
            host: host.clone(),
            recent_products: RecentProducts::default(),
        })
    }

    /// The order as it is now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, order_id: OrderId) -> Result<Option<Order>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("order_id", item::s(order_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("reading an order", error))?;
        answer.item.map(item::read).transpose()
    }

    /// The orders with these ids, as they are now, in few requests. An id without an order is left out.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_many(
        &self,
        order_ids: impl Iterator<Item = OrderId>,
    ) -> Result<BTreeMap<OrderId, Order>, StoreError> {
        let (clients, table) = ((&self.client, &self.host), (self.table.as_str(), "order_id"));
        let ids = order_ids.map(String::from);
        let items = batch::get_many(clients, "reading orders", table, ids).await?;
        let orders =
            items.into_iter().map(|item| item::read(item).map(|order: Order| (order.order_id, order)));
        orders.collect()
    }

    /// The caller's order as it is now; `None` if there is none, or it is another user's. Reads `SESSIONS_TABLE`.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry.
    pub async fn get_for_caller(
        &self,
        order_id: OrderId,
        caller: &Caller,
    ) -> Result<Option<Order>, CallerError> {
        let order_id = order_id.to_string();
        let order = (self.table.as_str(), "order_id", order_id.as_str());
        let session = sessions::key(self.var("SESSIONS_TABLE")?, caller);
        let operation = "reading an order and its caller";
        let (order, session) = item::get_both(&self.client, &self.host, operation, order, session).await?;
        let session = session.map(item::read::<Session>).transpose()?;
        sessions::honoured(session.as_ref(), caller)?;
        let order: Option<Order> = order.map(item::read).transpose()?;
        Ok(order.filter(|order| order.user_id.as_ref() == Some(&caller.user_id)))
    }

    /// A user's orders, newest first, after `cursor`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_for_user(
        &self,
        user_id: &UserId,
        cursor: Option<OrderId>,
    ) -> Result<OrderPage, StoreError> {
        // The key is made of the caller's own id: another user's cursor leads nowhere else.
        let start = cursor.map(|order_id| {
            [("user_id".to_owned(), item::s(user_id)), ("order_id".to_owned(), item::s(order_id))].into()
        });
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_user")
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", item::s(user_id))
            .scan_index_forward(false)
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing orders", error))?;
        let cursor = match page.last_evaluated_key.as_ref().and_then(|key| key.get("order_id")) {
            Some(AttributeValue::S(text)) => {
                Some(OrderId::parse(text).map_err(|error| StoreError::new("listing orders", error))?)
            }
            _ => None,
        };
        let orders = page.items.unwrap_or_default().into_iter().map(item::read).collect::<Result<_, _>>()?;
        Ok(OrderPage { orders, cursor })
    }

    /// The order that this payment has paid. One that was paid within the last second may not be found yet, because the index follows
    /// the table.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_paid_by(&self, payment: &TransactionId) -> Result<Option<Order>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_transaction")
            .key_condition_expression("transaction_id = :payment")
            .expression_attribute_values(":payment", item::s(payment))
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("finding the order of a payment", error))?;
        page.items.unwrap_or_default().into_iter().next().map(item::read).transpose()
    }

    /// The rows of products' stocks. Reads `PRODUCTS_TABLE`.
    fn stock_table(&self) -> Result<StockTable<'_>, StoreError> {
        Ok(StockTable { client: &self.client, table: self.var("PRODUCTS_TABLE")?, host: &self.host })
    }

    fn var(&self, name: &'static str) -> Result<&str, StoreError> {
        self.host.var(name).map_err(|error| StoreError::new("naming a table", error))
    }
}

/// Orders on a page.
const PAGE: i32 = 20;
