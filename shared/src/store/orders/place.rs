//! Places an order by two requests to DynamoDB: one reads the catalogue, one writes. `reserve.rs` says which rows of stock the second one
//! takes the goods from.
//!
//! The number of a user's unpaid orders is limited. A row in `IDEMPOTENCY_TABLE` (`<user_id>#unpaid`) has the set of their numbers.
//! The transaction that places an order adds its number, on the condition that the set is not full, so that the limit also holds
//! for concurrent requests. No other code adds to the set, and paying or closing an order does not change it. Only when the set is
//! full, the orders in it are read, and those that are paid, closed or expired are removed. So no place is lost or freed twice,
//! whatever happens to an order. The row expires some time after the last order.
//!
//! The index `by_user` (`user_id`) of `IDEMPOTENCY_TABLE` finds the rows of a user.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure::AllOld,
    TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::{Order, OrderLine, Orders, reserve::Goods};
use crate::{
    crypto::Sealed,
    order::Status,
    store::{
        CallerError, IdempotencyKey, Product, Session, StoreError,
        idempotency::KeyRow,
        item::{self, Item, TransactionCancelled, UpdateOutcome},
        products::ON_SALE,
        sessions, work_index,
    },
    types::{Caller, Fen, OrderId, OutTradeNo, ProductId, UnixSeconds, UserId},
};

/// An order that is to be placed.
pub struct NewOrder {
    /// The number of the order.
    pub order_id: OrderId,
    /// The user who places the order, and whose openid must pay it.
    pub caller: Caller,
    /// What the user added, sealed for this order's number.
    pub details: Option<Sealed>,
    /// The products with their quantities; each product occurs once.
    pub items: Vec<(ProductId, u32)>,
    /// The time of placing.
    pub created_at: UnixSeconds,
    /// When the order expires.
    pub expires_at: UnixSeconds,
}

/// What came of placing an order.
#[derive(Debug)]
pub enum PlaceOutcome {
    /// The order is placed, by this request or an earlier one with the same key.
    Placed(OrderSummary),
    /// The product does not exist, or is not for sale.
    NoSuchProduct(ProductId),
    /// The stock of the product is not enough.
    OutOfStock(ProductId),
    /// The order has more of the product than the product lets an order have.
    TooMany {
        /// The product's name.
        name: String,
        /// How many an order can have.
        max_per_order: u32,
    },
    /// The sum is larger than an order can have.
    TotalTooLarge,
    /// The user has as many unpaid orders as allowed.
    TooManyUnpaid,
    /// The key was used with another payload.
    KeyReused,
}

/// The part of a placed order that the request is answered with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderSummary {
    /// The number of the order.
    pub order_id: OrderId,
    /// The number of the first attempt.
    pub out_trade_no: OutTradeNo,
    /// The sum to pay.
    pub total_fee: Fen,
}

/// What the row of a key keeps of an order.
#[derive(Serialize, Deserialize)]
struct PlacedOrder {
    order: OrderSummary,
}

/// The state of an order that is listed among its user's unpaid ones.
#[derive(Deserialize)]
struct ListedOrder {
    order_id: String,
    status: Status,
    expires_at: UnixSeconds,
}

impl Orders {
    /// Places an order at the catalogue's prices. `max_unpaid` is the number of unpaid orders that a user can have.
    ///
    /// Condition: there is no order with the number and no unexpired row of `key`, the user has less than `max_unpaid` unpaid
    /// orders, and the rows of stock have the goods, which are taken in the same transaction. The caller's session, which is read with the
    /// catalogue, honours the token.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the order may have been placed; a
    /// retry with the same `key` returns it.
    pub async fn place(
        &self,
        new: &NewOrder,
        key: Option<&IdempotencyKey>,
        max_unpaid: u32,
    ) -> Result<PlaceOutcome, CallerError> {
        // A shortage that is known before the key is read is not the work of the same request, sent twice.
        let known_short = self.known_shortage(new);
        let (products, earlier) = self.read_for(new, key).await?;
        if let (Some(row), Some(key)) = (earlier, key)
            && row.is_alive(new.created_at)
        {
            return Ok(replay(row, key));
        }
        let order = match priced(new, &products) {
            Ok(order) => order,
            Err(refused) => return Ok(refused),
        };
        let goods = match self.choose_goods(&order, &products).await? {
            Ok(goods) => goods,
            Err(product_id) if known_short == Some(&product_id) => {
                return Ok(PlaceOutcome::OutOfStock(product_id));
            }
            Err(product_id) => return Ok(self.out_of_stock(product_id, key, new.created_at).await?),
        };
        Ok(self.write((order, goods), &new.caller.user_id, key, max_unpaid).await?)
    }

    /// The product of the order that this instance knows to be short.
    fn known_shortage<'n>(&self, new: &'n NewOrder) -> Option<&'n ProductId> {
        let now = self.host.now_millis();
        let is_short =
            |(id, quantity): &&(ProductId, u32)| self.recent_products.has_too_few(id, *quantity, now);
        new.items.iter().find(is_short).map(|(id, _)| id)
    }

    /// The outcome when goods are short. The same request, sent twice, may have taken them since this one read the key: then the order is
    /// placed.
    async fn out_of_stock(
        &self,
        product_id: ProductId,
        key: Option<&IdempotencyKey>,
        now: UnixSeconds,
    ) -> Result<PlaceOutcome, StoreError> {
        let Some(key) = key else { return Ok(PlaceOutcome::OutOfStock(product_id)) };
        let table = self.var("IDEMPOTENCY_TABLE")?;
        let [row] = item::get_each(&self.client, &self.host, PLACING, [(table, "id", &key.id)]).await?;
        let row: Option<KeyRow<PlacedOrder>> = row.map(item::read).transpose()?;
        Ok(match row.filter(|row| row.is_alive(now)) {
            Some(row) => replay(row, key),
            None => PlaceOutcome::OutOfStock(product_id),
        })
    }

    async fn read_for(
        &self,
        new: &NewOrder,
        key: Option<&IdempotencyKey>,
    ) -> Result<(BTreeMap<ProductId, Product>, Option<KeyRow<PlacedOrder>>), CallerError> {
        let sessions = self.var("SESSIONS_TABLE")?;
        let products = self.var("PRODUCTS_TABLE")?;
        let mut known = BTreeMap::new();
        let mut unknown = Vec::new();
        for (id, _) in &new.items {
            match self.recent_products.get(id, self.host.now_millis()) {
                Some(product) => {
                    known.insert(id.clone(), product);
                }
                None => unknown.push(item_key("product_id", id.as_str())),
            }
        }
        let session = keys([item_key("openid", new.caller.openid.as_str())])?;
        let mut wanted = BTreeMap::from([(sessions, session)]);
        if !unknown.is_empty() {
            wanted.insert(products, keys(unknown)?);
        }
        if let Some(key) = key {
            wanted.insert(self.var("IDEMPOTENCY_TABLE")?, keys([item_key("id", &key.id)])?);
        }
        let mut request = self.client.batch_get_item();
        for (table, keys) in wanted {
            request = request.request_items(table, keys);
        }
        let answer =
            request.send().await.map_err(|error| StoreError::from_sdk("reading the catalogue", error))?;
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Err(StoreError::contended("reading the catalogue").into());
        }
        let mut tables = answer.responses.unwrap_or_default();
        let session = tables.remove(sessions).unwrap_or_default().into_iter().next();
        let session = session.map(item::read::<Session>).transpose()?;
        sessions::honoured(session.as_ref(), &new.caller)?;
        for product in tables.remove(products).unwrap_or_default() {
            let product: Product = item::read(product)?;
            self.recent_products.keep(&product, self.host.now_millis());
            known.insert(product.product_id.clone(), product);
        }
        let earlier = tables.into_values().flatten().next().map(item::read).transpose()?;
        Ok((known, earlier))
    }

    async fn write(
        &self,
        (mut order, mut goods): (Order, Goods<'_>),
        user_id: &UserId,
        key: Option<&IdempotencyKey>,
        max_unpaid: u32,
    ) -> Result<PlaceOutcome, StoreError> {
        let summary = OrderSummary {
            order_id: order.order_id,
            out_trade_no: order.out_trade_no,
            total_fee: order.total_fee,
        };
        for _ in 0..item::MAX_ATTEMPTS {
            order.reserved = Some(goods.reservations()?);
            let mut parts =
                vec![self.put_order_part(&order)?, self.claim_place_part(&order, user_id, max_unpaid)?];
            if let Some(key) = key {
                let (table, effect) =
                    (self.var("IDEMPOTENCY_TABLE")?, PlacedOrder { order: summary.clone() });
                parts.push(key.put_part(table, order.user_id.as_ref(), effect, order.created_at)?);
            }
            let first_row = parts.len();
            parts.extend(self.take_parts(&goods)?);
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(PlaceOutcome::Placed(summary)) };
            let reasons = match item::cancellation(PLACING, error)? {
                TransactionCancelled::Conflict => {
                    item::sleep_jittered(&self.host).await;
                    self.choose_other_rows(&mut goods)?;
                    continue;
                }
                TransactionCancelled::ConditionsFailed(reasons) => reasons,
            };
            if let Some(key) = key
                && let Some(row) = item::failed_condition(&reasons, KEY_PART).flatten()
                && first_row > KEY_PART
            {
                // Another request with the same key has placed the order.
                return Ok(replay(item::read(row)?, key));
            }
            if let Some(refused) = self.make_room(&reasons, &order, user_id).await? {
                return Ok(refused);
            }
            if let Some(product_id) = self.look_for_goods(&mut goods, &reasons, first_row).await? {
                return self.out_of_stock(product_id, key, order.created_at).await;
            }
        }
        Err(StoreError::contended(PLACING))
    }

    fn put_order_part(&self, order: &Order) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(order)?))
            .condition_expression("attribute_not_exists(order_id)")
            .build()
            .map_err(|error| StoreError::new(PLACING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Frees places among the user's unpaid orders, if there was none; the refusal if none can be freed.
    async fn make_room(
        &self,
        reasons: &[CancellationReason],
        order: &Order,
        user_id: &UserId,
    ) -> Result<Option<PlaceOutcome>, StoreError> {
        if item::failed_condition(reasons, ORDER_PART).is_some() {
            return Err(StoreError::new(PLACING, "the order's number is taken"));
        }
        match item::failed_condition(reasons, PLACE_PART).flatten() {
            Some(full) if !self.free_places(&full, order, user_id).await? => {
                Ok(Some(PlaceOutcome::TooManyUnpaid))
            }
            _ => Ok(None),
        }
    }

    /// The part of the transaction that adds the order to the set of the user's unpaid orders.
    fn claim_place_part(
        &self,
        order: &Order,
        user_id: &UserId,
        max_unpaid: u32,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(self.var("IDEMPOTENCY_TABLE")?)
            .key("id", item::s(unpaid_of(user_id)))
            .update_expression("ADD unpaid :order SET expires_at = :then, user_id = :user")
            .condition_expression("attribute_not_exists(unpaid) OR size(unpaid) < :most")
            .expression_attribute_values(":user", item::s(user_id))
            .expression_attribute_values(":order", AttributeValue::Ss(vec![order.order_id.to_string()]))
            .expression_attribute_values(":most", item::n(max_unpaid))
            // By then every order in the set has expired.
            .expression_attribute_values(":then", item::n(order.expires_at.plus(UNPAID_ROW_LIFETIME).get()))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(PLACING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Removes the orders that can't be paid any more from the set in the row `full`; whether there were any. No order becomes
    /// unpaid again, so that concurrent requests do no harm.
    async fn free_places(&self, full: &Item, new: &Order, user_id: &UserId) -> Result<bool, StoreError> {
        let listed: BTreeSet<String> = match full.get("unpaid") {
            Some(AttributeValue::Ss(listed)) => listed.iter().cloned().collect(),
            _ => return Ok(false),
        };
        let mut gone = listed.clone();
        let listed: Vec<_> = listed.into_iter().collect();
        for some in listed.chunks(READ_AT_ONCE) {
            let keys = keys(some.iter().map(|order_id| item_key("order_id", order_id)))?;
            let answer = self.client.batch_get_item().request_items(&self.table, keys).send().await;
            let answer = answer.map_err(|error| StoreError::from_sdk(COUNTING, error))?;
            if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
                return Err(StoreError::contended(COUNTING));
            }
            for row in answer.responses.unwrap_or_default().into_values().flatten() {
                let listed_order: ListedOrder = item::read(row)?;
                if listed_order.status == Status::Unpaid && listed_order.expires_at > new.created_at {
                    gone.remove(&listed_order.order_id);
                }
            }
        }
        if gone.is_empty() {
            return Ok(false);
        }
        let update = self
            .client
            .update_item()
            .table_name(self.var("IDEMPOTENCY_TABLE")?)
            .key("id", item::s(unpaid_of(user_id)))
            .update_expression("DELETE unpaid :gone")
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":gone", AttributeValue::Ss(gone.into_iter().collect()));
        match item::update(&self.host, COUNTING, update).await? {
            // The condition fails only if the row has expired, and then every place is free.
            UpdateOutcome::Done(_) | UpdateOutcome::ConditionFailed(_) => Ok(true),
        }
    }
}

/// The key of the row with the user's unpaid orders. No idempotency key can have it, because such a key ends in 64 hexadecimal digits.
fn unpaid_of(user_id: &UserId) -> String {
    format!("{user_id}#unpaid")
}

fn replay(row: KeyRow<PlacedOrder>, key: &IdempotencyKey) -> PlaceOutcome {
    if key.is_of(&row) { PlaceOutcome::Placed(row.effect.order) } else { PlaceOutcome::KeyReused }
}

fn priced(new: &NewOrder, products: &BTreeMap<ProductId, Product>) -> Result<Order, PlaceOutcome> {
    let mut items = Vec::with_capacity(new.items.len());
    let mut total: Option<Fen> = None;
    for (product_id, quantity) in &new.items {
        let product = products.get(product_id).filter(|product| product.shelf.as_deref() == Some(ON_SALE));
        let product = product.ok_or_else(|| PlaceOutcome::NoSuchProduct(product_id.clone()))?;
        if let Some(max_per_order) = product.max_per_order.filter(|most| quantity > most) {
            return Err(PlaceOutcome::TooMany { name: product.name.clone(), max_per_order });
        }
        let sum = product.price.times(*quantity).map_err(|_| PlaceOutcome::TotalTooLarge)?;
        total = Some(match total {
            None => sum,
            Some(total) => total.plus(sum).map_err(|_| PlaceOutcome::TotalTooLarge)?,
        });
        items.push(OrderLine {
            product_id: product_id.clone(),
            name: product.name.clone(),
            price: product.price,
            quantity: *quantity,
            delivery: product.delivery,
        });
    }
    Ok(Order {
        order_id: new.order_id,
        user_id: Some(new.caller.user_id.clone()),
        openid: Some(new.caller.openid.clone()),
        status: Status::Unpaid,
        total_fee: total.ok_or(PlaceOutcome::TotalTooLarge)?,
        items,
        reserved: None,
        details: new.details.clone(),
        created_at: new.created_at,
        expires_at: new.expires_at,
        out_trade_no: OutTradeNo::first(new.order_id),
        terms: None,
        prepay: None,
        paid_at: None,
        transaction_id: None,
        paid_by: None,
        refunded_fee: 0,
        refunding_fee: 0,
        paid_withheld: false,
        refunds_known: false,
        refund_requests: Vec::new(),
        refund_request_state: None,
        refund_requested_at: None,
        shipping: None,
        asked_at: None,
        next_query_at: Some(new.expires_at),
        queries: 0,
        due_shard: Some(work_index::unprepaid(work_index::shard_of(&new.order_id.to_string()))),
    })
}

fn keys(keys: impl IntoIterator<Item = Item>) -> Result<KeysAndAttributes, StoreError> {
    KeysAndAttributes::builder()
        .set_keys(Some(keys.into_iter().collect()))
        .consistent_read(true)
        .build()
        .map_err(|error| StoreError::new("reading the catalogue", error))
}

fn item_key(name: &str, value: &str) -> Item {
    Item::from([(name.to_owned(), AttributeValue::S(value.to_owned()))])
}

const PLACING: &str = "placing an order";
const COUNTING: &str = "counting unpaid orders";
/// The indexes of parts of the transaction.
const ORDER_PART: usize = 0;
const PLACE_PART: usize = 1;
const KEY_PART: usize = 2;
/// How many rows DynamoDB reads in one request.
const READ_AT_ONCE: usize = 100;
/// How long the row of a user's unpaid orders is stored after the last of them has expired.
const UNPAID_ROW_LIFETIME: Duration = Duration::from_secs(60 * 60);
