//! WeChat Pay APIv3 beside APIv2: the same shop by configuration alone, and what only APIv3 has.

use e2e::{Phone, Requests, Response, World};
use local_wechat::{Fault, SignType};
use serde_json::{Value, json};

const CERTIFICATES: &str = "/v3/certificates";
const V3: &str = "[merchant]\napi = \"v3\"";
/// With the simulated WeChat Pay's public key, as a merchant configures it.
const PUBLIC_KEY: &str = "[merchant]\napi = \"v3\"\nplatform_keys = [\
    { id = \"PUB_KEY_ID_0116482039572024061300382800\", file = \"../infra/local/wechat/keys/pub_key.pem\" }]";

/// Buys, cancels, and buys with a lost notice, as a user: the `signType` of the payment.
async fn use_shop(world: &World) -> String {
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    assert_eq!(phone.try_pay(&prepaid).await.status, 200, "the phone accepts the signature");
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
    assert_eq!(world.wechat().deliveries().last().expect("a notice").outcome, "acknowledged");

    let (unpaid, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    let cancelled = phone.cancel(&unpaid).await;
    assert_eq!(cancelled.text("/order/status"), "CLOSED");

    let (lost, _) = phone.buy_unnoticed().await;
    world.clock.advance(std::time::Duration::from_secs(30));
    assert_eq!(world.sweep().await["paid"], 1);
    assert_eq!(phone.status(&lost).await, "PAID", "the sweep's query found the payment");
    prepaid.text("/payParams/signType")
}

#[tokio::test]
async fn the_same_shop_runs_by_each_interface_by_configuration_alone() {
    for (config, sign_type) in [
        ("[merchant]\nsign_type = \"MD5\"", "MD5"),
        ("[merchant]\nsign_type = \"HMAC-SHA256\"", "HMAC-SHA256"),
        (V3, "RSA"),
        (PUBLIC_KEY, "RSA"),
    ] {
        let world = World::start().with_config(config).await;
        assert_eq!(use_shop(&world).await, sign_type);
        let downloads = world.calls_to(CERTIFICATES);
        assert_eq!(downloads > 0, config == V3, "certificates are downloaded where there are some");
    }
}

/// The resource of an APIv3 notice that the attempt was paid.
fn transaction(world: &World, phone: &Phone<'_>, out_trade_no: &str) -> Value {
    let account = world.wechat().account();
    json!({
        "appid": account.app_id, "mchid": account.mch_id, "out_trade_no": out_trade_no,
        "transaction_id": "4200000000000000001", "trade_state": "SUCCESS", "trade_type": "JSAPI",
        "bank_type": "OTHERS", "success_time": "2026-11-21T12:00:00+08:00", "attach": "",
        "payer": { "openid": phone.openid }, "promotion_detail": [], "future_field": { "a": 1 },
        "amount": { "total": 200, "payer_total": 150, "currency": "CNY", "payer_currency": "CNY" },
    })
}

/// Sends a notice of the payment, signed at the world's time.
async fn notify(world: &World, resource: Value) -> Response {
    world.wechat_pay().send_v3("/api/pay/notify", "TRANSACTION.SUCCESS", resource).await
}

#[tokio::test]
async fn a_first_notice_is_one_request_and_a_repeated_one_another() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, warm) = phone.order().await;
    assert_eq!(notify(&world, transaction(&world, &phone, &warm)).await.status, 204);
    let (order_id, out_trade_no) = phone.order().await;
    let mut resource = transaction(&world, &phone, &out_trade_no);
    resource["transaction_id"] = json!("4200000000000000002");
    for what in ["a first notice", "a repeated one"] {
        let notify = notify(&world, resource.clone());
        let (answer, cost) = world.count_requests(notify).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.body.as_str(), "");
        assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "{what}");
    }
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    assert_eq!(order.text("/order/paidAt"), "2026-11-21T04:00:00Z");
}

#[tokio::test]
async fn notices_of_both_interfaces_are_accepted_at_the_same_address() {
    for config in ["", V3] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (by_v2, number) = phone.order().await;
        let notice = world.wechat_pay().payment_fields(&number, "1", &phone.openid, 200);
        let body = world.wechat().sign_notice(notice, SignType::HmacSha256);
        assert!(world.wechat_pay().send_payment_notice(body).await.body.contains("SUCCESS"));
        assert_eq!(phone.status(&by_v2).await, "PAID");
        let (by_v3, number) = phone.order().await;
        let resource = transaction(&world, &phone, &number);
        assert_eq!(notify(&world, resource).await.status, 204);
        assert_eq!(phone.status(&by_v3).await, "PAID");
    }
}

#[tokio::test]
async fn probes_are_refused_and_counted_without_an_error_in_the_log() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    world.wechat().set_fault(Fault::SignatureProbe { path: None, times: 1 });
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID", "the genuine notice follows the probe");
    assert!(world.wechat().accepted_probes().is_empty());
    let log = world.log();
    let probe = log.lines().find(|line| line.contains("probe")).expect("a line about the probe");
    assert!(probe.contains(r#""level":"INFO""#), "{probe}");
}

#[tokio::test]
async fn forged_old_foreign_and_altered_notices_write_nothing() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    let resource = transaction(&world, &phone, &out_trade_no);
    let signed = |resource: &Value, at: u64| {
        world.wechat().sign_notice_v3("TRANSACTION.SUCCESS", resource.clone(), at)
    };
    let genuine = signed(&resource, world.now());
    let mut refused =
        vec![(signed(&resource, world.now() - 300), 401), (signed(&resource, world.now() + 300), 401)];
    for header in ["Wechatpay-Signature", "Wechatpay-Nonce", "Wechatpay-Timestamp", "Wechatpay-Serial"] {
        let mut without = genuine.clone();
        without.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        assert!(without.headers.len() < genuine.headers.len(), "{header}");
        refused.push((without, 401));
    }
    let mut altered = genuine.clone();
    altered.body = altered.body.replace("TRANSACTION.SUCCESS", "TRANSACTION.SUCCES");
    refused.push((altered, 401));
    let mut spaced = genuine.clone();
    spaced.body.push(' ');
    refused.push((spaced, 401));
    // A certificate may be newer than the list of a moment ago. A public key can't be.
    for (serial, status) in [("4A29211D2101434327EE7FB6C60D9EAE1337018F", 503), ("PUB_KEY_ID_0", 401)] {
        let mut other_key = genuine.clone();
        for (name, value) in &mut other_key.headers {
            if name.eq_ignore_ascii_case("Wechatpay-Serial") {
                serial.clone_into(value);
            }
        }
        refused.push((other_key, status));
    }
    for (name, value) in [("appid", "wx0000000000000000"), ("mchid", "1"), ("trade_state", "NOTPAY")] {
        let mut foreign = resource.clone();
        foreign[name] = json!(value);
        refused.push((signed(&foreign, world.now()), 500));
    }
    for (notice, status) in refused {
        let answer = world.wechat_pay().send_signed_v3("/api/pay/notify", &notice).await;
        assert_eq!(answer.status, status, "{:?}", notice.headers);
        assert_eq!(answer.text("/code"), "FAIL", "{:?}", notice.headers);
    }
    assert!(world.items("PaymentsTable").await.is_empty());
    assert_eq!(
        world.wechat_pay().send_signed_v3("/api/pay/notify", &genuine).await.status,
        204,
        "the genuine notice is accepted"
    );
}

#[tokio::test]
async fn serials_that_strangers_invent_cost_one_download_a_minute() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    let notice = world.wechat().sign_notice_v3(
        "TRANSACTION.SUCCESS",
        transaction(&world, &phone, &out_trade_no),
        world.now(),
    );
    for n in 0..20 {
        let mut invented = notice.clone();
        for (name, value) in &mut invented.headers {
            if name.eq_ignore_ascii_case("Wechatpay-Serial") {
                *value = format!("{n:040X}");
            }
        }
        // For the first serial the list is downloaded. The next download may follow a minute later, so that the other serials are
        // answered 503.
        let status = if n == 0 { 401 } else { 503 };
        assert_eq!(
            world.wechat_pay().send_signed_v3("/api/pay/notify", &invented).await.status,
            status,
            "{n}"
        );
    }
    assert!(
        !world.log().contains(r#""level":"ERROR""#) && !world.log().contains("unreadable"),
        "requests of strangers raise no alarm"
    );
    assert_eq!(world.calls_to(CERTIFICATES), 1);
    assert_eq!(
        world.wechat_pay().send_signed_v3("/api/pay/notify", &notice).await.status,
        204,
        "the known serial is accepted"
    );
    assert_eq!(world.calls_to(CERTIFICATES), 1);
}

#[tokio::test]
async fn an_unknown_serial_logs_no_error_where_certificates_are_not_used() {
    let world = World::start().with_config(PUBLIC_KEY).await;
    let notice = world.wechat().sign_notice_v3("TRANSACTION.SUCCESS", json!({}), world.now());
    let mut invented = notice.clone();
    for (name, value) in &mut invented.headers {
        if name.eq_ignore_ascii_case("Wechatpay-Serial") {
            "0123456789ABCDEF0123456789ABCDEF01234567".clone_into(value);
        }
    }
    assert_eq!(world.wechat_pay().send_signed_v3("/api/pay/notify", &invented).await.status, 401);
    assert!(!world.log().contains(r#""level":"ERROR""#));
}

#[tokio::test]
async fn a_new_certificate_is_fetched_and_the_public_key_needs_no_deployment() {
    let world = World::start().with_config(V3).await;
    assert_eq!(use_shop(&world).await, "RSA");
    world.clock.advance(std::time::Duration::from_secs(61));
    world.wechat().rotate_platform_certificate();
    assert_eq!(use_shop(&world).await, "RSA");

    // The operator stores the public key; some days later WeChat Pay signs with it.
    let key = world.wechat().platform_public_key();
    let secret = world.dynamo().secret("MerchantSecret").expect("a secret");
    let mut secret: Value = serde_json::from_str(&secret).expect("JSON");
    secret["platform_keys"] = json!([{ "id": key.id, "pem": key.pem }]);
    world.dynamo().set_secret("MerchantSecret", secret.to_string()).expect("a secret");
    world.clock.advance(std::time::Duration::from_secs(301));
    assert_eq!(use_shop(&world).await, "RSA");
    world.wechat().switch_to_public_key();
    assert_eq!(use_shop(&world).await, "RSA");
}

#[tokio::test]
async fn an_answer_with_a_wrong_or_a_probe_s_signature_is_refused() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    let path = "/v3/pay/transactions/jsapi";
    world.wechat().set_fault(Fault::BadSign { path: path.into(), times: 3 });
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "500 INTERNAL_ERROR");
    world.wechat().clear_faults();
    // The same request again: the first one took effect.
    world.wechat().set_fault(Fault::SignatureProbe { path: Some(path.into()), times: 1 });
    let prepaid = phone.prepay(&out_trade_no).await;
    phone.pay(&prepaid).await;
}

#[tokio::test]
async fn a_merchant_secret_without_keys_is_answered_not_configured() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    world.dynamo().set_secret("MerchantSecret", "{}").expect("a secret");
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "501 NOT_CONFIGURED");
}

#[tokio::test]
async fn each_request_names_the_key_that_we_can_verify_with() {
    for config in [V3, PUBLIC_KEY] {
        let world = World::start().with_config(config).await;
        use_shop(&world).await;
        let calls = world.wechat().upstream_calls();
        let mut asked: Vec<_> = calls.iter().filter(|call| call.path.starts_with("/v3/")).collect();
        asked.retain(|call| call.path != CERTIFICATES);
        assert!(asked.len() >= 5, "{asked:?}");
        for call in asked {
            assert!(call.request["Wechatpay-Serial"].is_string(), "{config}: {} names no key", call.path);
        }
    }
}

#[tokio::test]
async fn functions_share_the_certificates_that_one_of_them_downloaded() {
    let world = World::start().with_config(V3).await;
    use_shop(&world).await;
    assert_eq!(world.calls_to(CERTIFICATES), 1, "four functions share one list");
    world.clock.advance(std::time::Duration::from_secs(13 * 60 * 60));
    use_shop(&world).await;
    assert_eq!(world.calls_to(CERTIFICATES), 2, "the list is renewed twice a day by one function");
}

#[tokio::test]
async fn a_certificate_that_is_newer_than_the_list_is_waited_for() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, first) = phone.order().await;
    phone.prepay(&first).await;
    let resource = transaction(&world, &phone, &first);
    assert_eq!(notify(&world, resource).await.status, 204);
    world.wechat().rotate_platform_certificate();
    let (order_id, out_trade_no) = phone.order().await;
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "503 UPSTREAM_BUSY");
    let mut resource = transaction(&world, &phone, &out_trade_no);
    resource["transaction_id"] = json!("4200000000000000009");
    let answer = notify(&world, resource.clone()).await;
    assert_eq!(answer.status, 503, "WeChat Pay sends it again");
    assert_eq!(answer.text("/code"), "FAIL", "WeChat Pay sends it again");
    assert!(!world.log().contains(r#""level":"ERROR""#), "no alarm is raised");
    world.clock.advance(std::time::Duration::from_secs(61));
    phone.prepay(&out_trade_no).await;
    assert_eq!(notify(&world, resource).await.status, 204);
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_rate_limited_certificate_list_makes_no_certificate_unknown() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    let limited = "FREQUENCY_LIMITED".to_owned();
    world.wechat().set_fault(Fault::ErrCode { path: "/v3/certificates".into(), err_code: limited, times: 2 });
    let resource = transaction(&world, &phone, &out_trade_no);
    for _ in 0..2 {
        let answer = notify(&world, resource.clone()).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.text("/message"), "处理失败，请重试");
        assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "503 UPSTREAM_BUSY");
    }
    world.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(notify(&world, resource).await.status, 204);
}

#[tokio::test]
async fn parts_of_a_notice_may_be_null_or_empty_as_well_as_absent() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    for (n, nothing) in [Value::Null, json!("")].into_iter().enumerate() {
        let (order_id, out_trade_no) = phone.order().await;
        let mut resource = transaction(&world, &phone, &out_trade_no);
        resource["transaction_id"] = json!(format!("420000000000000001{n}"));
        for name in ["attach", "bank_type", "trade_type", "promotion_detail", "future_field"] {
            resource[name] = nothing.clone();
        }
        resource["amount"]["currency"] = nothing.clone();
        resource["amount"]["payer_currency"] = nothing;
        assert_eq!(notify(&world, resource).await.status, 204);
        assert_eq!(phone.status(&order_id).await, "PAID");
    }
}

#[tokio::test]
async fn a_stored_certificate_list_without_a_valid_signature_is_refused() {
    let world = World::start().with_config(V3).await;
    use_shop(&world).await;
    let table = world.table("PlatformCertificatesTable");
    let mch_id = world.wechat().account().mch_id.clone();
    for (n, (name, value)) in [
        ("body", json!({ "S": "{\"data\":[]}" })),
        ("signature", json!({ "S": "AAAA" })),
        ("serial", json!({ "S": "0123456789ABCDEF0123456789ABCDEF01234567" })),
        // A list that claims to be newer than any.
        ("signed_at", json!({ "N": (world.now() + 1_000_000_000).to_string() })),
    ]
    .into_iter()
    .enumerate()
    {
        world.clock.advance(std::time::Duration::from_secs(13 * 60 * 60));
        let update = json!({ "TableName": table, "Key": { "mch_id": { "S": mch_id } },
            "UpdateExpression": "SET #name = :value", "ExpressionAttributeNames": { "#name": name },
            "ExpressionAttributeValues": { ":value": value } });
        world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
        use_shop(&world).await;
        assert_eq!(
            world.calls_to(CERTIFICATES),
            n + 2,
            "{name}: the list is downloaded once and shared again"
        );
    }
    assert!(world.log().contains("shared-certificates"));
}
