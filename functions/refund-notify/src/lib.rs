//! `POST /api/pay/refund-notify`: WeChat Pay's notice that the state of a refund has changed.
//!
//! WeChat Pay: 退款结果通知, APIv2 and APIv3. Success is answered only after the new state is recorded, because it makes WeChat Pay stop
//! delivering the notice.

use shared::{
    api::{ApiError, Code, FailureFormat, request},
    host::{Host, HostError},
    pay::{ApiVersion, Notice, NoticeError, NoticeReceiver},
    runtime::{Body, Function, Request, Response},
    service::{RefundService, notice_receiver},
    store::RefundSettleOutcome,
    telemetry,
};

/// Receives notices of refunds.
pub struct RefundNotifyFunction {
    receiver: NoticeReceiver,
    refunds: RefundService,
}

impl Function for RefundNotifyFunction {
    const NAME: &'static str = "refund-notify";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { receiver: notice_receiver(host)?, refunds: RefundService::new(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let bytes = request::bytes(&request);
        let Notice::Refund(refund) = self.receiver.receive(request.headers(), bytes).await? else {
            return Err(NoticeError::Field("event_type").into());
        };
        match self.refunds.settle(&refund).await? {
            RefundSettleOutcome::Changed(_) | RefundSettleOutcome::AlreadyRecorded(_) => {
                Ok(ApiVersion::of_notice(request.headers(), bytes).acknowledge_notice())
            }
            // Payment or amount do not match the refund's row; no later notice can repair that. FAIL makes WeChat Pay keep
            // redelivering, so the merchant sees the problem in its console too.
            RefundSettleOutcome::Differs => Err(Code::AmountMismatch.into()),
            // The payment's notice may arrive later than this one. FAIL makes WeChat Pay deliver this one again after it.
            RefundSettleOutcome::NoSuchPayment => {
                telemetry::operator_alert("refund-without-payment", refund.out_refund_no());
                Err(Code::NotFound.into())
            }
        }
    }

    fn failure_format(request: &Request) -> FailureFormat {
        ApiVersion::of_notice(request.headers(), request::bytes(request)).failure_format()
    }
}
