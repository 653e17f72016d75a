//! `POST /api/pay/notify`: WeChat Pay's notice of a payment.
//!
//! WeChat Pay APIv2: 支付结果通知. The answer is sent only after what the notice says is durable: it makes WeChat Pay stop
//! repeating it. FAIL asks for a repetition, and is answered where that can help or where it must stay visible.

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::{answer, extract},
    pay::{
        MerchantSecret, Payment,
        order::Verdict,
        v2::{Notice, NoticeError, Receiver, SignType},
    },
    runtime::{Body, Function, Request, Response, StatusCode},
    secrets::SecretCell,
    store::{Orders, Settled},
    telemetry,
    types::{AppId, MchId, OutTradeNo},
};

/// Receives notices of payment.
pub struct PayNotifyFunction {
    orders: Orders,
    receiver: Receiver,
    secret: SecretCell<MerchantSecret>,
}

impl Function for PayNotifyFunction {
    const NAME: &'static str = "pay-notify";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            orders: Orders::new(host)?,
            receiver: Receiver {
                app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
                mch_id: host.parsed_var("MERCHANT_ID", "a mch_id", MchId::parse)?,
                sign_type: host.parsed_var("PAY_SIGN_TYPE", "MD5 or HMAC-SHA256", str::parse::<SignType>)?,
            },
            secret: SecretCell::new(host, "MERCHANT_SECRET_ARN")?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let secret = self.secret.get().await?;
        match self.receiver.receive(extract::bytes(&request), &secret.api_v2_key).map_err(refused)? {
            Notice::Paid(payment) => self.paid(&payment).await?,
            Notice::Failed { out_trade_no, err_code } => self.failed(&out_trade_no, &err_code).await?,
        }
        Ok(answer::with_type(StatusCode::OK, XML, SUCCESS))
    }

    fn failure(_: &ApiError, _: &str) -> Response<Body> {
        answer::with_type(StatusCode::OK, XML, FAIL)
    }
}

impl PayNotifyFunction {
    async fn paid(&self, payment: &Payment) -> Result<(), ApiError> {
        let verdict = match self.orders.settle(payment).await? {
            Settled::Recorded(verdict) | Settled::Again(verdict) => verdict,
            Settled::NoSuchOrder => {
                telemetry::attention("payment-without-order", &payment.out_trade_no());
                return Err(Code::NotFound.into());
            }
        };
        match verdict {
            Verdict::Pays | Verdict::Known => Ok(()),
            Verdict::SecondPayment | Verdict::AfterClose => {
                // Recorded and flagged for refund: repeating the notice adds nothing.
                telemetry::attention("payment-to-refund", payment.transaction_id());
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

fn refused(error: NoticeError) -> ApiError {
    let code = match &error {
        NoticeError::Malformed(_) | NoticeError::ReturnCode => Code::InvalidInput,
        NoticeError::Signature => Code::Unauthorized,
        // Signed with our key and not to be read: our settings are wrong, or the protocol has changed. It is about money.
        NoticeError::Foreign(_) | NoticeError::Field(_) => Code::Internal,
    };
    ApiError::new(code).because(error)
}

const XML: &str = "text/xml; charset=utf-8";
const SUCCESS: &str =
    "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
const FAIL: &str =
    "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[REFUSED]]></return_msg></xml>";
