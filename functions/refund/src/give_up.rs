//! `POST /api/admin/refunds/{outRefundNo}/give-up`: an operator ends a refund that WeChat Pay does not make, so that the money can be
//! given back in another way.

use shared::{
    api::{ApiError, Code, request},
    runtime::{Body, Request, Response},
    service::GiveUpOutcome,
    types::OutRefundNo,
};

use crate::{RefundFunction, view};

impl RefundFunction {
    pub(crate) async fn give_up_refund(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let out_refund_no =
            OutRefundNo::parse_path(&request::path(request, "outRefundNo")?).map_err(|_| Code::NotFound)?;
        let operator = request::operator(request)?;
        let row = self.refunds.store.get(&out_refund_no).await?.ok_or(Code::NotFound)?;
        match self.refunds.give_up(&row, &operator).await? {
            GiveUpOutcome::Ended(row) => Ok(view::answer(*row)),
            GiveUpOutcome::UnderWay => {
                Err(ApiError::new(Code::Conflict).with_message("微信支付正在处理该退款，不能放弃"))
            }
            GiveUpOutcome::Conflict => Err(Code::Conflict.into()),
        }
    }
}
