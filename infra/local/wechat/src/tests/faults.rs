//! Tests of the faults that tests set.

use serde_json::json;

use super::fixture::{Fixture, read_json};

#[tokio::test]
async fn busy_keeps_the_code_good() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    fixture.add_faults(json!({"fault": "busy", "path": "/sns/jscode2session", "times": 2})).await;
    assert_eq!(fixture.code_to_session(&code).await["errcode"], -1);
    assert_eq!(fixture.code_to_session(&code).await["errcode"], -1);
    assert_eq!(fixture.code_to_session(&code).await["openid"], fixture.openid.as_str());
    assert_eq!(fixture.wechat.upstream_calls()[0].fault.as_deref(), Some("busy"));
}

#[tokio::test]
async fn a_given_errcode_is_answered() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    fixture.add_faults(json!({"fault": "errcode", "path": "/sns/jscode2session", "errcode": 45011})).await;
    assert_eq!(fixture.code_to_session(&code).await["errcode"], 45011);
    assert!(fixture.code_to_session(&code).await.get("errcode").is_none());
}

#[tokio::test]
async fn a_timeout_before_the_effect_keeps_the_code_good() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    fixture.add_faults(json!({"fault": "timeout_before", "path": "/sns/jscode2session", "millis": 20})).await;
    let lost = fixture.get(&fixture.code_to_session_path(&code)).await.unwrap_err();
    assert!(lost.status().is_none() && lost.is_request(), "{lost:?}");
    assert!(fixture.code_to_session(&code).await.get("errcode").is_none());
    assert_eq!(fixture.wechat.upstream_calls()[0].status, None);
}

#[tokio::test]
async fn a_timeout_after_the_effect_has_used_the_code() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    fixture.add_faults(json!({"fault": "timeout_after", "path": "/sns/jscode2session"})).await;
    assert!(fixture.get(&fixture.code_to_session_path(&code)).await.is_err());
    assert_eq!(fixture.code_to_session(&code).await["errcode"], 40163);
}

#[tokio::test]
async fn a_timeout_after_the_effect_leaves_an_order_behind() {
    let fixture = Fixture::new().await;
    let order = fixture.order(&[]);
    fixture.add_faults(json!({"fault": "timeout_after", "path": "/pay/unifiedorder"})).await;
    assert!(fixture.post("/pay/unifiedorder", fixture.signed(order.clone())).await.is_err());
    assert_eq!(fixture.wechat.ledger().len(), 1);
    assert_eq!(fixture.pay_api("/pay/unifiedorder", order).await["result_code"], "SUCCESS");
    assert_eq!(fixture.wechat.ledger().len(), 1);
}

#[tokio::test]
async fn a_gateways_page_is_neither_json_nor_xml() {
    let fixture = Fixture::new().await;
    let path = "/pay/orderquery";
    let faults = json!([
        {"fault": "http_status", "path": path, "status": 502},
        {"fault": "garbage", "path": path},
    ]);
    fixture.add_faults(faults).await;
    for status in [502, 200] {
        let answer = fixture.post(path, fixture.signed(fixture.query_fields(&[]))).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.text().await.unwrap().starts_with("<html>"));
    }
}

#[tokio::test]
async fn pay_answers_system_error_or_the_given_code_signed() {
    let fixture = Fixture::new().await;
    let faults = json!([
        {"fault": "busy", "path": "/pay/unifiedorder"},
        {"fault": "err_code", "path": "/pay/unifiedorder", "err_code": "NOTENOUGH"},
    ]);
    fixture.add_faults(faults).await;
    let order = fixture.order(&[]);
    for err_code in ["SYSTEMERROR", "NOTENOUGH"] {
        let answer = fixture.pay_api("/pay/unifiedorder", order.clone()).await;
        assert_eq!((answer["result_code"].as_str(), answer["err_code"].as_str()), ("FAIL", err_code));
    }
    assert!(fixture.wechat.ledger().is_empty());
    assert_eq!(fixture.pay_api("/pay/unifiedorder", order).await["result_code"], "SUCCESS");
}

#[tokio::test]
async fn the_fault_bad_sign_signs_a_correct_answer_wrongly() {
    let fixture = Fixture::new().await;
    fixture.prepay(&[]).await;
    fixture.add_faults(json!({"fault": "bad_sign", "path": "/pay/orderquery"})).await;
    let answer = fixture.post_xml("/pay/orderquery", &fixture.signed(fixture.query_fields(&[]))).await;
    assert_eq!(answer["trade_state"], "NOTPAY");
    let key = &fixture.wechat.account().api_v2_key;
    assert!(!crate::pay::v2::sign::is_signed(&answer, crate::SignType::Md5, key));
    assert_eq!(answer["sign"].len(), 32);
}

#[tokio::test]
async fn a_blocked_user_cannot_log_in_until_the_faults_are_cleared() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    fixture.add_faults(json!({"fault": "login_blocked", "openid": fixture.openid})).await;
    assert_eq!(fixture.code_to_session(&code).await["errcode"], 40226);
    assert_eq!(fixture.code_to_session(&code).await["errcode"], 40226);
    assert_eq!(fixture.delete("/_wechat/faults").await, json!({"faults": []}));
    assert!(fixture.code_to_session(&code).await.get("errcode").is_none());
}

#[tokio::test]
async fn the_waiting_faults_are_listed_with_what_is_left_of_them() {
    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "busy", "path": "/sns/jscode2session", "times": 2})).await;
    fixture.code_to_session("x").await;
    let left = json!({"faults": [{"fault": "busy", "path": "/sns/jscode2session", "times": 1}]});
    assert_eq!(
        fixture.get_json("/_wechat/faults").await,
        json!({"faults": [
            {"fault": "busy", "path": "/sns/jscode2session", "times": 1}
        ]})
    );
    let refused = fixture.post("/_wechat/faults", json!({"fault": "lazy"})).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(read_json(refused).await["error"].as_str().unwrap().contains("notice_lost"));
    assert_eq!(fixture.get_json("/_wechat/faults").await, left);
}
