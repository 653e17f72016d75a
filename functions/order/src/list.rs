//! `GET /api/orders`: the caller's orders, newest first (`?cursor=`), or the one with a number of WeChat Pay's (`?outTradeNo=`,
//! `?transactionId=`), with which WeChat's own pages of orders lead back to the mini program.

use futures_util::future;
use serde::Serialize;
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::Order,
    types::{Caller, OrderId, OutTradeNo, TransactionId},
};

use crate::{OrderFunction, view::OrderView};

#[derive(Serialize)]
struct ListAnswer {
    orders: Vec<OrderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<OrderId>,
}

/// Which orders are asked for.
enum Selection {
    Page { cursor: Option<OrderId> },
    Attempt(OutTradeNo),
    Payment(TransactionId),
}

impl OrderFunction {
    pub(crate) async fn list_orders(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let found = match parse(request)? {
            Selection::Page { cursor } => {
                let page = self.payments.orders.list_for_user(&caller.user_id, cursor).await?;
                if page.orders.is_empty() {
                    // An erased user has none.
                    self.session_rows.check(caller).await?;
                }
                let orders = future::join_all(page.orders.into_iter().map(|order| self.view(order))).await;
                return Ok(response::success(&ListAnswer { orders, cursor: page.cursor }));
            }
            // The number contains the order's.
            Selection::Attempt(number) => {
                self.payments.orders.get_for_caller(number.order_id(), caller).await?
            }
            Selection::Payment(number) => self.find_own_order_paid_by(caller, &number).await?,
        };
        let order = self.refreshed(found.ok_or(Code::NotFound)?).await;
        Ok(response::success(&ListAnswer { orders: vec![self.view(order).await], cursor: None }))
    }

    /// The caller's order that the payment has paid. An order of another user is answered like an unknown one.
    async fn find_own_order_paid_by(
        &self,
        caller: &Caller,
        number: &TransactionId,
    ) -> Result<Option<Order>, ApiError> {
        let order = self.payments.orders.find_paid_by(number).await?;
        let own = order.filter(|order| order.user_id.as_ref() == Some(&caller.user_id));
        if own.is_none() {
            // An erased user has none.
            self.session_rows.check(caller).await?;
        }
        Ok(own)
    }
}

fn parse(request: &Request) -> Result<Selection, ApiError> {
    let parameter = |name| request::query(request, name);
    match (parameter("cursor"), parameter("outTradeNo"), parameter("transactionId")) {
        (cursor, None, None) => {
            let cursor = cursor.map(|text| OrderId::parse(&text)).transpose();
            let cursor = cursor
                .map_err(|error| ApiError::invalid("cursor", "不是上一页给出的值").with_cause(error))?;
            Ok(Selection::Page { cursor })
        }
        // Numbers of another form are of no order of ours.
        (None, Some(number), None) => {
            OutTradeNo::parse(&number).map(Selection::Attempt).map_err(|_| Code::NotFound.into())
        }
        (None, None, Some(number)) => {
            TransactionId::parse(&number).map(Selection::Payment).map_err(|_| Code::NotFound.into())
        }
        _ => Err(ApiError::invalid("cursor、outTradeNo、transactionId", "只能有一个")),
    }
}
