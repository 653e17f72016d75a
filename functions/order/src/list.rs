//! `GET /api/orders?cursor=`: the caller's orders, newest first.

use serde::Serialize;
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    types::{Caller, OrderId},
};

use crate::{OrderFunction, view::OrderView};

#[derive(Serialize)]
struct ListAnswer {
    orders: Vec<OrderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<OrderId>,
}

impl OrderFunction {
    pub(crate) async fn list_orders(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let cursor = request::query(request, "cursor").map(|text| OrderId::parse(&text)).transpose();
        let cursor =
            cursor.map_err(|error| ApiError::invalid("cursor", "不是上一页给出的值").with_cause(error))?;
        let page = self.payments.orders.list_for_user(&caller.user_id, cursor).await?;
        let orders = page.orders.into_iter().map(OrderView::from).collect();
        Ok(response::success(&ListAnswer { orders, cursor: page.cursor }))
    }
}
