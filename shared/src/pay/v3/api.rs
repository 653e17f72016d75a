//! The calls of APIv3: JSAPI 下单, 查询订单, 关闭订单, and the arguments of `wx.requestPayment`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{optional::optional_text, transport::UnsignedRequest, verify::Verified};
use crate::{
    pay::{
        CloseResponse, MerchantContext, MerchantSecret, PayError, PayParams, Payment, PrepayOutcome,
        PrepayRequest, Source, TradeState,
    },
    types::{Fen, OpenId, OutTradeNo, PrepayId, TransactionId, UnixSeconds},
};

#[derive(Serialize)]
struct PrepayBody<'a> {
    appid: &'a str,
    mchid: &'a str,
    description: &'a str,
    out_trade_no: OutTradeNo,
    time_expire: String,
    notify_url: &'a str,
    amount: Amount,
    payer: Payer<'a>,
    scene_info: SceneInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_fapiao: Option<bool>,
}

#[derive(Serialize)]
struct Amount {
    total: Fen,
    currency: &'static str,
}

#[derive(Serialize)]
struct Payer<'a> {
    openid: &'a str,
}

#[derive(Serialize)]
struct SceneInfo<'a> {
    payer_client_ip: &'a str,
}

#[derive(Serialize)]
struct CloseBody<'a> {
    mchid: &'a str,
}

#[derive(Deserialize)]
struct PrepayAnswer {
    prepay_id: String,
}

/// A transaction of APIv3. Most fields of an unpaid one are absent, null or empty.
#[derive(Deserialize)]
pub(super) struct Transaction {
    #[serde(default, deserialize_with = "optional_text")]
    pub(super) appid: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub(super) mchid: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    out_trade_no: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    transaction_id: Option<String>,
    pub(super) trade_state: String,
    #[serde(default, deserialize_with = "optional_text")]
    success_time: Option<String>,
    payer: Option<TransactionPayer>,
    amount: Option<TransactionAmount>,
}

#[derive(Deserialize)]
struct TransactionPayer {
    #[serde(default, deserialize_with = "optional_text")]
    openid: Option<String>,
}

#[derive(Deserialize)]
struct TransactionAmount {
    total: Option<u64>,
    #[serde(default, deserialize_with = "optional_text")]
    currency: Option<String>,
}

/// `POST /v3/pay/transactions/jsapi`.
pub(in crate::pay) async fn prepay(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    request: &PrepayRequest<'_>,
) -> Result<PrepayOutcome, PayError> {
    let body = PrepayBody {
        appid: merchant.app_id.as_str(),
        mchid: merchant.mch_id.as_str(),
        description: request.description,
        out_trade_no: request.out_trade_no,
        time_expire: request.expires_at.to_pay_v3(),
        notify_url: request.notify_url,
        amount: Amount { total: request.total_fee, currency: "CNY" },
        payer: Payer { openid: request.openid.as_str() },
        scene_info: SceneInfo { payer_client_ip: request.client_ip },
        support_fapiao: request.offers_invoice.then_some(true),
    };
    let unsigned = UnsignedRequest::post(PREPAY, PREPAY.to_owned(), &body)?;
    let bytes = match merchant.call(secret, &unsigned).await {
        Ok(bytes) => bytes,
        Err(PayError::Business { path, code, transient }) => {
            return match code.as_str() {
                "ORDERPAID" | "ORDER_PAID" => Ok(PrepayOutcome::AlreadyPaid),
                "ORDERCLOSED" | "ORDER_CLOSED" => Ok(PrepayOutcome::Closed),
                "OUT_TRADE_NO_USED" => Ok(PrepayOutcome::NumberTaken),
                // The request differs from the first one or is malformed, or the attempt is paid or closed.
                "INVALID_REQUEST" | "PARAM_ERROR" | "TRADE_ERROR" => Ok(PrepayOutcome::Differs),
                "NOT_ENOUGH" => Ok(PrepayOutcome::BalanceNotEnough),
                _ => Err(PayError::Business { path, code, transient }),
            };
        }
        Err(error) => return Err(error),
    };
    let lost = |cause| PayError::OutcomeUnknown { path: PREPAY, cause };
    let answer = bytes.parse::<PrepayAnswer>().map_err(|error| lost(error.into()))?;
    PrepayId::parse(&answer.get().prepay_id).map(PrepayOutcome::Ready).map_err(|error| lost(error.into()))
}

/// `GET /v3/pay/transactions/out-trade-no/{out_trade_no}`.
pub(in crate::pay) async fn query(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<TradeState, PayError> {
    let target = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={}", merchant.mch_id);
    let bytes = match merchant.call(secret, &UnsignedRequest::get(QUERY, target)).await {
        Ok(bytes) => bytes,
        Err(PayError::Business { code, .. }) if is_unknown(&code) => return Ok(TradeState::Unknown),
        Err(error) => return Err(error),
    };
    let not_verified = |what| PayError::NotVerified { path: QUERY, what };
    let verified = bytes.parse::<Transaction>().map_err(|_| not_verified("form"))?;
    let transaction = verified.get();
    match transaction.trade_state.as_str() {
        state @ ("SUCCESS" | "REFUND") => {
            let has_refunds = state == "REFUND";
            let payment = match payment(&verified, Source::Query) {
                Ok(payment) => Payment { has_refunds, ..payment },
                Err(_) if has_refunds => return Ok(TradeState::Refunded),
                Err(what) => return Err(not_verified(what)),
            };
            let ours = transaction.appid.as_deref() == Some(merchant.app_id.as_str())
                && transaction.mchid.as_deref() == Some(merchant.mch_id.as_str());
            if !ours || payment.out_trade_no != out_trade_no {
                return Err(not_verified("appid, mchid or out_trade_no"));
            }
            Ok(TradeState::Paid(payment))
        }
        "NOTPAY" | "USERPAYING" | "PAYERROR" | "ACCEPT" => Ok(TradeState::Unpaid),
        "CLOSED" | "REVOKED" => Ok(TradeState::Closed),
        _ => Err(not_verified("trade_state")),
    }
}

/// `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`.
pub(in crate::pay) async fn close(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_trade_no: OutTradeNo,
) -> Result<CloseResponse, PayError> {
    let target = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
    let request = UnsignedRequest::post(CLOSE, target, &CloseBody { mchid: merchant.mch_id.as_str() })?;
    match merchant.call(secret, &request).await {
        Ok(_) => Ok(CloseResponse::Closed),
        Err(PayError::Business { code, .. }) if code == "ORDER_CLOSED" || is_unknown(&code) => {
            Ok(CloseResponse::Closed)
        }
        Err(PayError::Business { code, .. })
            if matches!(
                code.as_str(),
                "ORDERPAID" | "ORDER_PAID" | "INVALID_REQUEST" | "PARAM_ERROR" | "TRADE_ERROR"
            ) =>
        {
            Ok(CloseResponse::AskAgain)
        }
        Err(error) => Err(error),
    }
}

/// The arguments of `wx.requestPayment`, signed with the merchant's own key.
pub(in crate::pay) fn pay_params(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    prepay_id: &PrepayId,
    now: UnixSeconds,
    nonce_str: String,
) -> Result<PayParams, PayError> {
    let (_, key) = secret.signing_key()?;
    let app_id = merchant.app_id.to_string();
    let package = format!("prepay_id={prepay_id}");
    let time_stamp = now.get().to_string();
    let message = format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n");
    let pay_sign = STANDARD.encode(key.sign(message.as_bytes()));
    Ok(PayParams { app_id, time_stamp, nonce_str, package, sign_type: "RSA", pay_sign })
}

/// The payment of this transaction; else the name of the field that is missing or malformed.
pub(super) fn payment(transaction: &Verified<Transaction>, source: Source) -> Result<Payment, &'static str> {
    fn get<'a>(field: &'a Option<String>, name: &'static str) -> Result<&'a str, &'static str> {
        field.as_deref().ok_or(name)
    }
    let transaction = transaction.get();
    let amount = transaction.amount.as_ref().ok_or("amount")?;
    let payer = transaction.payer.as_ref().ok_or("payer")?;
    Ok(Payment {
        out_trade_no: OutTradeNo::parse(get(&transaction.out_trade_no, "out_trade_no")?)
            .map_err(|_| "out_trade_no")?,
        transaction_id: TransactionId::parse(get(&transaction.transaction_id, "transaction_id")?)
            .map_err(|_| "transaction_id")?,
        total_fee: Fen::new(amount.total.ok_or("amount.total")?).map_err(|_| "amount.total")?,
        currency: amount.currency.as_deref().unwrap_or("CNY").to_owned(),
        openid: OpenId::parse(get(&payer.openid, "payer.openid")?).map_err(|_| "payer.openid")?,
        paid_at: UnixSeconds::from_rfc3339(get(&transaction.success_time, "success_time")?)
            .map_err(|_| "success_time")?,
        source,
        has_refunds: false,
    })
}

/// Whether the code means that WeChat Pay does not know the number.
fn is_unknown(code: &str) -> bool {
    matches!(code, "ORDER_NOT_EXIST" | "RESOURCE_NOT_EXISTS")
}

const PREPAY: &str = "/v3/pay/transactions/jsapi";
const QUERY: &str = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
const CLOSE: &str = "/v3/pay/transactions/out-trade-no/{out_trade_no}/close";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(transaction: Value) -> Verified<Transaction> {
        Verified::for_test(serde_json::from_value(transaction).unwrap())
    }

    #[test]
    fn fields_of_an_unpaid_transaction_may_be_absent_null_or_empty() {
        let unpaid = [
            json!({ "trade_state": "NOTPAY" }),
            json!({ "trade_state": "NOTPAY", "amount": { "payer_currency": "CNY" }, "payer": {} }),
            json!({ "trade_state": "NOTPAY", "amount": null, "payer": null, "success_time": null, "appid": null }),
            json!({ "trade_state": "NOTPAY", "amount": { "total": null, "currency": null }, "success_time": "" }),
            json!({ "trade_state": "NOTPAY", "payer": { "openid": null }, "transaction_id": "", "mchid": "" }),
        ];
        for transaction in unpaid {
            assert!(payment(&read(transaction.clone()), Source::Query).is_err(), "{transaction}");
        }
    }

    #[test]
    fn a_missing_currency_is_cny_and_a_missing_amount_is_named() {
        let paid = json!({
            "trade_state": "SUCCESS", "out_trade_no": "01HF7Y9B9X000000000000000001", "transaction_id": "42",
            "success_time": "2026-11-21T12:00:00+08:00", "payer": { "openid": "o5wQws1FH2FD2uaNtxmrc1jiG4dc" },
            "amount": { "total": 200 },
        });
        for currency in [Value::Null, json!(""), json!("CNY")] {
            let mut paid = paid.clone();
            paid["amount"]["currency"] = currency;
            assert_eq!(payment(&read(paid), Source::Query).unwrap().currency(), "CNY");
        }
        for (part, field, named) in [("amount", "total", "amount.total"), ("payer", "openid", "payer.openid")]
        {
            let mut less = paid.clone();
            less[part][field] = Value::Null;
            assert_eq!(payment(&read(less), Source::Query).unwrap_err(), named);
        }
    }
}
