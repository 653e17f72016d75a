//! Refunds of APIv3: 退款申请, 查询单笔退款.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    optional::optional_text,
    transport::UnsignedRequest,
    verify::{Verified, VerifiedBytes},
};
use crate::{
    pay::{
        AbnormalPayee, ApiVersion, MerchantContext, MerchantSecret, PayError, Refund, RefundRequest,
        RefundResponse, RefundStatus, Source,
    },
    types::{Fen, OutRefundNo, OutTradeNo, Secret, TransactionId, UnixSeconds},
};

#[derive(Serialize)]
struct RefundBody<'a> {
    transaction_id: &'a TransactionId,
    out_refund_no: &'a OutRefundNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    amount: Amount,
}

#[derive(Serialize)]
struct Amount {
    refund: Fen,
    total: Fen,
    currency: &'static str,
}

#[derive(Serialize)]
struct AbnormalBody<'a> {
    out_refund_no: &'a OutRefundNo,
    r#type: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    card: Option<Card<'a>>,
}

/// A bank card; number and name are encrypted for WeChat Pay's key.
#[derive(Serialize)]
struct Card<'a> {
    bank_type: &'a str,
    bank_account: String,
    real_name: String,
}

/// A refund in answers and notices. Notices name its status `refund_status`.
#[derive(Deserialize)]
pub(super) struct RefundResource {
    #[serde(default, deserialize_with = "optional_text")]
    pub(super) mchid: Option<String>,
    out_trade_no: String,
    transaction_id: String,
    out_refund_no: String,
    refund_id: String,
    #[serde(alias = "refund_status")]
    status: String,
    #[serde(default, deserialize_with = "optional_text")]
    success_time: Option<String>,
    amount: RefundAmount,
}

#[derive(Deserialize)]
struct RefundAmount {
    refund: u64,
}

/// `POST /v3/refund/domestic/refunds`.
pub(in crate::pay) async fn request(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    request: &RefundRequest<'_>,
) -> Result<RefundResponse, PayError> {
    let body = RefundBody {
        transaction_id: request.transaction_id,
        out_refund_no: request.out_refund_no,
        reason: request.reason,
        notify_url: request.notify_url,
        amount: Amount { refund: request.refund_fee, total: request.total_fee, currency: "CNY" },
    };
    let unsigned = UnsignedRequest::post(REFUND, REFUND.to_owned(), &body)?;
    match merchant.call(secret, &unsigned).await {
        Ok(bytes) => answer(REFUND, &bytes, request.out_refund_no).map(RefundResponse::Accepted),
        Err(PayError::Business { code, transient: false, .. }) => {
            Ok(RefundResponse::from_error_code(ApiVersion::V3, code))
        }
        Err(error) => Err(error),
    }
}

/// `GET /v3/refund/domestic/refunds/{out_refund_no}`; `None` if there is no such refund.
pub(in crate::pay) async fn ask(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    out_refund_no: &OutRefundNo,
) -> Result<Option<Refund>, PayError> {
    let target = format!("{REFUND}/{}", out_refund_no.percent_encoded());
    match merchant.call(secret, &UnsignedRequest::get(QUERY, target)).await {
        Ok(bytes) => answer(QUERY, &bytes, out_refund_no).map(Some),
        Err(PayError::Business { code, .. }) if code == "RESOURCE_NOT_EXISTS" => Ok(None),
        Err(error) => Err(error),
    }
}

/// `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`, for the refund with these two numbers, WeChat Pay's and
/// ours.
///
/// WeChat Pay: 发起异常退款. Personal fields are encrypted for WeChat Pay's key, which the header `Wechatpay-Serial` names.
pub(in crate::pay) async fn redirect(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    (refund_id, out_refund_no): (&str, &OutRefundNo),
    payee: &AbnormalPayee,
) -> Result<Refund, PayError> {
    let target = format!("{REFUND}/{refund_id}/apply-abnormal-refund");
    let request = match payee {
        AbnormalPayee::Merchant => {
            let body = AbnormalBody { out_refund_no, r#type: "MERCHANT_BANK_CARD", card: None };
            UnsignedRequest::post(ABNORMAL, target, &body)?
        }
        AbnormalPayee::UserCard { bank_type, bank_account, real_name } => {
            let (id, key) = merchant.sealing_key(secret).await?;
            let seal = |text: &Secret| -> Result<String, PayError> {
                let sealed = key.seal(text.expose().as_bytes(), merchant.host.random()?);
                let too_long =
                    || PayError::Request { path: ABNORMAL, cause: "the text is too long to seal".into() };
                Ok(STANDARD.encode(sealed.ok_or_else(too_long)?))
            };
            let card = Card { bank_type, bank_account: seal(bank_account)?, real_name: seal(real_name)? };
            let body = AbnormalBody { out_refund_no, r#type: "USER_BANK_CARD", card: Some(card) };
            UnsignedRequest::post(ABNORMAL, target, &body)?.sealed_for(id)
        }
    };
    let bytes = merchant.call(secret, &request).await?;
    answer(ABNORMAL, &bytes, out_refund_no)
}

fn answer(path: &'static str, bytes: &VerifiedBytes<'_>, asked: &OutRefundNo) -> Result<Refund, PayError> {
    let not_verified = |what| PayError::NotVerified { path, what };
    let resource = bytes.parse::<RefundResource>().map_err(|_| not_verified("form"))?;
    let refund = read(&resource, Source::Query).map_err(not_verified)?;
    if refund.out_refund_no == *asked { Ok(refund) } else { Err(not_verified("out_refund_no")) }
}

/// The refund of this resource; else the name of the field that is missing or malformed.
pub(super) fn read(resource: &Verified<RefundResource>, source: Source) -> Result<Refund, &'static str> {
    let told = resource.get();
    let status = match told.status.as_str() {
        "PROCESSING" => RefundStatus::Processing,
        "SUCCESS" => RefundStatus::Success,
        "ABNORMAL" => RefundStatus::Abnormal,
        "CLOSED" => RefundStatus::Closed,
        _ => return Err("status"),
    };
    let success_at = told.success_time.as_deref().map(UnixSeconds::from_rfc3339).transpose();
    Ok(Refund {
        out_refund_no: OutRefundNo::parse(&told.out_refund_no).map_err(|_| "out_refund_no")?,
        refund_id: told.refund_id.clone(),
        out_trade_no: OutTradeNo::parse(&told.out_trade_no).map_err(|_| "out_trade_no")?,
        transaction_id: TransactionId::parse(&told.transaction_id).map_err(|_| "transaction_id")?,
        refund_fee: Fen::new(told.amount.refund).map_err(|_| "amount.refund")?,
        status,
        success_at: success_at.map_err(|_| "success_time")?,
        source,
    })
}

const REFUND: &str = "/v3/refund/domestic/refunds";
const QUERY: &str = "/v3/refund/domestic/refunds/{out_refund_no}";
const ABNORMAL: &str = "/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_refund_that_is_not_through_may_have_an_empty_time_or_none() {
        for nothing in [None, Some(Value::Null), Some(json!(""))] {
            let mut told = json!({
                "out_trade_no": "01HF7Y9B9X000000000000000001", "transaction_id": "42", "out_refund_no": "R1",
                "refund_id": "50", "refund_status": "ABNORMAL", "amount": { "refund": 1 },
            });
            if let Some(nothing) = &nothing {
                told["success_time"] = nothing.clone();
                told["mchid"] = nothing.clone();
            }
            let told = Verified::for_test(serde_json::from_value(told).unwrap());
            let refund = read(&told, Source::Notice).unwrap();
            assert_eq!((refund.status, refund.success_at), (RefundStatus::Abnormal, None), "{nothing:?}");
        }
    }
}
