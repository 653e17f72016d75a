//! The scenario of one order: the actions of its user, staff, operators and others, chosen by its seed.

use std::time::Duration;

use e2e::{Phone, World};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    cast::{Cast, PRODUCTS, log_in},
    fulfilment,
};

/// Places the order and runs random actions on it. Requests that fail are repeated a few times at most, as people do.
pub(crate) async fn run(cast: &Cast<'_>, user: &Mutex<Phone<'_>>, seed: u64) {
    let world = cast.world;
    let rng = &mut Rng::with_seed(seed);
    let (product_id, _, delivery) = PRODUCTS[[0, 0, 1, 2][rng.usize(..4)]];
    let Some(order) = place_order(world, user, rng, product_id, seed).await else { return };
    let out_trade_no = order["outTradeNo"].clone();
    let order_id = order["orderId"].as_str().unwrap_or_default();
    let mut prepaid: Vec<Value> = Vec::new();
    let mut complaints: Vec<String> = Vec::new();
    for _ in 0..rng.usize(4..11) {
        pause(rng).await;
        match rng.u8(0..100) {
            choice @ 0..54 if choice < 28 || prepaid.is_empty() => {
                let body = if rng.u8(0..4) == 0 { json!("另一段说明") } else { Value::Null };
                let mut prepay = json!({ "outTradeNo": out_trade_no });
                if body.is_string() {
                    prepay["body"] = body;
                }
                let answer = cast.send_as_user(user, "POST", "/api/pay/unified-order", &prepay).await;
                prepaid.extend((answer.status == 200).then(|| answer.json()["payParams"].clone()));
            }
            0..54 => {
                // Any earlier `payParams` too, because a phone can be slow.
                let arguments = prepaid[rng.usize(..prepaid.len())].clone();
                let _ = user.lock().await.wx("requestPayment", arguments).await;
            }
            54..58 => {
                let path = format!("/api/orders/{order_id}/cancel");
                let _ = cast.send_as_user(user, "POST", &path, &json!({})).await;
            }
            58..62 => {
                let _ = cast.send_as_user(user, "GET", &format!("/api/orders/{order_id}"), &json!({})).await;
            }
            62..64 => {
                send_forged_notice(world, user, out_trade_no.as_str().unwrap_or_default(), rng.u64(1..1000))
                    .await
            }
            64..68 => refund_in_console(world, rng, order_id),
            68..70 => log_in(user).await,
            70..78 => refund_as_operator(world, rng, &out_trade_no, seed).await,
            78..88 => fulfilment::ship(cast, rng, order_id, delivery).await,
            88..92 => fulfilment::confirm_receipt(cast, user, order_id).await,
            92..96 => complaints.extend(fulfilment::complain(cast, rng, &out_trade_no).await),
            _ => {
                if let Some(complaint_id) = rng.choice(&complaints) {
                    fulfilment::pursue(cast, rng, complaint_id).await;
                }
            }
        }
    }
}

async fn place_order(
    world: &World,
    user: &Mutex<Phone<'_>>,
    rng: &mut Rng,
    product_id: &str,
    seed: u64,
) -> Option<Value> {
    let body = json!({ "productId": product_id, "quantity": rng.u32(1..4) });
    for _ in 0..20 {
        let token = user.lock().await.token.clone();
        let request = world.request("POST", "/api/orders").bearer_auth(&token);
        let request = request.header("Idempotency-Key", format!("chaos-{seed}"));
        let answer = world.send(request.json(&body)).await;
        match answer.status {
            200 => return Some(answer.json()),
            401 => log_in(user).await,
            _ => pause(rng).await,
        }
    }
    None
}

/// An operator refunds a part or all, one or two times with the same idempotency key.
async fn refund_as_operator(world: &World, rng: &mut Rng, out_trade_no: &Value, seed: u64) {
    let mut body = json!({ "outTradeNo": out_trade_no });
    if rng.bool() {
        body["refundFee"] = json!(rng.u64(1..250));
    }
    let key = format!("{seed}-{}", rng.u8(0..3));
    for _ in 0..rng.usize(1..3) {
        let _ = world.operator_once("POST", "/api/admin/refunds", &body, &key).await;
    }
}

/// Refunds a part or all of a payment in the merchant console, whether or not our tables have the payment.
fn refund_in_console(world: &World, rng: &mut Rng, order_id: &str) {
    let attempts = (1..=MOST_ATTEMPTS).filter_map(|n| world.wechat().order(&format!("{order_id}{n:02}")));
    let paid: Vec<_> = attempts.filter_map(|entry| Some((entry.transaction_id?, entry.total_fee))).collect();
    let Some((transaction_id, total_fee)) = rng.choice(paid) else { return };
    let fee = if rng.bool() { total_fee } else { rng.u64(1..total_fee) };
    // The console refuses a refund that is too large or too early.
    let _ = world.wechat().try_refund_in_console(&transaction_id, fee);
}

/// Sends a payment notice whose signature is wrong.
async fn send_forged_notice(world: &World, user: &Mutex<Phone<'_>>, out_trade_no: &str, number: u64) {
    let openid = user.lock().await.openid.clone();
    let notice = world.wechat_pay().payment_fields(out_trade_no, &format!("forged-{number}"), &openid, 200);
    let altered = world.wechat_pay().sign(notice, &[]).replace("OTHERS", "FORGED");
    let _ = world.wechat_pay().send_payment_notice(altered).await;
}

async fn pause(rng: &mut Rng) {
    tokio::time::sleep(Duration::from_millis(rng.u64(0..40))).await;
}

/// The attempts to pay an order whose payments can be refunded in the console; a scenario hardly makes more.
const MOST_ATTEMPTS: u8 = 9;
