//! One order's story: what its user and an operator do with it, chosen by its seed.

use std::time::Duration;

use e2e::{Answer, Phone, World};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::USERS;

/// Whose order it is.
pub(crate) fn user(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0) % USERS
}

/// Lives through it. Whatever fails is tried again a few times, as people do, and then left.
pub(crate) async fn live(world: &World, user: &Mutex<Phone<'_>>, seed: u64) {
    let rng = &mut Rng::with_seed(seed);
    let Some(order) = place(world, user, rng, seed).await else { return };
    let (order_id, out_trade_no) = (order["orderId"].clone(), order["outTradeNo"].clone());
    let mut prepaid: Vec<Value> = Vec::new();
    for _ in 0..rng.usize(3..9) {
        pause(rng).await;
        match rng.u8(0..100) {
            0..35 => {
                let body = if rng.u8(0..4) == 0 { json!("另一段说明") } else { Value::Null };
                let mut asked = json!({ "outTradeNo": out_trade_no });
                if body.is_string() {
                    asked["body"] = body;
                }
                let answer = ask(world, user, "POST", "/api/pay/unified-order", &asked).await;
                prepaid.extend((answer.status == 200).then(|| answer.json()["payParams"].clone()));
            }
            35..70 if !prepaid.is_empty() => {
                // Also with what an earlier answer told: phones are slow.
                let arguments = prepaid[rng.usize(..prepaid.len())].clone();
                let _ = user.lock().await.wx("requestPayment", arguments).await;
            }
            70..75 => {
                let path = format!("/api/orders/{}/cancel", order_id.as_str().unwrap_or_default());
                let _ = ask(world, user, "POST", &path, &json!({})).await;
            }
            75..80 => {
                let path = format!("/api/orders/{}", order_id.as_str().unwrap_or_default());
                let _ = ask(world, user, "GET", &path, &json!({})).await;
            }
            80..82 => forge(world, user, out_trade_no.as_str().unwrap_or_default(), rng.u64(1..1000)).await,
            82..88 => refund_in_console(world, rng, order_id.as_str().unwrap_or_default()),
            88..90 => log_in(user).await,
            _ => refund(world, rng, &out_trade_no, seed).await,
        }
    }
}

async fn place(world: &World, user: &Mutex<Phone<'_>>, rng: &mut Rng, seed: u64) -> Option<Value> {
    let body = json!({ "productId": "water", "quantity": rng.u32(1..4) });
    for _ in 0..20 {
        let token = user.lock().await.token.clone();
        let request = world.request("POST", "/api/orders").bearer_auth(&token);
        let request = request.header("Idempotency-Key", format!("storm-{seed}"));
        let answer = world.send(request.json(&body)).await;
        match answer.status {
            200 => return Some(answer.json()),
            401 => log_in(user).await,
            _ => pause(rng).await,
        }
    }
    None
}

/// An operator gives something back, twice under one key, or all.
async fn refund(world: &World, rng: &mut Rng, out_trade_no: &Value, seed: u64) {
    let mut body = json!({ "outTradeNo": out_trade_no });
    if rng.bool() {
        body["refundFee"] = json!(rng.u64(1..250));
    }
    let key = format!("{seed}-{}", rng.u8(0..3));
    for _ in 0..rng.usize(1..3) {
        let _ = world.operator_once("POST", "/api/admin/refunds", &body, &key).await;
    }
}

/// Somebody gives money back in the merchant console, whether we know of the payment or not: a part, or all.
fn refund_in_console(world: &World, rng: &mut Rng, order_id: &str) {
    let paid = world.wechat().ledger().into_iter().filter(|entry| entry.out_trade_no.starts_with(order_id));
    let paid: Vec<_> = paid.filter_map(|entry| Some((entry.transaction_id?, entry.total_fee))).collect();
    let Some((transaction_id, total_fee)) = rng.choice(paid) else { return };
    let fee = if rng.bool() { total_fee } else { rng.u64(1..total_fee) };
    // The console refuses what is more than is left, and what comes too soon.
    let _ = world.wechat().try_refund_in_console(&transaction_id, fee);
}

/// A stranger says that the order is paid.
async fn forge(world: &World, user: &Mutex<Phone<'_>>, out_trade_no: &str, number: u64) {
    let openid = user.lock().await.openid.clone();
    let notice = world.notice(out_trade_no, &format!("forged-{number}"), &openid, 200);
    let altered = world.signed_notice(notice, &[]).replace("OTHERS", "FORGED");
    let _ = world.notify(altered).await;
}

async fn ask(world: &World, user: &Mutex<Phone<'_>>, method: &str, path: &str, body: &Value) -> Answer {
    let token = user.lock().await.token.clone();
    let request = world.request(method, path).bearer_auth(&token);
    let request = if method == "GET" { request } else { request.json(body) };
    let answer = world.send(request).await;
    if answer.status == 401 {
        log_in(user).await;
    }
    answer
}

async fn log_in(user: &Mutex<Phone<'_>>) {
    let mut phone = user.lock().await;
    for _ in 0..10 {
        if phone.try_log_in().await {
            return;
        }
    }
}

async fn pause(rng: &mut Rng) {
    tokio::time::sleep(Duration::from_millis(rng.u64(0..40))).await;
}
