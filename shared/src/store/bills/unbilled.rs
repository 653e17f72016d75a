//! The payments of a day, and refunds that no bill has. The index `by_unbilled` lists their numbers, shard by shard and page by page; the
//! row of one that the bill lacks is then read from its table, because the index can be behind.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use super::Bills;
use crate::{
    store::{
        PaymentRow, RefundRow, StoreError,
        item::{self, Item},
        work_index::list_shards,
    },
    types::{Day, IdError, OutRefundNo, TransactionId},
};

/// A page of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnbilledPage<Number> {
    /// The numbers. The index can be a moment behind.
    pub numbers: Vec<Number>,
    /// The beginning of the next page, if there is one.
    pub next: Option<UnbilledCursor>,
}

/// A position in the list of a day's rows. The default is the beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnbilledCursor {
    /// The index of the shard.
    part: usize,
    /// The last number of the page before.
    after: Option<String>,
}

impl Bills {
    /// Payments of the day, from `place` on.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn payments_of(
        &self,
        day: Day,
        place: &UnbilledCursor,
    ) -> Result<UnbilledPage<TransactionId>, StoreError> {
        self.page(&self.payments, "transaction_id", (day, place), TransactionId::parse).await
    }

    /// Refunds of the day that no bill has confirmed, from `place` on.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn unbilled_refunds(
        &self,
        day: Day,
        place: &UnbilledCursor,
    ) -> Result<UnbilledPage<OutRefundNo>, StoreError> {
        self.page(&self.refunds, "out_refund_no", (day, place), OutRefundNo::parse).await
    }

    /// The payment, as it is now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn payment(&self, transaction_id: &TransactionId) -> Result<Option<PaymentRow>, StoreError> {
        self.row(&self.payments, "transaction_id", transaction_id.as_str()).await
    }

    /// The refund, unless a bill has confirmed it by now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn unbilled_refund(
        &self,
        out_refund_no: &OutRefundNo,
    ) -> Result<Option<RefundRow>, StoreError> {
        self.row(&self.refunds, "out_refund_no", out_refund_no.as_str()).await
    }

    async fn page<Number>(
        &self,
        table: &str,
        key: &'static str,
        (day, place): (Day, &UnbilledCursor),
        parse: fn(&str) -> Result<Number, IdError>,
    ) -> Result<UnbilledPage<Number>, StoreError> {
        let Some(shard) = list_shards().nth(place.part) else {
            return Ok(UnbilledPage { numbers: Vec::new(), next: None });
        };
        let part = format!("{day}#{shard}");
        let start = place.after.as_ref().map(|after| {
            Item::from([("unbilled".to_owned(), item::s(&part)), (key.to_owned(), item::s(after))])
        });
        let page = item::retry_transient(&self.host, || async {
            let query = self.client.query().table_name(table).index_name("by_unbilled");
            let query = query
                .key_condition_expression("unbilled = :part")
                .expression_attribute_values(":part", item::s(&part))
                .projection_expression(key)
                .limit(PAGE)
                .set_exclusive_start_key(start.clone());
            query.send().await.map_err(|error| StoreError::from_sdk(LISTING, error))
        })
        .await?;
        let text = |mut item: Item| match item.remove(key) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(StoreError::new(LISTING, "an item has no key")),
        };
        let next = match page.last_evaluated_key {
            Some(key) => Some(UnbilledCursor { part: place.part, after: Some(text(key)?) }),
            None => list_shards()
                .nth(place.part.saturating_add(1))
                .map(|_| UnbilledCursor { part: place.part.saturating_add(1), after: None }),
        };
        let numbers = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item| parse(&text(item)?).map_err(|error| StoreError::new(LISTING, error)));
        Ok(UnbilledPage { numbers: numbers.collect::<Result<_, _>>()?, next })
    }

    async fn row<Row: DeserializeOwned>(
        &self,
        table: &str,
        key: &'static str,
        number: &str,
    ) -> Result<Option<Row>, StoreError> {
        let answer = item::retry_transient(&self.host, || async {
            let request = self.client.get_item().table_name(table).key(key, item::s(number));
            let answer = request.consistent_read(true).send().await;
            answer.map_err(|error| StoreError::from_sdk(LISTING, error))
        })
        .await?;
        // A bill can confirm a refund (`billed_on`) before the refund is recorded as successful and so gets `unbilled`.
        let open = |item: &Item| item.contains_key("unbilled") && !item.contains_key("billed_on");
        answer.item.filter(open).map(item::read).transpose()
    }
}

const LISTING: &str = "listing what a bill lacks";
/// How many numbers a page has: some 400 KB of DynamoDB's 1 MB.
const PAGE: i32 = 5000;
