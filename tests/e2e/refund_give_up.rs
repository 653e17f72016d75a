//! `POST /api/admin/refunds/{outRefundNo}/give-up`

use std::time::Duration;

use e2e::{Response, World};
use local_wechat::Fault;
use serde_json::{Value, json};

async fn request(world: &World, out_trade_no: &str, fee: u64, key: &str) -> Response {
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": fee });
    world.request_refund(&body, key).await
}

async fn give_up(world: &World, number: &str) -> Response {
    world.operator("POST", &format!("/api/admin/refunds/{number}/give-up"), &json!({})).await
}

async fn order(world: &World, order_id: &str) -> Value {
    let orders = world.items("OrdersTable").await;
    orders.into_iter().find(|order| order["order_id"]["S"] == json!(order_id)).expect("the order")
}

#[tokio::test]
async fn a_refund_whose_money_went_back_by_hand_is_given_up() {
    let world = World::start().await;
    let (order_id, out_trade_no) = world.user().await.buy().await;
    let transaction = world.wechat().ledger()[0].transaction_id.clone().expect("paid");
    world.wechat().refund_in_console(&transaction, 150);
    world.clock.advance(Duration::from_secs(61));

    let asked = request(&world, &out_trade_no, 100, "a").await;
    let number = asked.text("/refund/outRefundNo");
    assert_eq!(asked.text("/refund/failure"), "ERROR", "the payment has less left at WeChat Pay");
    let given_up = give_up(&world, &number).await.ok();
    assert_eq!(given_up.text("/refund/status"), "CLOSED");
    assert!(given_up.text("/refund/givenUpBy").starts_with("arn:"), "{}", given_up.body);
    assert_eq!(
        give_up(&world, &number).await.ok().body.len(),
        given_up.body.len(),
        "a second time changes nothing"
    );

    assert_eq!(
        order(&world, &order_id).await["refunded_fee"]["N"],
        "150",
        "the refund of the console is recorded"
    );
    assert!(
        world.items("CasesTable").await.is_empty(),
        "an operator gave the refund up, so that there is no case"
    );
    world.clock.advance(Duration::from_secs(61));
    let rest = request(&world, &out_trade_no, 50, "b").await;
    world.sweep().await;
    assert_ne!(rest.text("/refund/status"), "CLOSED");
    assert_eq!(order(&world, &order_id).await["status"]["S"], "REFUNDED");
}

#[tokio::test]
async fn a_refund_that_wechat_pay_is_processing_is_not_given_up() {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let (_, out_trade_no) = world.user().await.buy().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let number = request(&world, &out_trade_no, 100, "a").await.text("/refund/outRefundNo");
    assert_eq!(give_up(&world, &number).await.outcome(), "409 CONFLICT");
    assert_eq!(give_up(&world, "nothing").await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_refund_that_succeeded_after_all_is_not_given_up() {
    for (config, path) in [
        ("[merchant]\napi = \"v2\"", "/secapi/pay/refund"),
        ("[merchant]\napi = \"v3\"", "/v3/refund/domestic/refunds"),
    ] {
        let world = World::start().with_config(config).await;
        let (order_id, out_trade_no) = world.user().await.buy().await;
        world.wechat().set_fault(Fault::BadSign { path: path.to_owned(), times: 1 });
        world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        let asked = request(&world, &out_trade_no, 100, "a").await;
        assert_eq!(asked.text("/refund/failure"), "NOT_VERIFIED");
        let ended = give_up(&world, &asked.text("/refund/outRefundNo")).await.ok();
        assert_eq!(ended.text("/refund/status"), "SUCCESS");
        assert_eq!(order(&world, &order_id).await["refunded_fee"]["N"], "100");
    }
}
