//! Complaints of APIv3: 查询投诉单列表, 查询投诉单详情, 查询投诉协商历史, 回复用户, 反馈处理完成, 更新退款审批结果, 投诉通知回调地址.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{optional::optional_text, transport::UnsignedRequest, verify::Verified};
use crate::{
    pay::{
        Complaint, ComplaintNotice, ComplaintPage, ComplaintState, MerchantContext, MerchantSecret,
        NegotiationStep, PayError,
    },
    types::{ComplaintId, Day, Fen, OutTradeNo, Secret, TransactionId, UnixSeconds},
};

/// The content of a notice.
#[derive(Deserialize)]
pub(super) struct ComplaintChange {
    complaint_id: String,
}

#[derive(Deserialize)]
struct ComplaintResource {
    complaint_id: String,
    complaint_time: String,
    #[serde(default, deserialize_with = "optional_text")]
    complaint_detail: Option<String>,
    complaint_state: String,
    #[serde(default, deserialize_with = "optional_text")]
    payer_phone: Option<String>,
    complaint_order_info: Option<Vec<OrderInfo>>,
    complaint_full_refunded: Option<bool>,
    incoming_user_response: Option<bool>,
    #[serde(default, deserialize_with = "optional_text")]
    problem_description: Option<String>,
    user_complaint_times: Option<u64>,
    #[serde(default, deserialize_with = "optional_text")]
    problem_type: Option<String>,
    apply_refund_amount: Option<u64>,
    in_platform_service: Option<bool>,
}

#[derive(Deserialize)]
struct OrderInfo {
    #[serde(default, deserialize_with = "optional_text")]
    transaction_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    out_trade_no: Option<String>,
    amount: Option<u64>,
}

#[derive(Deserialize)]
struct ListResource {
    data: Option<Vec<ComplaintResource>>,
    total_count: Option<u64>,
}

#[derive(Deserialize)]
struct HistoryResource {
    data: Option<Vec<StepResource>>,
}

#[derive(Deserialize)]
struct StepResource {
    operate_time: String,
    #[serde(default, deserialize_with = "optional_text")]
    operator: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    operate_type: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    operate_details: Option<String>,
}

#[derive(Serialize)]
struct AnswerBody<'a> {
    complainted_mchid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_content: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "action", rename_all = "UPPERCASE")]
enum ProgressBody<'a> {
    Approve {
        /// In how many days the refund is made.
        launch_refund_day: u8,
    },
    Reject {
        reject_reason: &'a str,
    },
}

#[derive(Serialize)]
struct UrlBody<'a> {
    url: &'a str,
}

/// The complaint of a notice; else the name of the field that is malformed.
pub(super) fn read_notice(change: &Verified<ComplaintChange>) -> Result<ComplaintNotice, &'static str> {
    let complaint_id = ComplaintId::parse(&change.get().complaint_id).map_err(|_| "complaint_id")?;
    Ok(ComplaintNotice { complaint_id })
}

/// `GET /v3/merchant-service/complaints-v2/{complaint_id}`; `None` if WeChat Pay does not know it.
pub(in crate::pay) async fn complaint(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
) -> Result<Option<Complaint>, PayError> {
    let bytes = match merchant.call(secret, &UnsignedRequest::get(DETAIL, format!("{LIST}/{id}"))).await {
        Ok(bytes) => bytes,
        Err(PayError::Business { code, .. }) if is_unknown(&code) => return Ok(None),
        Err(error) => return Err(error),
    };
    let not_verified = |what| PayError::NotVerified { path: DETAIL, what };
    let resource = bytes.parse::<ComplaintResource>().map_err(|_| not_verified("form"))?;
    let complaint = read(resource.get()).map_err(not_verified)?;
    if complaint.complaint_id == *id { Ok(Some(complaint)) } else { Err(not_verified("complaint_id")) }
}

/// `GET /v3/merchant-service/complaints-v2`: the complaints of the days from `from` to `to`, the newest first, after `offset` others.
pub(in crate::pay) async fn complaints(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    (from, to): (Day, Day),
    offset: u64,
) -> Result<ComplaintPage, PayError> {
    let target = format!(
        "{LIST}?limit={PAGE}&offset={offset}&begin_date={}&end_date={}&complainted_mchid={}",
        from.to_pay_v3(),
        to.to_pay_v3(),
        merchant.mch_id
    );
    let bytes = merchant.call(secret, &UnsignedRequest::get(LIST, target)).await?;
    let not_verified = |what| PayError::NotVerified { path: LIST, what };
    let list = bytes.parse::<ListResource>().map_err(|_| not_verified("form"))?;
    let complaints = list.get().data.iter().flatten().map(read).collect::<Result<_, _>>();
    Ok(ComplaintPage {
        complaints: complaints.map_err(not_verified)?,
        total: list.get().total_count.unwrap_or_default(),
    })
}

/// `GET …/{complaint_id}/negotiation-historys`: the newest steps, the newest first.
pub(in crate::pay) async fn history(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
) -> Result<Vec<NegotiationStep>, PayError> {
    let target = format!("{LIST}/{id}/negotiation-historys?limit={PAGE}&offset=0");
    let bytes = merchant.call(secret, &UnsignedRequest::get(HISTORY, target)).await?;
    let not_verified = |what| PayError::NotVerified { path: HISTORY, what };
    let resource = bytes.parse::<HistoryResource>().map_err(|_| not_verified("form"))?;
    let step = |step: &StepResource| {
        Ok(NegotiationStep {
            at: UnixSeconds::from_rfc3339(&step.operate_time).map_err(|_| not_verified("operate_time"))?,
            operator: step.operator.clone().unwrap_or_default(),
            operate_type: step.operate_type.clone().unwrap_or_default(),
            details: step.operate_details.clone().unwrap_or_default(),
        })
    };
    resource.get().data.iter().flatten().map(step).collect()
}

/// `POST …/{complaint_id}/response`. It is sent once, because each request is a reply that the buyer reads.
pub(in crate::pay) async fn reply(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
    content: &str,
) -> Result<(), PayError> {
    let body = AnswerBody { complainted_mchid: merchant.mch_id.as_str(), response_content: Some(content) };
    let request = UnsignedRequest::post(REPLY, format!("{LIST}/{id}/response"), &body)?;
    merchant.call_once(secret, &request).await.map(drop)
}

/// `POST …/{complaint_id}/complete`. After a lost answer the repetition is refused, because the complaint is completed.
pub(in crate::pay) async fn complete(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
) -> Result<(), PayError> {
    let body = AnswerBody { complainted_mchid: merchant.mch_id.as_str(), response_content: None };
    let request = UnsignedRequest::post(COMPLETE, format!("{LIST}/{id}/complete"), &body)?;
    merchant.call(secret, &request).await.map(drop)
}

/// `POST …/{complaint_id}/update-refund-progress`: says that the refund is approved. It refunds nothing.
pub(in crate::pay) async fn approve_refund(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
) -> Result<(), PayError> {
    let body = ProgressBody::Approve { launch_refund_day: 0 };
    update_progress(merchant, secret, id, &body).await
}

/// `POST …/{complaint_id}/update-refund-progress`: says that the refund is rejected, which ends the complaint. After a lost answer the
/// repetition is refused, because the complaint has ended.
pub(in crate::pay) async fn reject_refund(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
    reason: &str,
) -> Result<(), PayError> {
    update_progress(merchant, secret, id, &ProgressBody::Reject { reject_reason: reason }).await
}

async fn update_progress(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    id: &ComplaintId,
    body: &ProgressBody<'_>,
) -> Result<(), PayError> {
    let request = UnsignedRequest::post(PROGRESS, format!("{LIST}/{id}/update-refund-progress"), body)?;
    merchant.call(secret, &request).await.map(drop)
}

/// `/v3/merchant-service/complaint-notifications`: notices of complaints go to `url` from now on, wherever they went before.
pub(in crate::pay) async fn set_url(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    url: &str,
) -> Result<(), PayError> {
    let request = UnsignedRequest::put(NOTIFICATIONS, NOTIFICATIONS.to_owned(), &UrlBody { url })?;
    match merchant.call(secret, &request).await {
        Err(PayError::Business { code, .. }) if is_unknown(&code) => {}
        other => return other.map(drop),
    }
    let request = UnsignedRequest::post(NOTIFICATIONS, NOTIFICATIONS.to_owned(), &UrlBody { url })?;
    merchant.call(secret, &request).await.map(drop)
}

/// The payer's phone number in clear; `None` if there is none that the merchant's key opens.
pub(in crate::pay) fn open_phone(
    secret: &MerchantSecret,
    complaint: &Complaint,
) -> Result<Option<Secret>, PayError> {
    let (_, key) = secret.signing_key()?;
    let sealed = complaint.sealed_phone.as_deref().and_then(|sealed| STANDARD.decode(sealed).ok());
    let opened = sealed.and_then(|sealed| key.open(&sealed));
    Ok(opened.and_then(|phone| std::str::from_utf8(&phone).ok().map(|phone| Secret::new(phone.to_owned()))))
}

/// The complaint of this resource; else the name of the field that is malformed.
fn read(resource: &ComplaintResource) -> Result<Complaint, &'static str> {
    // A complaint is of one payment, except in products that this merchant does not use.
    let order = resource.complaint_order_info.iter().flatten().next();
    let state = ComplaintState::ALL.into_iter().find(|state| state.as_str() == resource.complaint_state);
    let out_trade_no = order.and_then(|order| order.out_trade_no.as_deref());
    let transaction_id = order.and_then(|order| order.transaction_id.as_deref());
    Ok(Complaint {
        complaint_id: ComplaintId::parse(&resource.complaint_id).map_err(|_| "complaint_id")?,
        state: state.unwrap_or(ComplaintState::Pending),
        complained_at: UnixSeconds::from_rfc3339(&resource.complaint_time).map_err(|_| "complaint_time")?,
        detail: Secret::new(resource.complaint_detail.clone().unwrap_or_default()),
        problem_type: resource.problem_type.clone(),
        problem_description: resource.problem_description.clone(),
        out_trade_no: out_trade_no.and_then(|number| OutTradeNo::parse(number).ok()),
        transaction_id: transaction_id.and_then(|id| TransactionId::parse(id).ok()),
        amount: order.and_then(|order| order.amount).and_then(|fee| Fen::new(fee).ok()),
        apply_refund_amount: resource.apply_refund_amount.and_then(|fee| Fen::new(fee).ok()),
        times: resource.user_complaint_times.unwrap_or(1),
        full_refunded: resource.complaint_full_refunded.unwrap_or_default(),
        user_responded: resource.incoming_user_response.unwrap_or_default(),
        in_platform_service: resource.in_platform_service.unwrap_or_default(),
        sealed_phone: resource.payer_phone.clone(),
    })
}

fn is_unknown(code: &str) -> bool {
    matches!(code, "RESOURCE_NOT_EXISTS" | "NOT_FOUND")
}

/// How many complaints or steps a request asks for.
const PAGE: u64 = 50;
const LIST: &str = "/v3/merchant-service/complaints-v2";
const DETAIL: &str = "/v3/merchant-service/complaints-v2/{complaint_id}";
const HISTORY: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/negotiation-historys";
const REPLY: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/response";
const COMPLETE: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/complete";
const PROGRESS: &str = "/v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress";
const NOTIFICATIONS: &str = "/v3/merchant-service/complaint-notifications";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::SigningKey;

    #[test]
    fn fields_may_be_absent_or_null_and_an_unknown_state_waits() {
        let least = json!({
            "complaint_id": "200201820200101080076610000", "complaint_time": "2023-11-15T06:20:00+08:00",
            "complaint_state": "A_STATE_OF_TOMORROW", "complaint_order_info": null, "payer_phone": null,
        });
        let complaint = read(&serde_json::from_value(least).unwrap()).unwrap();
        assert_eq!((complaint.state, complaint.times), (ComplaintState::Pending, 1));
        assert!(complaint.out_trade_no.is_none() && complaint.sealed_phone.is_none());
        assert!(!format!("{complaint:?}").contains("detail"));
    }

    #[test]
    fn the_vectors_phone_number_is_opened_by_the_merchants_key() {
        let key = SigningKey::from_pem(include_str!("../../crypto/rsa_g6_private.pem")).unwrap();
        let sealed = STANDARD.decode(PHONE).unwrap();
        assert_eq!(key.open(&sealed).unwrap().as_slice(), b"13800138000");
        assert!(key.open(&sealed[1..]).is_none());
    }

    const PHONE: &str = "H095wMRvx8DDUgqDHzgADYQMwdKcbI617n5uZLa4YhnqvXhqjeaKpM5whwiSNmHD0BBkJyjN4jE9rwrELFbcMC4tphm+y0xHZIfrUDrJKGRx41I77Xs6v+cySidARFxIM5aK+4anTBxmj7QMPSzQIVa0+qETL/TBYED211TUDCFGV/j0fbxSQX9NeclX5ry3YaP0ASuY7aG3hn8oEN1HMCpDRmJ5rWKxAgcQ+5TXEecAPKmKRb6BOiVqbQzap9cYhvrygjJ42UV8bfwqPrN8uGmwWdEzMcZqH1RCdVWkzGILnMP6ZSG0fx6HP6u6ftujvMlygSIcGwYgZ4WJ8UCfMQ==";
}
