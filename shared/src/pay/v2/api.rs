//! The calls of APIv2: 统一下单, 查询订单, 关闭订单, and the arguments of `wx.requestPayment`.

use super::{Fields, sign, transport::call, verified::VerifiedFields};
use crate::{
    pay::{
        CloseResponse, MerchantContext, MerchantSecret, PayError, PayParams, Payment, PrepayOutcome,
        PrepayRequest, Source, TradeState,
    },
    types::{Fen, OpenId, OutTradeNo, PrepayId, TransactionId, UnixSeconds},
};

/// `POST /pay/unifiedorder`.
pub(in crate::pay) async fn prepay(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    request: &PrepayRequest<'_>,
) -> Result<PrepayOutcome, PayError> {
    let receipt = request.offers_invoice.then(|| ("receipt", "Y".to_owned()));
    let always = [
        ("body", request.description.to_owned()),
        ("fee_type", "CNY".to_owned()),
        ("notify_url", request.notify_url.to_owned()),
        ("openid", request.openid.as_str().to_owned()),
        ("out_trade_no", request.out_trade_no.to_string()),
        ("spbill_create_ip", request.client_ip.to_owned()),
        ("time_expire", request.expires_at.to_pay_v2()),
        ("total_fee", request.total_fee.to_string()),
        ("trade_type", "JSAPI".to_owned()),
    ];
    let fields = fields(always.into_iter().chain(receipt));
    let answer = match call(merchant, secret, &merchant.upstream.http()?, PREPAY, fields).await {
        Ok(answer) => answer,
        Err(PayError::Business { path, code, transient }) => {
            return match code.as_str() {
                "ORDERPAID" => Ok(PrepayOutcome::AlreadyPaid),
                "ORDERCLOSED" => Ok(PrepayOutcome::Closed),
                "OUT_TRADE_NO_USED" => Ok(PrepayOutcome::NumberTaken),
                // PARAM_ERROR is also the answer to a `time_expire` that is too near.
                "INVALID_REQUEST" | "PARAM_ERROR" => Ok(PrepayOutcome::Differs),
                "NOTENOUGH" => Ok(PrepayOutcome::BalanceNotEnough),
                _ => Err(PayError::Business { path, code, transient }),
            };
        }
        Err(error) => return Err(error),
    };
    let prepay_id = answer.get("prepay_id").unwrap_or_default();
    PrepayId::parse(prepay_id)
        .map(PrepayOutcome::Ready)
        .map_err(|error| PayError::OutcomeUnknown { path: PREPAY, cause: error.into() })
}

/// `POST /pay/orderquery`.
pub(in crate::pay) async fn query(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<TradeState, PayError> {
    let request_fields = fields([("out_trade_no", out_trade_no.to_string())]);
    let answer = match call(merchant, secret, &merchant.upstream.http()?, QUERY, request_fields).await {
        Ok(answer) => answer,
        Err(PayError::Business { code, .. }) if code == "ORDERNOTEXIST" => return Ok(TradeState::Unknown),
        Err(error) => return Err(error),
    };
    match answer.get("trade_state").unwrap_or_default() {
        state @ ("SUCCESS" | "REFUND") => {
            let not_verified = |what| PayError::NotVerified { path: QUERY, what };
            let has_refunds = state == "REFUND";
            let payment = match payment(&answer, Source::Query) {
                Ok(payment) => Payment { has_refunds, ..payment },
                // WeChat's page promises the payment's fields for SUCCESS only.
                Err(_) if has_refunds => return Ok(TradeState::Refunded),
                Err(what) => return Err(not_verified(what)),
            };
            if payment.out_trade_no != out_trade_no {
                return Err(not_verified("out_trade_no"));
            }
            Ok(TradeState::Paid(payment))
        }
        "NOTPAY" | "USERPAYING" | "PAYERROR" | "ACCEPT" => Ok(TradeState::Unpaid),
        "CLOSED" | "REVOKED" => Ok(TradeState::Closed),
        _ => Err(PayError::NotVerified { path: QUERY, what: "trade_state" }),
    }
}

/// `POST /pay/closeorder`.
pub(in crate::pay) async fn close(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<CloseResponse, PayError> {
    let request_fields = fields([("out_trade_no", out_trade_no.to_string())]);
    match call(merchant, secret, &merchant.upstream.http()?, CLOSE, request_fields).await {
        Ok(_) => Ok(CloseResponse::Closed),
        Err(PayError::Business { code, .. }) if code == "ORDERCLOSED" || code == "ORDERNOTEXIST" => {
            Ok(CloseResponse::Closed)
        }
        Err(PayError::Business { code, .. }) if code == "ORDERPAID" => Ok(CloseResponse::AskAgain),
        Err(error) => Err(error),
    }
}

/// The arguments of `wx.requestPayment`, signed as the order was.
pub(in crate::pay) fn pay_params(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    prepay_id: &PrepayId,
    now: UnixSeconds,
    nonce_str: String,
) -> Result<PayParams, PayError> {
    let key = secret.api_v2_key()?;
    let sign_type = merchant.sign_type;
    let package = format!("prepay_id={prepay_id}");
    let time_stamp = now.get().to_string();
    // These names are signed as they are spelled: `appId` with a capital I.
    let signed = fields([
        ("appId", merchant.app_id.to_string()),
        ("nonceStr", nonce_str.clone()),
        ("package", package.clone()),
        ("signType", sign_type.as_str().to_owned()),
        ("timeStamp", time_stamp.clone()),
    ]);
    Ok(PayParams {
        app_id: merchant.app_id.to_string(),
        time_stamp,
        nonce_str,
        package,
        sign_type: sign_type.as_str(),
        pay_sign: sign(&signed, sign_type, key),
    })
}

/// The payment of these fields; else the name of the field that is missing or malformed.
pub(super) fn payment(fields: &VerifiedFields, source: Source) -> Result<Payment, &'static str> {
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

pub(super) fn fields<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

const PREPAY: &str = "/pay/unifiedorder";
const QUERY: &str = "/pay/orderquery";
const CLOSE: &str = "/pay/closeorder";
