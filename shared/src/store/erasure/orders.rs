//! `ORDERS_TABLE` and `PAYMENTS_TABLE`: orders and receipts stay, because the shop must account for them, and name nobody any more.
//!
//! An order loses its user, whose id follows from the openid, and the openid; of the terms of its payment the IP address and the description,
//! which the phone chose; address, invoice title and remark; the receiver's number on parcels; and the user's words of requests for refunds. Its receipt loses the payer in the same transaction, because afterwards nothing leads from the person to either.
//! An order that is paid later, or refunded, goes its way without the person.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::PersonEraser;
use crate::{
    store::{
        Order, StoreError,
        inbox::ErasedPerson,
        item::{self, TransactionCancelled},
    },
    types::UserId,
};

impl PersonEraser {
    pub(super) async fn erase_orders(&self, person: &ErasedPerson) -> Result<(), StoreError> {
        let rows = self
            .client
            .query()
            .table_name(&self.orders)
            .index_name("by_user")
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", item::s(&person.user_id));
        self.for_each_row(ERASING, rows, async |mut row| {
            let Some(order_id) = row.remove("order_id") else { return Ok(()) };
            self.erase_order(order_id, &person.user_id).await
        })
        .await
    }

    async fn erase_order(&self, order_id: AttributeValue, user_id: &UserId) -> Result<(), StoreError> {
        for _ in 0..item::MAX_ATTEMPTS {
            // The index shows what was, perhaps without a payment since.
            let get = self.client.get_item().table_name(&self.orders).key("order_id", order_id.clone());
            let answer = get.consistent_read(true).send().await;
            let row = answer.map_err(|error| StoreError::from_sdk(ERASING, error))?.item;
            let order: Option<Order> = row.map(item::read).transpose()?;
            let Some(order) = order.filter(|order| order.user_id.as_ref() == Some(user_id)) else {
                return Ok(());
            };
            let parts = self.parts(&order, user_id)?;
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(()) };
            match item::cancellation(ERASING, error)? {
                TransactionCancelled::Conflict | TransactionCancelled::ConditionsFailed(_) => {
                    item::sleep_jittered(&self.host).await;
                }
            }
        }
        Err(StoreError::contended(ERASING))
    }

    fn parts(&self, order: &Order, user_id: &UserId) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut conditions = vec!["user_id = :user"];
        let mut sets = Vec::new();
        let mut update = Update::builder()
            .table_name(&self.orders)
            .key("order_id", item::s(order.order_id))
            .expression_attribute_values(":user", item::s(user_id));
        if order.terms.is_some() {
            // That the attempt was sent to WeChat Pay must stay known.
            sets.extend(["terms.client_ip = :nothing".to_owned(), "terms.description = :nothing".to_owned()]);
            conditions.push("attribute_exists(terms)");
        } else {
            conditions.push("attribute_not_exists(terms)");
        }
        if order.refund_requests.is_empty() {
            conditions.push("attribute_not_exists(refund_requests)");
        } else {
            let count = order.refund_requests.len();
            sets.extend((0..count).map(|index| format!("refund_requests[{index}].reason = :nothing")));
            conditions.push("size(refund_requests) = :requests");
            let count = item::n(u64::try_from(count).unwrap_or(u64::MAX));
            update = update.expression_attribute_values(":requests", count);
        }
        if let Some(shipping) = &order.shipping {
            let with_contact =
                shipping.packages.iter().enumerate().filter(|(_, one)| one.receiver_contact.is_some());
            sets.extend(
                with_contact
                    .map(|(index, _)| format!("shipping.packages[{index}].receiver_contact = :nothing")),
            );
            conditions.push("shipping.version = :version");
            // So that no run that has read the number writes it back.
            sets.push("shipping.version = :next_version".to_owned());
            update = update
                .expression_attribute_values(":version", item::n(shipping.version))
                .expression_attribute_values(":next_version", item::n(shipping.version.saturating_add(1)));
        }
        if sets.iter().any(|set| set.ends_with(":nothing")) {
            update = update.expression_attribute_values(":nothing", item::s(""));
        }
        let mut receipt = None;
        if let Some(transaction_id) = &order.transaction_id {
            conditions.push("transaction_id = :transaction");
            update = update.expression_attribute_values(":transaction", item::s(transaction_id));
            receipt = Some(
                Update::builder()
                    .table_name(&self.payments)
                    .key("transaction_id", item::s(transaction_id))
                    .update_expression("REMOVE openid")
                    .condition_expression("attribute_exists(transaction_id)"),
            );
        } else {
            conditions.push("attribute_not_exists(transaction_id)");
        }
        let set = if sets.is_empty() { String::new() } else { format!("SET {} ", sets.join(", ")) };
        let update = update
            .update_expression(format!("{set}REMOVE user_id, openid, details"))
            .condition_expression(conditions.join(" AND "));
        std::iter::once(update)
            .chain(receipt)
            .map(|update| {
                let update = update.build().map_err(|error| StoreError::new(ERASING, error))?;
                Ok(TransactWriteItem::builder().update(update).build())
            })
            .collect()
    }
}

const ERASING: &str = "erasing the person of an order";
