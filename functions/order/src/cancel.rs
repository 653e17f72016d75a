//! `POST /api/orders/{orderId}/cancel`: closes an unpaid order, first at WeChat Pay and then in our table.

use shared::{
    api::{ApiError, Code},
    order::Status,
    runtime::{Body, Request, Response},
    service::CloseOutcome,
    types::Caller,
};

use crate::OrderFunction;

impl OrderFunction {
    pub(crate) async fn cancel_order(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let order = self.find_own_order(caller, request).await?;
        match order.status {
            Status::Closed => return Ok(self.answer(order).await),
            Status::Paid | Status::Refunding | Status::Refunded => return Err(Code::OrderPaid.into()),
            Status::Unpaid => {}
        }
        match self.payments.close(&order).await? {
            CloseOutcome::Closed(order) => Ok(self.answer(*order).await),
            CloseOutcome::Paid(_) => Err(Code::OrderPaid.into()),
            CloseOutcome::Disputed => {
                Err(ApiError::new(Code::Conflict).with_message("订单支付异常，请联系商家"))
            }
        }
    }
}
