//! `POST /api/pay/notify`: WeChat Pay's notice of a payment.
//!
//! WeChat Pay: 支付结果通知 (APIv2), 支付通知 (APIv3). Success is answered only after the payment is recorded, because it makes WeChat Pay
//! stop delivering the notice. FAIL makes WeChat Pay deliver it again. FAIL is answered where another delivery can help, and where the
//! merchant should see the problem in WeChat Pay's console.

use shared::{
    api::{ApiError, Code, FailureFormat, request},
    host::{Host, HostError},
    order::{LatePaymentPolicy, PaymentVerdict},
    pay::{ApiVersion, FailedAttempt, Notice, NoticeError, NoticeReceiver, Payment},
    runtime::{Body, Function, Request, Response},
    service::notice_receiver,
    store::{Orders, SettleOutcome},
    telemetry::{self, Metric},
};

/// Receives notices of payment.
pub struct PayNotifyFunction {
    orders: Orders,
    receiver: NoticeReceiver,
    late_payment_policy: LatePaymentPolicy,
}

impl Function for PayNotifyFunction {
    const NAME: &'static str = "pay-notify";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            orders: Orders::new(host)?,
            receiver: notice_receiver(host)?,
            late_payment_policy: LatePaymentPolicy::from_host(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let bytes = request::bytes(&request);
        match self.receiver.receive(request.headers(), bytes).await? {
            Notice::Paid(payment) => self.record_payment(&payment).await?,
            Notice::Failed(attempt) => self.record_failed_attempt(&attempt).await?,
            Notice::Refund(_) | Notice::Complaint(_) => return Err(NoticeError::Field("event_type").into()),
        }
        Ok(ApiVersion::of_notice(request.headers(), bytes).acknowledge_notice())
    }

    fn failure_format(request: &Request) -> FailureFormat {
        ApiVersion::of_notice(request.headers(), request::bytes(request)).failure_format()
    }
}

impl PayNotifyFunction {
    async fn record_payment(&self, payment: &Payment) -> Result<(), ApiError> {
        let verdict = match self.orders.settle(payment, self.late_payment_policy).await? {
            SettleOutcome::Recorded(verdict) => verdict,
            SettleOutcome::AlreadyRecorded(verdict) => {
                // The notice was counted as "paid" as well; "already-recorded" counts those whose payment was recorded before.
                telemetry::record_metric(Metric::Notice("already-recorded"));
                verdict
            }
            // The whole payment was refunded. Another delivery of the notice would change nothing.
            SettleOutcome::FullyRefunded(_) => {
                telemetry::record_metric(Metric::Notice("already-recorded"));
                return Ok(());
            }
            SettleOutcome::NoSuchOrder => {
                telemetry::operator_alert("payment-without-order", &payment.out_trade_no());
                return Err(Code::NotFound.into());
            }
        };
        match verdict {
            PaymentVerdict::PaysOrder | PaymentVerdict::AlreadyApplied | PaymentVerdict::RevivesOrder => {
                Ok(())
            }
            PaymentVerdict::SecondPayment | PaymentVerdict::PaymentAfterClose => {
                // The payment is recorded and its refund is begun. Another delivery of the notice would change nothing.
                telemetry::unusual_event("payment-being-refunded", payment.transaction_id());
                Ok(())
            }
            PaymentVerdict::AmountDiffers | PaymentVerdict::PayerDiffers => {
                // Amount or payer do not match the order; no later notice can repair that. A `PAYMENT_MISMATCH` case is open. FAIL
                // makes WeChat Pay keep redelivering, so the merchant sees the problem in its console too.
                telemetry::operator_alert("notified-payment-mismatch", payment.transaction_id());
                Err(Code::AmountMismatch.into())
            }
        }
    }

    /// Stores with the order that an attempt to pay failed. The user can try again.
    async fn record_failed_attempt(&self, attempt: &FailedAttempt) -> Result<(), ApiError> {
        if let Err(error) = attempt.out_trade_no() {
            telemetry::handled_error("parse-number-of-failed-attempt", error);
        }
        Ok(self.orders.record_failed_attempt(attempt).await?)
    }
}
