//! What fails: functions are killed, DynamoDB throttles and conflicts and loses answers, WeChat Pay is busy, slow, forgetful and
//! wrong, it refuses the merchant's certificate and refunds that come too soon, notices are lost, doubled, cut off, late, out of
//! order, forged, WeChat's login is out of reach; and the clock runs.

use std::{cell::Cell, time::Duration};

use e2e::World;
use fastrand::Rng;
use futures_util::future;
use local_wechat::{Fault, RefundStatus};

/// It begins.
pub(crate) fn begin(world: &World, seed: u64) {
    world.dynamo().start_random_faults(seed, DYNAMO_PER_MILLE);
    world.bundle().start_random_kills(seed, KILLED_PER_MILLE);
}

/// Blows until `done`, while schedules and streams run.
pub(crate) async fn blow(world: &World, seed: u64, api: usize, done: &Cell<bool>) {
    let gusts = async {
        let rng = &mut Rng::with_seed(seed.wrapping_mul(31));
        while !done.get() {
            for _ in 0..rng.usize(0..3) {
                world.wechat().set_fault(fault(rng, api));
            }
            world.clock.advance(Duration::from_secs(rng.u64(1..30)));
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    let stream = async {
        while !done.get() {
            // Two readers at once: a shard can be read twice for a while.
            let drain = || world.bundle().drain_stream("order-events");
            let _ = future::join(drain(), drain()).await;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    future::join4(gusts, stream, repeat(world, "order-sweep", done), repeat(world, "order-events", done))
        .await;
}

/// A schedule: a run that fails or is killed is followed by the next.
async fn repeat(world: &World, task: &str, done: &Cell<bool>) {
    while !done.get() {
        let _ = world.bundle().run_task(task).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
}

/// It ends; how often it has struck.
pub(crate) async fn end(world: &World) -> String {
    world.dynamo().stop_random_faults();
    world.bundle().stop_random_kills();
    world.wechat().clear_faults();
    world.wechat().wait_for_notices().await;
    let calls = world.wechat().upstream_calls();
    let faults = calls.iter().chain(&world.wechat().deliveries()).filter(|call| call.fault.is_some()).count();
    let answers = world.answers();
    let failed = answers.iter().filter(|answer| answer.status >= 500).count();
    format!(
        "{failed} of {} answers 5xx, {faults} of {} exchanges with WeChat faulty",
        answers.len(),
        calls.len() + world.wechat().deliveries().len()
    )
}

fn fault(rng: &mut Rng, api: usize) -> Fault {
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
    match rng.u8(0..23) {
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
        19 => login_outage(rng, times),
        20 => {
            let (path, codes) = if v3 { (V3[3], LATER_V3) } else { (V2[3], LATER_V2) };
            Fault::ErrCode { path: path.to_owned(), err_code: codes[rng.usize(..4)].to_owned(), times }
        }
        // What stands before WeChat Pay refuses the certificate, and nothing is known of a business code.
        21 => Fault::HttpStatus { path: if v3 { V3[3] } else { V2[3] }.to_owned(), status: 400, times },
        _ => Fault::NoticeDuplicate { copies: 1, times },
    }
}

/// WeChat's login is out of reach, in one of its ways.
fn login_outage(rng: &mut Rng, times: u32) -> Fault {
    let path = "/sns/jscode2session".to_owned();
    match rng.u8(0..5) {
        0 => Fault::Busy { path, times },
        1 => Fault::HttpStatus { path, status: 502, times },
        2 => Fault::Garbage { path, times },
        3 => Fault::TimeoutBefore { path, millis: rng.u64(1..50), times },
        _ => Fault::TimeoutAfter { path, millis: rng.u64(1..50), times },
    }
}

/// Refusals of a refund that are not its end: too soon, or ours to mend, or of a code that nobody has heard of.
const LATER_V2: [&str; 4] = ["ORDER_NOT_READY", "CERT_ERROR", "ERROR", "NEVER_HEARD_OF"];
const LATER_V3: [&str; 4] = ["FREQUENCY_LIMITED", "SIGN_ERROR", "NO_AUTH", "NEVER_HEARD_OF"];

/// Of a thousand requests to DynamoDB and the others.
const DYNAMO_PER_MILLE: u32 = 30;
/// Of a thousand invocations.
const KILLED_PER_MILLE: u32 = 30;
