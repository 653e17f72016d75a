//! The calls of APIv2: 统一下单, 查询订单, 关闭订单, and the arguments of `wx.requestPayment`.

use super::{Fields, sign, transport::call};
use crate::{
    pay::{
        Close, MerchantSecret, PayError, PayParams, Payment, Prepaid, PrepayRequest, Source, Terminal, Trade,
    },
    types::{Fen, OpenId, OutTradeNo, PrepayId, TransactionId, UnixSeconds},
};

/// `POST /pay/unifiedorder`.
pub(in crate::pay) async fn prepay(
    terminal: &Terminal,
    secret: &MerchantSecret,
    request: &PrepayRequest<'_>,
) -> Result<Prepaid, PayError> {
    let fields = fields([
        ("body", request.description.to_owned()),
        ("fee_type", "CNY".to_owned()),
        ("notify_url", request.notify_url.to_owned()),
        ("openid", request.openid.as_str().to_owned()),
        ("out_trade_no", request.out_trade_no.to_string()),
        ("spbill_create_ip", request.client_ip.to_owned()),
        ("time_expire", request.expires_at.to_pay_v2()),
        ("total_fee", request.total_fee.to_string()),
        ("trade_type", "JSAPI".to_owned()),
    ]);
    let answer = match call(terminal, secret, &terminal.upstream.http()?, PREPAY, fields).await {
        Ok(answer) => answer,
        Err(PayError::Business { path, code, transient }) => {
            return match code.as_str() {
                "ORDERPAID" => Ok(Prepaid::AlreadyPaid),
                "ORDERCLOSED" => Ok(Prepaid::Closed),
                "OUT_TRADE_NO_USED" => Ok(Prepaid::NumberTaken),
                // The second is also what a `time_expire` that is too near is refused with.
                "INVALID_REQUEST" | "PARAM_ERROR" => Ok(Prepaid::Differs),
                "NOTENOUGH" => Ok(Prepaid::BalanceNotEnough),
                _ => Err(PayError::Business { path, code, transient }),
            };
        }
        Err(error) => return Err(error),
    };
    let prepay_id = answer.get("prepay_id").unwrap_or_default();
    PrepayId::parse(prepay_id)
        .map(Prepaid::Ready)
        .map_err(|error| PayError::Lost { path: PREPAY, cause: error.into() })
}

/// `POST /pay/orderquery`.
pub(in crate::pay) async fn query(
    terminal: &Terminal,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<Trade, PayError> {
    let asked = fields([("out_trade_no", out_trade_no.to_string())]);
    let answer = match call(terminal, secret, &terminal.upstream.http()?, QUERY, asked).await {
        Ok(answer) => answer,
        Err(PayError::Business { code, .. }) if code == "ORDERNOTEXIST" => return Ok(Trade::Unknown),
        Err(error) => return Err(error),
    };
    match answer.get("trade_state").unwrap_or_default() {
        state @ ("SUCCESS" | "REFUND") => {
            let not_verified = |what| PayError::NotVerified { path: QUERY, what };
            let has_refunds = state == "REFUND";
            let payment = match payment(&answer, Source::Query) {
                Ok(payment) => Payment { has_refunds, ..payment },
                // The page promises the payment's fields only for SUCCESS.
                Err(_) if has_refunds => return Ok(Trade::Refunded),
                Err(what) => return Err(not_verified(what)),
            };
            if payment.out_trade_no != out_trade_no {
                return Err(not_verified("out_trade_no"));
            }
            Ok(Trade::Paid(payment))
        }
        "NOTPAY" | "USERPAYING" | "PAYERROR" | "ACCEPT" => Ok(Trade::Unpaid),
        "CLOSED" | "REVOKED" => Ok(Trade::Closed),
        _ => Err(PayError::NotVerified { path: QUERY, what: "trade_state" }),
    }
}

/// `POST /pay/closeorder`.
pub(in crate::pay) async fn close(
    terminal: &Terminal,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<Close, PayError> {
    let asked = fields([("out_trade_no", out_trade_no.to_string())]);
    match call(terminal, secret, &terminal.upstream.http()?, CLOSE, asked).await {
        Ok(_) => Ok(Close::Closed),
        Err(PayError::Business { code, .. }) if code == "ORDERCLOSED" || code == "ORDERNOTEXIST" => {
            Ok(Close::Closed)
        }
        Err(PayError::Business { code, .. }) if code == "ORDERPAID" => Ok(Close::AskAgain),
        Err(error) => Err(error),
    }
}

/// The arguments of `wx.requestPayment`, signed as the order was.
pub(in crate::pay) fn pay_params(
    terminal: &Terminal,
    secret: &MerchantSecret,
    prepay_id: &PrepayId,
    now: UnixSeconds,
    nonce_str: String,
) -> Result<PayParams, PayError> {
    let key = secret.api_v2_key()?;
    let sign_type = terminal.sign_type;
    let package = format!("prepay_id={prepay_id}");
    let time_stamp = now.get().to_string();
    // These names are signed as they are spelled: `appId` with a capital I.
    let signed = fields([
        ("appId", terminal.app_id.to_string()),
        ("nonceStr", nonce_str.clone()),
        ("package", package.clone()),
        ("signType", sign_type.as_str().to_owned()),
        ("timeStamp", time_stamp.clone()),
    ]);
    Ok(PayParams {
        app_id: terminal.app_id.to_string(),
        time_stamp,
        nonce_str,
        package,
        sign_type: sign_type.as_str(),
        pay_sign: sign(&signed, sign_type, key),
    })
}

/// The payment that verified `fields` tell of; else the name of the field that is missing or wrong.
pub(super) fn payment(fields: &Fields, source: Source) -> Result<Payment, &'static str> {
    let get = |name: &'static str| fields.get(name).ok_or(name);
    Ok(Payment {
        out_trade_no: OutTradeNo::parse(get("out_trade_no")?).map_err(|_| "out_trade_no")?,
        transaction_id: TransactionId::parse(get("transaction_id")?).map_err(|_| "transaction_id")?,
        total_fee: Fen::parse(get("total_fee")?).map_err(|_| "total_fee")?,
        currency: fields.get("fee_type").filter(|text| !text.is_empty()).unwrap_or("CNY").to_owned(),
        openid: OpenId::parse(get("openid")?).map_err(|_| "openid")?,
        paid_at: UnixSeconds::from_pay_v2(get("time_end")?).map_err(|_| "time_end")?,
        source,
        has_refunds: false,
    })
}

pub(super) fn fields<const N: usize>(pairs: [(&str, String); N]) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

const PREPAY: &str = "/pay/unifiedorder";
const QUERY: &str = "/pay/orderquery";
const CLOSE: &str = "/pay/closeorder";
