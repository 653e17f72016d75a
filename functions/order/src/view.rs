//! An order as its owner sees it.

use serde::Serialize;
use shared::{
    api::{ShippingView, response},
    order::Status,
    runtime::{Body, Response},
    store::{Order, OrderDetails, OrderLine, RefundRequestState},
    types::{Fen, OrderId, OutTradeNo, ProductId, TransactionId},
};

use crate::OrderFunction;

#[derive(Serialize)]
struct OrderAnswer {
    order: OrderView,
}

impl OrderFunction {
    /// 200 with the order.
    pub(crate) async fn answer(&self, order: Order) -> Response<Body> {
        response::success(&OrderAnswer { order: self.view(order).await })
    }

    /// The order with what its owner added.
    pub(crate) async fn view(&self, order: Order) -> OrderView {
        let details = self.details.open(&order).await;
        OrderView::new(order, details)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderView {
    order_id: OrderId,
    out_trade_no: OutTradeNo,
    status: Status,
    /// Fen.
    total_fee: Fen,
    items: Vec<LineView>,
    /// RFC 3339, UTC.
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<TransactionId>,
    /// Fen; absent until a refund has succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_fee: Option<Fen>,
    /// Absent until the order was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping: Option<ShippingView>,
    /// The last request for a refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_request: Option<RefundRequestView>,
    #[serde(flatten)]
    details: OrderDetails,
}

/// A request for a refund as the user sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundRequestView {
    id: String,
    state: RefundRequestState,
    reason: String,
    /// Fen.
    refund_fee: Fen,
    /// The operator's note.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl RefundRequestView {
    /// The order's last request.
    pub(crate) fn of(order: &Order) -> Option<Self> {
        let (id, request) = order.last_refund_request()?;
        Some(Self {
            id: id.to_string(),
            state: request.state,
            reason: request.reason.clone(),
            refund_fee: request.refund_fee,
            note: request.note.clone(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineView {
    product_id: ProductId,
    name: String,
    /// Fen, of one piece.
    price: Fen,
    quantity: u32,
}

impl OrderView {
    fn new(order: Order, details: OrderDetails) -> Self {
        Self {
            details,
            shipping: order.shipping.clone().map(ShippingView::from),
            refund_request: RefundRequestView::of(&order),
            order_id: order.order_id,
            // A paid order shows the number of its payment, because that one can be refunded.
            out_trade_no: order.paid_by.unwrap_or(order.out_trade_no),
            status: order.status,
            total_fee: order.total_fee,
            items: order.items.into_iter().map(LineView::from).collect(),
            created_at: order.created_at.to_rfc3339(),
            paid_at: order.paid_at.map(|at| at.to_rfc3339()),
            transaction_id: order.transaction_id,
            refunded_fee: Fen::new(order.refunded_fee).ok(),
        }
    }
}

impl From<OrderLine> for LineView {
    fn from(line: OrderLine) -> Self {
        Self { product_id: line.product_id, name: line.name, price: line.price, quantity: line.quantity }
    }
}
