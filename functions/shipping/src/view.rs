//! An order as staff see it: what is to be shipped, and where to.

use serde::Serialize;
use shared::{
    api::ShippingView,
    order::Status,
    store::{Order, OrderDetails, OrderLine},
    types::{Delivery, Fen, OrderId, OutTradeNo, ProductId},
};

use crate::ShippingFunction;

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
    shipping: ShippingView,
    #[serde(flatten)]
    details: OrderDetails,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineView {
    product_id: ProductId,
    name: String,
    quantity: u32,
    delivery: Delivery,
}

impl ShippingFunction {
    /// The order with what its owner added.
    pub(crate) async fn view(&self, order: Order) -> OrderView {
        let details = self.details.open(&order).await;
        OrderView {
            details,
            order_id: order.order_id,
            out_trade_no: order.paid_by.unwrap_or(order.out_trade_no),
            status: order.status,
            total_fee: order.total_fee,
            items: order.items.into_iter().map(LineView::from).collect(),
            created_at: order.created_at.to_rfc3339(),
            paid_at: order.paid_at.map(|at| at.to_rfc3339()),
            shipping: order.shipping.unwrap_or_default().into(),
        }
    }
}

impl From<OrderLine> for LineView {
    fn from(OrderLine { product_id, name, quantity, delivery, .. }: OrderLine) -> Self {
        Self { product_id, name, quantity, delivery }
    }
}
