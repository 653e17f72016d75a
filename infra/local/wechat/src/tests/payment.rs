//! Tests of `wx.requestPayment`: refused arguments, and payment exactly once.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::core::clock::{self, HOUR, MINUTE};
use crate::{NewUser, SignType, TradeState};

fn err_msg((status, answer): &(u16, Value)) -> &str {
    assert_eq!(*status, 400, "{answer}");
    answer["errMsg"].as_str().unwrap().strip_prefix("requestPayment:fail ").unwrap()
}

#[tokio::test]
async fn a_payment_with_the_orders_sign_type_is_charged_once() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let fixture = Fixture::new().await;
        let prepay_id = fixture.prepay(&[("sign_type", sign_type.as_str())]).await;
        let arguments = fixture.payment(&prepay_id, sign_type);
        let (status, answer) = fixture.call_wx("requestPayment", arguments.clone()).await;
        assert_eq!((status, answer), (200, json!({"errMsg": "requestPayment:ok"})));
        assert_eq!(err_msg(&fixture.call_wx("requestPayment", arguments).await), "该订单已支付");
        let ledger = fixture.wechat.ledger();
        assert_eq!(ledger.len(), 1);
        assert_eq!((ledger[0].trade_state, ledger[0].total_fee), (TradeState::Success, 101));
        assert_eq!(ledger[0].openid, fixture.openid);
        assert_eq!(ledger[0].transaction_id.as_ref().unwrap().len(), 28);
    }
}

#[tokio::test]
async fn two_payments_at_once_charge_once() {
    let fixture = Fixture::new().await;
    let prepay_id = fixture.prepay(&[]).await;
    let pay = || fixture.call_wx("requestPayment", fixture.payment(&prepay_id, SignType::Md5));
    let ((first, _), (second, _)) = tokio::join!(pay(), pay());
    assert_eq!(first.min(second), 200);
    assert_eq!(first.max(second), 400);
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.notices().len(), 1);
}

#[tokio::test]
async fn wrong_arguments_are_refused_by_name() {
    let fixture = Fixture::new().await;
    let prepay_id = fixture.prepay(&[]).await;
    let good = fixture.payment(&prepay_id, SignType::Md5);
    for (name, value, says) in [
        ("timeStamp", json!(1_700_000_042), "parameter.timeStamp should be String instead of Number;"),
        ("timeStamp", json!("1700000042000"), "unix seconds"),
        ("nonceStr", Value::Null, "parameter.nonceStr should be String instead of Null;"),
        ("nonceStr", json!(""), "1 to 32"),
        ("package", json!(prepay_id), "package is prepay_id="),
        ("signType", json!("SHA1"), "signType is MD5, HMAC-SHA256 or RSA"),
        ("signType", json!("RSA"), "支付验证签名失败"),
        ("signType", json!("HMAC-SHA256"), "支付验证签名失败"),
        ("paySign", json!("0".repeat(32)), "支付验证签名失败"),
        ("paySign", json!(good["paySign"].as_str().unwrap().to_lowercase()), "支付验证签名失败"),
        ("timeStamp", json!("1700000043"), "支付验证签名失败"),
        ("userChoice", json!("maybe"), "userChoice"),
    ] {
        let mut arguments = good.clone();
        arguments[name] = value;
        let answer = fixture.call_wx("requestPayment", arguments).await;
        assert!(err_msg(&answer).contains(says), "{name}: {}", err_msg(&answer));
    }
    assert_eq!(fixture.wechat.ledger()[0].trade_state, TradeState::NotPay);
}

#[tokio::test]
async fn the_sign_type_of_the_payment_is_the_orders() {
    let fixture = Fixture::new().await;
    let prepay_id = fixture.prepay(&[]).await;
    let answer = fixture.call_wx("requestPayment", fixture.payment(&prepay_id, SignType::HmacSha256)).await;
    assert!(err_msg(&answer).starts_with("支付验证签名失败"));
}

#[tokio::test]
async fn an_unknown_prepay_id_or_another_users_is_refused() {
    let fixture = Fixture::new().await;
    let prepay_id = fixture.prepay(&[]).await;
    let mut arguments = fixture.payment(&prepay_id, SignType::Md5);
    arguments["openid"] = fixture.wechat.create_user(NewUser::default()).openid.into();
    assert!(err_msg(&fixture.call_wx("requestPayment", arguments).await).contains("不一致"));
    let unknown = fixture.payment("wx2023111506140200000000000000000000", SignType::Md5);
    assert!(err_msg(&fixture.call_wx("requestPayment", unknown).await).contains("unknown prepay_id"));
}

#[tokio::test]
async fn a_user_who_cancels_may_pay_later() {
    let fixture = Fixture::new().await;
    let prepay_id = fixture.prepay(&[]).await;
    let mut arguments = fixture.payment(&prepay_id, SignType::Md5);
    arguments["userChoice"] = "cancel".into();
    assert_eq!(err_msg(&fixture.call_wx("requestPayment", arguments).await), "cancel");
    assert_eq!(fixture.wechat.ledger()[0].trade_state, TradeState::NotPay);
    assert_eq!(fixture.call_wx("requestPayment", fixture.payment(&prepay_id, SignType::Md5)).await.0, 200);
}

#[tokio::test]
async fn an_expired_or_closed_order_cannot_be_paid() {
    let fixture = Fixture::new().await;
    let expires = clock::pay_time(fixture.now() + MINUTE);
    let expired = fixture.prepay(&[("time_expire", &expires)]).await;
    let old = fixture.prepay(&[("out_trade_no", "order-0002")]).await;
    let closed = fixture.prepay(&[("out_trade_no", "order-0003")]).await;
    fixture.pay_api("/pay/closeorder", fixture.query_fields(&[("out_trade_no", "order-0003")])).await;
    fixture.advance(MINUTE);
    let pay = async |prepay_id: &str| {
        let answer = fixture.call_wx("requestPayment", fixture.payment(prepay_id, SignType::Md5)).await;
        err_msg(&answer).to_owned()
    };
    assert!(pay(&expired).await.contains("time_expire"));
    assert_eq!(pay(&closed).await, "该订单已关闭");
    fixture.advance(2 * HOUR);
    assert!(pay(&old).await.contains("prepay_id"));
    assert!(fixture.wechat.deliveries().is_empty());
}

#[tokio::test]
async fn the_ledger_is_shown_over_http() {
    let fixture = Fixture::new().await;
    fixture.prepay(&[]).await;
    let expected = json!({"orders": [{
        "out_trade_no": "order-0001",
        "transaction_id": null,
        "total_fee": 101,
        "openid": fixture.openid,
        "trade_state": "NOTPAY",
    }]});
    assert_eq!(fixture.get_json("/_wechat/orders").await, expected);
}
