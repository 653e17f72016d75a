//! `REFUNDS_TABLE`: one row for each refund, from the moment it is requested here or WeChat Pay names it.
//!
//! Key `out_refund_no`. Index `by_due` (`due_shard`, `next_query_at`) lists refunds about which WeChat Pay is to be asked; one that
//! has ended leaves it. Index `by_unbilled` (`unbilled`, `out_refund_no`) lists a day's refunds that no bill has confirmed.
//!
//! Beginning a refund writes its row, claims its sum from the refundable sum of the payment, and changes the order, in one transaction.
//! So does ending it.

mod begin;
mod query_claim;
mod refunded_order;
mod row;
mod settle;
mod stuck_case;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::{
    Case, Order, PaymentRow, StoreError, cases,
    item::{self, Item, TransactionCancelled},
};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{OrderId, OutRefundNo, OutTradeNo, TransactionId},
};

pub(super) use begin::automatic_refund_part;
pub use begin::{BeginRefundOutcome, NewRefund, RefundApproval, RefundRefusal};
pub use row::{RefundCause, RefundRow};
pub use settle::RefundSettleOutcome;

/// The tables of refunds, orders and payments, which change together.
pub struct Refunds {
    client: Client,
    table: String,
    orders: String,
    payments: String,
    host: Host,
}

impl Refunds {
    /// Reads `ORDERS_TABLE`, `PAYMENTS_TABLE` and `REFUNDS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("REFUNDS_TABLE")?.to_owned(),
            orders: host.var("ORDERS_TABLE")?.to_owned(),
            payments: host.var("PAYMENTS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// The refund as it is now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, out_refund_no: &OutRefundNo) -> Result<Option<RefundRow>, StoreError> {
        self.get_item(&self.table, "out_refund_no", out_refund_no.as_str()).await
    }

    /// The order and the refund as they are now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_with_order(
        &self,
        order_id: OrderId,
        out_refund_no: &OutRefundNo,
    ) -> Result<(Option<Order>, Option<RefundRow>), StoreError> {
        let order_id = order_id.to_string();
        let (order, refund) = item::get_both(
            &self.client,
            &self.host,
            "reading a refund",
            (&self.orders, "order_id", &order_id),
            (&self.table, "out_refund_no", out_refund_no.as_str()),
        )
        .await?;
        Ok((order.map(item::read).transpose()?, refund.map(item::read).transpose()?))
    }

    /// The payment of an attempt, if it was paid: the order's own, or another that was recorded.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_payment(&self, attempt: OutTradeNo) -> Result<Option<PaymentRow>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.payments)
            .index_name("by_attempt")
            .key_condition_expression("out_trade_no = :no")
            .expression_attribute_values(":no", item::s(attempt))
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("finding a payment", error))?;
        let first = page.items.unwrap_or_default().into_iter().next();
        let Some(AttributeValue::S(transaction)) = first.and_then(|mut item| item.remove("transaction_id"))
        else {
            return Ok(None);
        };
        self.get_item(&self.payments, "transaction_id", &transaction).await
    }

    /// The payment as it is now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn payment(&self, transaction_id: &TransactionId) -> Result<Option<PaymentRow>, StoreError> {
        self.get_item(&self.payments, "transaction_id", transaction_id.as_str()).await
    }

    /// Sends the transaction, which opens the case as well; `false` if a condition failed or another transaction held an item.
    async fn transact(
        &self,
        mut parts: Vec<TransactWriteItem>,
        case: Option<Case>,
    ) -> Result<bool, StoreError> {
        if let Some(case) = &case {
            parts.push(cases::put_case(&self.host, case)?);
        }
        match self.client.transact_write_items().set_transact_items(Some(parts)).send().await {
            Ok(_) => {
                case.iter().for_each(cases::count_opened);
                Ok(true)
            }
            Err(error) => {
                if let TransactionCancelled::Conflict = item::cancellation("writing a refund", error)? {
                    item::sleep_jittered(&self.host).await;
                }
                Ok(false)
            }
        }
    }

    async fn get_item<T: serde::de::DeserializeOwned>(
        &self,
        table: &str,
        name: &str,
        value: &str,
    ) -> Result<Option<T>, StoreError> {
        let answer = self.client.get_item().table_name(table).key(name, item::s(value)).consistent_read(true);
        let answer = answer.send().await.map_err(|error| StoreError::from_sdk("reading a refund", error))?;
        answer.item.filter(|item: &Item| !item.is_empty()).map(item::read).transpose()
    }
}
