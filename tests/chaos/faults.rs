//! The random faults: functions are killed; DynamoDB throttles, conflicts and breaks connections; WeChat Pay is busy, slow, loses
//! answers, sends broken ones, refuses the merchant's certificate and refuses refunds for a while; notices and pushes are lost, duplicated,
//! truncated, delayed, reordered or forged; WeChat's login and shipping can't be reached, take effect late, or refuse the access token.
//! Meanwhile the clock advances, by how much is answered.

use std::{cell::Cell, time::Duration};

use e2e::World;
use fastrand::Rng;
use futures_util::future;
use local_wechat::{Fault, RefundStatus};

/// Starts the random faults of DynamoDB and the random kills of functions.
pub(crate) fn start_random_faults(world: &World, seed: u64, percent: u64) {
    let part = |per_mille| u32::try_from(per_mille * percent / 100).unwrap_or(u32::MAX);
    world.dynamo().start_random_faults(seed, part(DYNAMO_FAULTS_PER_MILLE));
    world.bundle().start_random_kills(seed, part(KILLS_PER_MILLE));
}

/// Sets random faults of WeChat until `done`, while schedules and streams run.
pub(crate) async fn inject_until_done(world: &World, seed: u64, percent: u64, api: usize, done: &Cell<bool>) {
    let wechat_faults = async {
        let rng = &mut Rng::with_seed(seed.wrapping_mul(31));
        let started_at = world.now();
        while !done.get() {
            for _ in 0..rng.usize(0..3) {
                let fault = random_fault(rng, api);
                if rng.u64(0..100) < percent {
                    world.wechat().set_fault(fault);
                }
            }
            // On a busy machine fewer requests are answered meanwhile, and no order could be paid before its end.
            let answers = u64::try_from(world.answered()).unwrap_or(u64::MAX);
            if world.now() < started_at + answers * SECONDS_PER_ANSWER {
                world.clock.advance(Duration::from_secs(rng.u64(1..30)));
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    let stream = async {
        while !done.get() {
            // Two readers at once, because Lambda can read a shard twice for a while.
            let drain = |folder| world.bundle().drain_stream(folder);
            let _ = future::join(drain("order-events"), drain("order-events")).await;
            let _ = drain("push-events").await;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    let tasks = SCHEDULED.map(|task| repeat_task(world, task, done));
    future::join3(wechat_faults, stream, future::join_all(tasks)).await;
}

/// The scheduled tasks that finish what was begun.
pub(crate) const SCHEDULED: [&str; 5] =
    ["order-sweep", "order-events", "push-events", "complaint-sweep", "shipping-sweep"];

/// Runs a scheduled task again and again, whether it succeeds, fails or is killed.
async fn repeat_task(world: &World, task: &str, done: &Cell<bool>) {
    while !done.get() {
        let _ = world.bundle().run_task(task).await;
        tokio::time::sleep(BETWEEN_RUNS).await;
    }
}

/// Stops all faults. Returns a summary of how many there were.
pub(crate) async fn stop_and_summarize(world: &World) -> String {
    world.dynamo().stop_random_faults();
    world.bundle().stop_random_kills();
    world.wechat().clear_faults();
    world.wechat().wait_for_notices().await;
    let calls = world.wechat().upstream_calls();
    let faults = calls.iter().chain(&world.wechat().deliveries()).filter(|call| call.fault.is_some()).count();
    let answers = world.responses();
    let failed = answers.iter().filter(|answer| answer.status >= 500).count();
    format!(
        "{failed} of {} answers 5xx, {faults} of {} exchanges with WeChat faulty",
        answers.len(),
        calls.len() + world.wechat().deliveries().len()
    )
}

fn random_fault(rng: &mut Rng, api: usize) -> Fault {
    const V2: [&str; 5] =
        ["/pay/unifiedorder", "/pay/orderquery", "/pay/closeorder", "/secapi/pay/refund", "/pay/refundquery"];
    const V3: [&str; 5] = [
        "/v3/pay/transactions/jsapi",
        "/v3/pay/transactions/out-trade-no/{out_trade_no}",
        "/v3/pay/transactions/out-trade-no/{out_trade_no}/close",
        "/v3/refund/domestic/refunds",
        "/v3/refund/domestic/refunds/{out_refund_no}",
    ];
    let v3 = api >= 2;
    let path = || if v3 { V3 } else { V2 };
    let path = path()[rng.usize(..5)].to_owned();
    let times = rng.u32(1..4);
    match rng.u8(0..27) {
        0 | 1 => Fault::NoticeLost { times },
        2 => Fault::NoticeDuplicate { copies: rng.u32(1..5), times },
        3 => Fault::NoticeDelayed { millis: rng.u64(1..300), times },
        4 => Fault::NoticeForged { times },
        5 => Fault::NoticeReordered { times: 1 },
        6 => Fault::Busy { path, times },
        7 => Fault::TimeoutBefore { path, millis: rng.u64(1..50), times },
        8 | 9 => Fault::TimeoutAfter { path, millis: rng.u64(1..50), times },
        10 => Fault::HttpStatus { path, status: 502, times },
        11 => Fault::Garbage { path, times },
        12 => Fault::BadSign { path, times },
        13 => Fault::RefundOutcome {
            status: if rng.bool() { RefundStatus::Abnormal } else { RefundStatus::Closed },
            times: 1,
        },
        14 => Fault::RefundStalled { times: 1 },
        15 => Fault::RefundBalance { times },
        16 if v3 => Fault::ClockSkew { path: rng.bool().then_some(path), seconds: rng.i64(-400..400), times },
        17 if v3 => Fault::SignatureProbe { path: rng.bool().then_some(path), times },
        18 => Fault::NoticeCut { times },
        19 => random_login_fault(rng, times),
        20 => {
            let (path, codes) = if v3 { (V3[3], RETRYABLE_V3) } else { (V2[3], RETRYABLE_V2) };
            Fault::ErrCode { path: path.to_owned(), err_code: codes[rng.usize(..4)].to_owned(), times }
        }
        // WeChat Pay's front server refuses the certificate with HTTP 400 and without a business code.
        21 => Fault::HttpStatus { path: if v3 { V3[3] } else { V2[3] }.to_owned(), status: 400, times },
        22..25 => random_shipping_fault(rng, times),
        25 => random_complaint_fault(rng, times),
        _ => Fault::NoticeDuplicate { copies: 1, times },
    }
}

/// One of the faults of WeChat's shipping information, which is asked and told.
fn random_shipping_fault(rng: &mut Rng, times: u32) -> Fault {
    const PATHS: [&str; 2] = ["/wxa/sec/order/upload_shipping_info", "/wxa/sec/order/get_order"];
    let path = PATHS[rng.usize(..2)].to_owned();
    match rng.u8(0..9) {
        0 => Fault::Busy { path, times },
        1 => Fault::HttpStatus { path, status: 502, times },
        2 => Fault::Garbage { path, times },
        3 => Fault::TimeoutBefore { path, millis: rng.u64(1..50), times },
        4 | 5 => Fault::TimeoutAfter { path, millis: rng.u64(1..50), times },
        6 => Fault::LateEffect { path, millis: rng.u64(1..200), times },
        7 => Fault::Errcode { path, errcode: [10_060_012, 10_060_019, 44_990][rng.usize(..3)], times },
        _ => Fault::TokenRevoked { path: Some(path), stuck: false, times: 1 },
    }
}

/// One of the faults of WeChat Pay's complaints, of which every interface of orders has the same.
fn random_complaint_fault(rng: &mut Rng, times: u32) -> Fault {
    const PATHS: [&str; 5] = [
        "/v3/merchant-service/complaints-v2",
        "/v3/merchant-service/complaints-v2/{complaint_id}",
        "/v3/merchant-service/complaints-v2/{complaint_id}/response",
        "/v3/merchant-service/complaints-v2/{complaint_id}/complete",
        "/v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress",
    ];
    let path = PATHS[rng.usize(..5)].to_owned();
    match rng.u8(0..5) {
        0 => Fault::Busy { path, times },
        1 => Fault::HttpStatus { path, status: 502, times },
        2 => Fault::BadSign { path, times },
        3 => Fault::TimeoutBefore { path, millis: rng.u64(1..50), times },
        _ => Fault::TimeoutAfter { path, millis: rng.u64(1..50), times },
    }
}

/// One of the faults by which WeChat's login can't be reached.
fn random_login_fault(rng: &mut Rng, times: u32) -> Fault {
    let path = "/sns/jscode2session".to_owned();
    match rng.u8(0..5) {
        0 => Fault::Busy { path, times },
        1 => Fault::HttpStatus { path, status: 502, times },
        2 => Fault::Garbage { path, times },
        3 => Fault::TimeoutBefore { path, millis: rng.u64(1..50), times },
        _ => Fault::TimeoutAfter { path, millis: rng.u64(1..50), times },
    }
}

/// Error codes with which a refund stays open: too early, a mistake of the merchant's that can be corrected, an unknown code.
const RETRYABLE_V2: [&str; 4] = ["ORDER_NOT_READY", "CERT_ERROR", "ERROR", "NEVER_HEARD_OF"];
const RETRYABLE_V3: [&str; 4] = ["FREQUENCY_LIMITED", "SIGN_ERROR", "NO_AUTH", "NEVER_HEARD_OF"];

/// How many of a thousand requests to DynamoDB, EventBridge and Secrets Manager fail.
const DYNAMO_FAULTS_PER_MILLE: u64 = 30;
/// How long a scheduled task rests: on the clock of the world some half a minute.
const BETWEEN_RUNS: Duration = Duration::from_millis(150);
/// How far the clock advances for each request that is answered, on the average.
const SECONDS_PER_ANSWER: u64 = 5;
/// How many of a thousand calls of functions are killed.
const KILLS_PER_MILLE: u64 = 30;
