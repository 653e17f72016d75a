//! `POST /api/orders`: places an order at the catalogue's prices. The phone sends no prices.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{IdempotencyKey, NewOrder, OrderSummary, PlaceOutcome},
    types::{Caller, Fen, OrderId, OutTradeNo, ProductId},
};

use crate::{
    OrderFunction,
    details::{self, AddressBody, InvoiceTitleBody},
};

/// `{productId, quantity}` or `{items: […]}`, and what the user adds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaceBody {
    product_id: Option<String>,
    quantity: Option<u32>,
    items: Option<Vec<ItemBody>>,
    address: Option<AddressBody>,
    invoice_title: Option<InvoiceTitleBody>,
    remark: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    product_id: Option<String>,
    quantity: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceAnswer {
    order_id: OrderId,
    out_trade_no: OutTradeNo,
    /// Fen.
    total_fee: Fen,
}

impl From<OrderSummary> for PlaceAnswer {
    fn from(order: OrderSummary) -> Self {
        Self { order_id: order.order_id, out_trade_no: order.out_trade_no, total_fee: order.total_fee }
    }
}

impl OrderFunction {
    pub(crate) async fn place_order(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let key = request::optional_idempotency_key(request)?;
        let mut body: PlaceBody = request::json(request)?;
        let details = details::parse(body.address.take(), body.invoice_title.take(), body.remark.take())?;
        let items = parse(body)?;
        let key = key.map(|key| IdempotencyKey::of_order(&caller.user_id, key, &(&items, &details)));
        let now = self.host.now();
        let order_id = OrderId::new(now, self.host.random()?);
        let new = NewOrder {
            order_id,
            details: self.details.seal(order_id, &details).await?,
            caller: caller.clone(),
            items,
            created_at: now,
            expires_at: now.plus(ORDER_LIFE),
        };
        match self.payments.orders.place(&new, key.as_ref(), self.max_unpaid).await? {
            PlaceOutcome::Placed(order) => Ok(response::success(&PlaceAnswer::from(order))),
            PlaceOutcome::NoSuchProduct(_) => {
                Err(ApiError::new(Code::NotFound).with_message("商品不存在或已下架"))
            }
            PlaceOutcome::OutOfStock(_) => Err(Code::OutOfStock.into()),
            PlaceOutcome::TooMany { name, max_per_order } => {
                let message = format!("「{name}」每单限购 {max_per_order} 件");
                Err(ApiError::new(Code::Conflict).with_message(message))
            }
            PlaceOutcome::TooManyUnpaid => Err(Code::TooManyUnpaid.into()),
            PlaceOutcome::TotalTooLarge => Err(ApiError::invalid("quantity", "使订单金额过大")),
            PlaceOutcome::KeyReused => {
                Err(ApiError::new(Code::Conflict).with_message("该请求编号已用于其他订单"))
            }
        }
    }
}

fn parse(body: PlaceBody) -> Result<Vec<(ProductId, u32)>, ApiError> {
    let lines = match body {
        PlaceBody { product_id, quantity, items: None, .. } => {
            vec![parse_line("", ItemBody { product_id, quantity })?]
        }
        PlaceBody { product_id: None, quantity: None, items: Some(items), .. } => {
            if items.is_empty() || items.len() > MAX_LINES {
                return Err(ApiError::invalid("items", "须为 1 到 20 项"));
            }
            let lines = items.into_iter().enumerate();
            lines
                .map(|(index, item)| parse_line(&format!("items[{index}]."), item))
                .collect::<Result<_, _>>()?
        }
        PlaceBody { .. } => return Err(ApiError::invalid("items", "不能与 productId、quantity 同时出现")),
    };
    let products: BTreeSet<_> = lines.iter().map(|(product, _)| product).collect();
    if products.len() < lines.len() {
        return Err(ApiError::invalid("items", "有重复的 productId"));
    }
    Ok(lines)
}

fn parse_line(place: &str, item: ItemBody) -> Result<(ProductId, u32), ApiError> {
    let product_id = format!("{place}productId");
    let product = request::required(&product_id, item.product_id)?;
    let product = ProductId::parse(&product)
        .map_err(|error| ApiError::invalid(&product_id, "格式不正确").with_cause(error))?;
    let quantity = format!("{place}quantity");
    match request::required(&quantity, item.quantity)? {
        count @ 1..=MAX_QUANTITY => Ok((product, count)),
        _ => Err(ApiError::invalid(&quantity, "须为 1 到 99")),
    }
}

const MAX_LINES: usize = 20;
const MAX_QUANTITY: u32 = 99;
/// Time from placing an order until it expires and can't be paid any more.
const ORDER_LIFE: Duration = Duration::from_secs(30 * 60);
