//! Tests of Pay v2's APIs for orders, queries and closings.

use super::fixture::Fixture;
use crate::core::clock::{self, HOUR, MINUTE};
use crate::pay::v2::{Fields, xml};
use crate::{NewUser, SignType};

fn outcome(answer: &Fields) -> &str {
    if answer["return_code"] == "FAIL" {
        &answer["return_msg"]
    } else {
        answer.get("err_code").map_or("ok", |c| c)
    }
}

#[tokio::test]
async fn an_order_gives_a_prepay_id_and_echoes_the_account() {
    let fixture = Fixture::new().await;
    let answer = fixture.pay_api("/pay/unifiedorder", fixture.order(&[])).await;
    let account = fixture.wechat.account();
    assert_eq!((&answer["appid"], &answer["mch_id"]), (&account.app_id, &account.mch_id));
    assert_eq!((answer["result_code"].as_str(), answer["trade_type"].as_str()), ("SUCCESS", "JSAPI"));
    assert!(answer["prepay_id"].starts_with("wx20231115061402"));
    assert_eq!(answer["nonce_str"].len(), 32);
}

#[tokio::test]
async fn an_answer_is_signed_as_the_request_was() {
    let fixture = Fixture::new().await;
    let answer = fixture.pay_api("/pay/unifiedorder", fixture.order(&[("sign_type", "HMAC-SHA256")])).await;
    assert_eq!(answer["sign"].len(), 64);
}

#[tokio::test]
async fn each_field_is_checked() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(257);
    let chinese = "水".repeat(43);
    for (name, value, err_code) in [
        ("appid", "", "LACK_PARAMS"),
        ("appid", "wx0000000000000000", "APPID_MCHID_NOT_MATCH"),
        ("appid", "gh_000000000000", "APPID_NOT_EXIST"),
        ("nonce_str", "", "LACK_PARAMS"),
        ("nonce_str", "123456789012345678901234567890123", "PARAM_ERROR"),
        ("body", "", "LACK_PARAMS"),
        ("body", &chinese, "PARAM_ERROR"),
        ("attach", &chinese, "PARAM_ERROR"),
        ("out_trade_no", "", "LACK_PARAMS"),
        ("out_trade_no", "12345", "PARAM_ERROR"),
        ("out_trade_no", "order@0001", "PARAM_ERROR"),
        ("total_fee", "", "LACK_PARAMS"),
        ("total_fee", "0", "PARAM_ERROR"),
        ("total_fee", "1.01", "PARAM_ERROR"),
        ("spbill_create_ip", "", "LACK_PARAMS"),
        ("spbill_create_ip", "localhost", "PARAM_ERROR"),
        ("notify_url", "", "LACK_PARAMS"),
        ("notify_url", "https://example.com/n?a=1", "PARAM_ERROR"),
        ("notify_url", "http://example.com/n", "PARAM_ERROR"),
        ("notify_url", &long, "PARAM_ERROR"),
        ("trade_type", "", "LACK_PARAMS"),
        ("trade_type", "NATIVE", "PARAM_ERROR"),
        ("openid", "", "LACK_PARAMS"),
        ("openid", "oGZUI0egBJY1zhBYw2KhdUfwVJJE", "PARAM_ERROR"),
        ("fee_type", "USD", "PARAM_ERROR"),
        ("detail", "not json", "PARAM_ERROR"),
        ("scene_info", "[]", "PARAM_ERROR"),
        ("limit_pay", "credit", "PARAM_ERROR"),
        ("receipt", "N", "PARAM_ERROR"),
        ("profit_sharing", "maybe", "PARAM_ERROR"),
        ("time_start", "2023-11-15", "PARAM_ERROR"),
        ("time_expire", "20231315061402", "PARAM_ERROR"),
    ] {
        let answer = fixture.pay_api("/pay/unifiedorder", fixture.order(&[(name, value)])).await;
        assert_eq!(outcome(&answer), err_code, "{name}={value}");
        assert!(!answer["err_code_des"].is_empty());
    }
    assert!(fixture.wechat.ledger().is_empty());
}

#[tokio::test]
async fn optional_and_unknown_fields_are_taken() {
    let fixture = Fixture::new().await;
    let order = fixture.order(&[
        ("attach", "a]]>b<&😀"),
        ("detail", "{\"goods_detail\":[]}"),
        ("scene_info", "{\"store_info\":{\"id\":\"1\"}}"),
        ("spbill_create_ip", "2001:db8::1"),
        ("device_info", "WEB"),
        ("receipt", "Y"),
        ("limit_pay", "no_credit"),
        ("profit_sharing", "N"),
        ("brand_new_field", "新"),
    ]);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", order).await), "ok");
}

#[tokio::test]
async fn an_unsigned_message_is_refused_without_a_signature() {
    let fixture = Fixture::new().await;
    let good = fixture.signed(fixture.order(&[]));
    let mut fields = xml::parse(&good).unwrap();
    fields.insert("sign".to_owned(), fields["sign"].to_ascii_lowercase());
    let lower_case = xml::write(&fields);
    let unsigned = good.replace("<sign>", "<sing>").replace("</sign>", "</sing>");
    for (body, return_msg) in [
        (good.replace("矿泉水", "汽水"), "签名错误"),
        (lower_case, "签名错误"),
        (unsigned, "签名错误"),
        (format!("<!DOCTYPE xml [<!ENTITY a \"b\">]>{good}"), "XML格式错误"),
        (good.replace("</xml>", ""), "XML格式错误"),
        ("{}".to_owned(), "XML格式错误"),
        (String::new(), "post数据为空"),
        (fixture.signed(fixture.order(&[("mch_id", "1900000000")])), "商户号不存在"),
        (fixture.signed(fixture.order(&[("mch_id", "")])), "缺少参数mch_id"),
        (fixture.signed(fixture.order(&[("sign_type", "md5")])), "sign_type参数格式错误"),
    ] {
        let answer = fixture.post_xml("/pay/unifiedorder", &body).await;
        assert_eq!(outcome(&answer), return_msg, "{body}");
        assert_eq!(answer.len(), 2, "{answer:?}");
    }
    let answer = fixture.get("/pay/unifiedorder").await.unwrap().text().await.unwrap();
    assert!(answer.contains("请使用post方法"));
}

#[tokio::test]
async fn an_md5_signature_is_wrong_if_the_request_names_hmac() {
    let fixture = Fixture::new().await;
    let body = fixture.wechat.sign_notice(fixture.order(&[("sign_type", "HMAC-SHA256")]), SignType::Md5);
    assert_eq!(outcome(&fixture.post_xml("/pay/unifiedorder", &body).await), "签名错误");
}

#[tokio::test]
async fn the_same_order_again_is_the_same_prepay_id_for_two_hours() {
    let fixture = Fixture::new().await;
    let first = fixture.prepay(&[]).await;
    fixture.advance(2 * HOUR - 1);
    assert_eq!(fixture.prepay(&[]).await, first);
    fixture.advance(1);
    assert_ne!(fixture.prepay(&[]).await, first);
    assert_eq!(fixture.wechat.ledger().len(), 1);
}

#[tokio::test]
async fn the_number_with_other_parameters_is_refused() {
    let fixture = Fixture::new().await;
    fixture.prepay(&[]).await;
    let other = fixture.wechat.create_user(NewUser::default()).openid;
    for change in [("total_fee", "102"), ("body", "x"), ("openid", &other), ("sign_type", "HMAC-SHA256")] {
        let answer = fixture.pay_api("/pay/unifiedorder", fixture.order(&[change])).await;
        assert_eq!(outcome(&answer), "INVALID_REQUEST");
        assert_eq!(answer["err_code_des"], "201 商户订单号重复");
    }
}

#[tokio::test]
async fn a_nonce_is_for_one_request() {
    let fixture = Fixture::new().await;
    let order = fixture.order(&[("nonce_str", "n1")]);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", order.clone()).await), "ok");
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", order).await), "ok");
    let other = fixture.order(&[("nonce_str", "n1"), ("out_trade_no", "order-0002")]);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", other).await), "PARAM_ERROR");
    let query = fixture.query_fields(&[("nonce_str", "n1")]);
    assert_eq!(outcome(&fixture.pay_api("/pay/orderquery", query).await), "PARAM_ERROR");
}

#[tokio::test]
async fn an_order_expires_after_a_minute_at_the_earliest_and_cannot_be_repeated() {
    let fixture = Fixture::new().await;
    let soon = clock::pay_time(fixture.now() + MINUTE - clock::SECOND);
    let answer = fixture.pay_api("/pay/unifiedorder", fixture.order(&[("time_expire", &soon)])).await;
    assert_eq!(answer["err_code_des"], "time_expire时间过短");
    // This is the wall clock of UTC, which is eight hours behind UTC+8.
    let utc = clock::pay_time(fixture.now() + 30 * MINUTE - 8 * HOUR);
    let answer = fixture.pay_api("/pay/unifiedorder", fixture.order(&[("time_expire", &utc)])).await;
    assert_eq!(outcome(&answer), "PARAM_ERROR");

    let expires = clock::pay_time(fixture.now() + MINUTE);
    let order = |nonce: &str| fixture.order(&[("time_expire", &expires), ("nonce_str", nonce)]);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", order("a")).await), "ok");
    fixture.advance(MINUTE - 1);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", order("b")).await), "ok");
    fixture.advance(1);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", order("c")).await), "ORDERCLOSED");
    assert_eq!(fixture.pay_api("/pay/orderquery", fixture.query_fields(&[])).await["trade_state"], "NOTPAY");
}

#[tokio::test]
async fn a_query_returns_the_payment_only_if_the_order_is_paid() {
    let fixture = Fixture::new().await;
    let unknown = fixture.pay_api("/pay/orderquery", fixture.query_fields(&[])).await;
    assert_eq!(outcome(&unknown), "ORDERNOTEXIST");
    fixture.prepay(&[("attach", "a=1&b=2")]).await;
    let unpaid = fixture.pay_api("/pay/orderquery", fixture.query_fields(&[])).await;
    assert_eq!((unpaid["trade_state"].as_str(), unpaid["attach"].as_str()), ("NOTPAY", "a=1&b=2"));
    assert!(["total_fee", "openid", "transaction_id"].iter().all(|name| !unpaid.contains_key(*name)));

    fixture.buy("order-0002").await;
    let paid =
        fixture.pay_api("/pay/orderquery", fixture.query_fields(&[("out_trade_no", "order-0002")])).await;
    assert_eq!((paid["trade_state"].as_str(), paid["total_fee"].as_str()), ("SUCCESS", "101"));
    assert_eq!((paid["openid"].as_str(), paid["time_end"].as_str()), (&*fixture.openid, "20231115061402"));
    assert_eq!(paid["attach"], "");

    let number = paid["transaction_id"].as_str();
    let query = fixture.query_fields(&[("transaction_id", number), ("out_trade_no", "")]);
    assert_eq!(fixture.pay_api("/pay/orderquery", query).await["out_trade_no"], "order-0002");
    for (transaction_id, err_code) in [
        ("x", "INVALID_TRANSACTIONID"),
        ("4200000000000000000000000000", "ORDERNOTEXIST"),
        ("", "LACK_PARAMS"),
    ] {
        let query = fixture.query_fields(&[("transaction_id", transaction_id), ("out_trade_no", "")]);
        assert_eq!(outcome(&fixture.pay_api("/pay/orderquery", query).await), err_code);
    }
}

#[tokio::test]
async fn closing_ends_an_unpaid_order_once() {
    let fixture = Fixture::new().await;
    let close = async |number: &str| {
        fixture.pay_api("/pay/closeorder", fixture.query_fields(&[("out_trade_no", number)])).await
    };
    assert_eq!(outcome(&close("order-0001").await), "ORDERNOTEXIST");
    fixture.prepay(&[]).await;
    assert_eq!(outcome(&close("order-0001").await), "ok");
    assert_eq!(outcome(&close("order-0001").await), "ORDERCLOSED");
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", fixture.order(&[])).await), "ORDERCLOSED");
    assert_eq!(fixture.pay_api("/pay/orderquery", fixture.query_fields(&[])).await["trade_state"], "CLOSED");
    fixture.buy("order-0002").await;
    assert_eq!(outcome(&close("order-0002").await), "ORDERPAID");
    let again = fixture.order(&[("out_trade_no", "order-0002")]);
    assert_eq!(outcome(&fixture.pay_api("/pay/unifiedorder", again).await), "ORDERPAID");
}
