//! `POST /api/admin/refunds/{outRefundNo}/abnormal`

use std::time::Duration;

use e2e::{Response, World};
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};

const V3: &str = "[merchant]\napi = \"v3\"";
const PUBLIC_KEY: &str = "[merchant]\napi = \"v3\"\nplatform_keys = [\
    { id = \"PUB_KEY_ID_0116482039572024061300382800\", file = \"../infra/local/wechat/keys/pub_key.pem\" }]";
const PATH: &str = "/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund";

/// The money of a whole order of 200 fen that can't reach its user: the refund's number, and the order's id.
async fn abnormal(world: &World) -> (String, String) {
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 });
    let body = json!({ "outTradeNo": out_trade_no });
    let asked = world.request_refund(&body, "k").await;
    (asked.text("/refund/outRefundNo"), order_id)
}

fn card() -> Value {
    json!({ "type": "USER_BANK_CARD", "bankType": "ICBC_DEBIT",
            "bankAccount": "6222021234567890123", "realName": "张小明" })
}

async fn redirect(world: &World, number: &str, body: &Value) -> Response {
    let answer = world.operator("POST", &format!("/api/admin/refunds/{number}/abnormal"), body).await;
    world.wechat().wait_for_notices().await;
    answer
}

async fn status(world: &World, number: &str) -> String {
    let path = format!("/api/admin/refunds/{number}");
    world.operator("GET", &path, &json!({})).await.ok().text("/refund/status")
}

async fn pass_days(world: &World, days: u64) {
    for _ in 0..days {
        world.clock.advance(Duration::from_secs(24 * 60 * 60));
        world.sweep().await;
        world.wechat().wait_for_notices().await;
    }
}

#[tokio::test]
async fn the_money_goes_to_a_card_that_is_sealed_for_either_kind_of_key() {
    for config in [V3, PUBLIC_KEY] {
        let world = World::start().with_config(config).await;
        let (number, order_id) = abnormal(&world).await;
        let sent = redirect(&world, &number, &card()).await.ok();
        assert_eq!(sent.text("/refund/status"), "PROCESSING");
        assert!(sent.text("/refund/redirectedBy").starts_with("arn:"), "{}", sent.body);
        assert_eq!(status(&world, &number).await, "SUCCESS", "the notice has arrived");
        let orders = world.items("OrdersTable").await;
        let order = orders.iter().find(|order| order["order_id"]["S"] == json!(order_id)).expect("the order");
        assert_eq!(order["status"]["S"], "REFUNDED");
        for personal in ["6222021234567890123", "张小明"] {
            assert!(!world.log().contains(personal));
            for table in ["RefundsTable", "OutboxTable", "CasesTable"] {
                assert!(!json!(world.items(table).await).to_string().contains(personal), "{table}");
            }
        }
        let again = redirect(&world, &number, &card()).await;
        assert_eq!(again.outcome(), "409 CONFLICT", "the money is there");
    }
}

#[tokio::test]
async fn money_that_fails_twice_is_another_case_and_can_go_to_the_merchant() {
    let world = World::start().with_config(V3).await;
    let (number, _) = abnormal(&world).await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    redirect(&world, &number, &card()).await.ok();
    let alerts = || world.log().matches(r#""what":"refund-stuck""#).count();
    let before = alerts();
    pass_days(&world, 6).await;
    assert_eq!(status(&world, &number).await, "PROCESSING");
    assert_eq!(alerts(), before);
    world.wechat().finish_refund(&number, RefundStatus::Abnormal);
    world.wechat().wait_for_notices().await;
    assert_eq!(status(&world, &number).await, "ABNORMAL");
    assert_eq!(world.items("CasesTable").await.len(), 2, "the first may be closed");
    let sent = redirect(&world, &number, &json!({ "type": "MERCHANT_BANK_CARD" })).await.ok();
    assert_eq!(sent.text("/refund/status"), "PROCESSING");
    assert_eq!(status(&world, &number).await, "SUCCESS");
    assert_eq!(world.wechat().refunds().len(), 1, "there is one refund only");
}

#[tokio::test]
async fn a_transfer_to_a_card_that_takes_a_week_is_a_case() {
    let world = World::start().with_config(V3).await;
    let (number, _) = abnormal(&world).await;
    pass_days(&world, 10).await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    redirect(&world, &number, &card()).await.ok();
    pass_days(&world, 6).await;
    assert_eq!(world.items("CasesTable").await.len(), 1);
    pass_days(&world, 1).await;
    assert_eq!(world.items("CasesTable").await.len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_hide_that_the_money_is_on_its_way() {
    let world = World::start().with_config(V3).await;
    let (number, _) = abnormal(&world).await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    world.wechat().set_fault(Fault::TimeoutAfter { path: PATH.into(), millis: 1, times: 3 });
    assert_eq!(redirect(&world, &number, &card()).await.outcome(), "503 UPSTREAM_BUSY");
    let again = redirect(&world, &number, &card()).await.ok();
    assert_eq!(again.text("/refund/status"), "PROCESSING");
}

#[tokio::test]
async fn only_an_abnormal_refund_of_apiv3_can_be_sent_elsewhere() {
    let world = World::start().with_config(V3).await;
    assert_eq!(redirect(&world, "nothing", &card()).await.outcome(), "404 NOT_FOUND");
    let (number, _) = abnormal(&world).await;
    for body in [json!({}), json!({ "type": "CARD" }), json!({ "type": "USER_BANK_CARD" })] {
        assert_eq!(redirect(&world, &number, &body).await.outcome(), "400 INVALID_INPUT", "{body}");
    }
    let code = "INVALID_REQUEST".to_owned();
    world.wechat().set_fault(Fault::ErrCode { path: PATH.into(), err_code: code, times: 1 });
    let refused = redirect(&world, &number, &card()).await;
    assert_eq!(refused.outcome(), "409 CONFLICT");
    assert!(refused.text("/message").contains("INVALID_REQUEST"), "{}", refused.body);
    assert_eq!(status(&world, &number).await, "ABNORMAL");

    let world = World::start().await;
    let (number, _) = abnormal(&world).await;
    let refused = redirect(&world, &number, &card()).await;
    assert_eq!(refused.outcome(), "409 CONFLICT");
    assert!(refused.text("/message").contains("商户平台"), "the response names the other way");
}

#[tokio::test]
async fn a_number_of_the_console_is_read_from_a_path_that_every_signer_signs() {
    let world = World::start().with_config(V3).await;
    let (_, _) = abnormal(&world).await;
    let mut row = world.items("RefundsTable").await.remove(0);
    row["out_refund_no"] = json!({ "S": "R|1" });
    world.put_item("RefundsTable", row).await;
    let answer = redirect(&world, "R.7C1", &json!({ "type": "MERCHANT_BANK_CARD" })).await;
    // WeChat Pay knows the refund by another number.
    assert_eq!(answer.outcome(), "409 CONFLICT");
}
