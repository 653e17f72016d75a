//! `POST /api/pay/notify`: WeChat Pay's notice of a payment.
//!
//! WeChat Pay: 支付结果通知 (APIv2), 支付通知 (APIv3). The answer is sent only after what the notice says is durable: it makes WeChat
//! Pay stop repeating it. FAIL asks for a repetition, and is answered where that can help or where it must stay visible.

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::extract,
    pay::{
        Api, Notice, NoticeError, Payment, Receiver,
        order::{LatePayment, Verdict},
    },
    runtime::{Body, FailureForm, Function, Request, Response},
    store::{Orders, Settled},
    telemetry::{self, Counted},
    types::OutTradeNo,
};

/// Receives notices of payment.
pub struct PayNotifyFunction {
    orders: Orders,
    receiver: Receiver,
    late: LatePayment,
}

impl Function for PayNotifyFunction {
    const NAME: &'static str = "pay-notify";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { orders: Orders::new(host)?, receiver: Receiver::new(host)?, late: LatePayment::of(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let bytes = extract::bytes(&request);
        match self.receiver.receive(request.headers(), bytes).await? {
            Notice::Paid(payment) => self.paid(&payment).await?,
            Notice::Failed { out_trade_no, err_code } => self.failed(&out_trade_no, &err_code).await?,
            Notice::Refund(_) => return Err(NoticeError::Field("event_type").into()),
        }
        Ok(Api::of_notice(request.headers(), bytes).accepted())
    }

    fn failure_form(request: &Request) -> FailureForm {
        Api::of_notice(request.headers(), extract::bytes(request)).failure_form()
    }
}

impl PayNotifyFunction {
    async fn paid(&self, payment: &Payment) -> Result<(), ApiError> {
        let verdict = match self.orders.settle(payment, self.late).await? {
            Settled::Recorded(verdict) => verdict,
            Settled::Again(verdict) => {
                // It was counted as "paid" already: this says how many of those were told before.
                telemetry::count(Counted::Notice("again"));
                verdict
            }
            // All of it went back: repeating the notice adds nothing.
            Settled::Returned(_) => {
                telemetry::count(Counted::Notice("again"));
                return Ok(());
            }
            Settled::NoSuchOrder => {
                telemetry::attention("payment-without-order", &payment.out_trade_no());
                return Err(Code::NotFound.into());
            }
        };
        match verdict {
            Verdict::Pays | Verdict::Known | Verdict::Revives => Ok(()),
            Verdict::SecondPayment | Verdict::AfterClose => {
                // Recorded, and its refund is begun: repeating the notice adds nothing.
                telemetry::noted("payment-goes-back", payment.transaction_id());
                Ok(())
            }
            Verdict::AmountDiffers | Verdict::PayerDiffers => {
                // It never heals, and FAIL keeps it in sight on WeChat Pay's side as well.
                telemetry::attention("payment-to-review", payment.transaction_id());
                Err(Code::AmountMismatch.into())
            }
        }
    }

    /// A genuine notice that an attempt failed: kept with the order; the user may try again.
    async fn failed(&self, out_trade_no: &str, err_code: &str) -> Result<(), ApiError> {
        match OutTradeNo::parse(out_trade_no) {
            Ok(number) => Ok(self.orders.attempt_failed(number, err_code).await?),
            Err(error) => {
                telemetry::survived("failed-attempt", &error);
                Ok(())
            }
        }
    }
}
