//! `GET /api/staff/orders?state=TO_SHIP`: the paid orders of which something is to be shipped, the oldest first.

use futures_util::future;
use serde::Serialize;
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    types::OrderId,
};

use crate::{ShippingFunction, view::OrderView};

#[derive(Serialize)]
struct ListAnswer {
    orders: Vec<OrderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<OrderId>,
}

impl ShippingFunction {
    pub(crate) async fn list_orders(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        self.staff.authorize(&caller).await?;
        let cursor = parse(request::query(request, "state").as_deref(), request::query(request, "cursor"))?;
        let page = self.orders.list_to_ship(cursor).await?;
        let orders = future::join_all(page.orders.into_iter().map(|order| self.view(order))).await;
        Ok(response::success(&ListAnswer { orders, cursor: page.cursor }))
    }
}

fn parse(state: Option<&str>, cursor: Option<String>) -> Result<Option<OrderId>, ApiError> {
    if state != Some("TO_SHIP") {
        return Err(ApiError::invalid("state", "须为 TO_SHIP"));
    }
    let cursor = cursor.map(|text| OrderId::parse(&text)).transpose();
    cursor.map_err(|error| ApiError::invalid("cursor", "不是上一页给出的值").with_cause(error))
}
