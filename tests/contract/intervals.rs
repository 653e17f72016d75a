//! How often WeChat Pay is asked about an order or a refund: each row of `docs/payments.md`, measured.

use std::time::Duration;

use e2e::World;
use local_wechat::{Fault, RefundStatus};
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::workspace::{read, section, table};

/// The intervals in the row of the page whose first cell contains `what`, in seconds.
fn documented(what: &str) -> Vec<u64> {
    let page = read("docs/payments.md");
    let rows = table(section(&page, "When WeChat Pay is asked"), "what");
    let row = rows.iter().find(|row| row[0].contains(what)).unwrap_or_else(|| panic!("no row about {what}"));
    seconds(&row[1])
}

/// The intervals in a text, in seconds: numbers, or `a` or `once a`, before a unit. Several numbers may share a unit.
fn seconds(text: &str) -> Vec<u64> {
    let word = Regex::new(r"[0-9]+|[A-Za-z]+|[^ ]").expect("a pattern");
    let (mut intervals, mut numbers) = (Vec::new(), Vec::new());
    for word in word.find_iter(text).map(|found| found.as_str()) {
        let unit = match word.trim_end_matches('s') {
            "second" => 1,
            "minute" => 60,
            "hour" => 60 * 60,
            "day" => 24 * 60 * 60,
            "a" | "an" => {
                numbers = vec![1];
                continue;
            }
            "," | "and" => continue,
            number => {
                match number.parse::<u64>() {
                    Ok(number) => numbers.push(number),
                    Err(_) => numbers.clear(),
                }
                continue;
            }
        };
        intervals.extend(numbers.drain(..).map(|number| number * unit));
    }
    intervals
}

/// The row of an order or a refund, of which there is one in the world.
async fn row(world: &World, table: &str) -> Value {
    world.items(table).await.pop().expect("a row")
}

async fn next_query_at(world: &World, table: &str) -> Option<u64> {
    row(world, table).await["next_query_at"]["N"].as_str().map(|at| at.parse().expect("a number"))
}

/// Lets the sweep ask WeChat Pay `count` times: the seconds from each time to the next, beginning now. The sweep must ask at the
/// second that the row names, and not a second earlier.
async fn waits(world: &World, table: &str, count: usize) -> Vec<u64> {
    let asked = || world.wechat().upstream_calls().len();
    let mut waits = Vec::new();
    for _ in 0..count {
        let wait = next_query_at(world, table).await.expect("a next time") - world.now();
        let before = asked();
        world.clock.advance(Duration::from_secs(wait - 1));
        world.sweep().await;
        assert_eq!(asked(), before, "{wait} seconds, and WeChat Pay was asked earlier");
        world.clock.advance(Duration::from_secs(1));
        world.sweep().await;
        world.wechat().wait_for_notices().await;
        assert!(asked() > before, "{wait} seconds, and WeChat Pay was not asked");
        waits.push(wait);
    }
    waits
}

/// The shortest and the longest.
fn range(waits: &[u64]) -> [u64; 2] {
    [waits.iter().min(), waits.iter().max()].map(|wait| *wait.expect("a wait"))
}

/// Changes a number in the row of the one order.
async fn set_number(world: &World, name: &str, number: u64) {
    let mut order = row(world, "OrdersTable").await;
    order[name] = json!({ "N": number.to_string() });
    world.put_item("OrdersTable", order).await;
}

#[tokio::test]
async fn an_unpaid_prepaid_order_is_queried_at_the_documented_intervals() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    // An order ends after half an hour. This one lives long enough for the longest interval.
    set_number(&world, "expires_at", world.now() + 4000).await;
    let expected = documented("that was prepaid");
    let mut waits = waits(&world, "OrdersTable", expected.len() + 1).await;
    assert_eq!(waits.iter().sum::<u64>(), 4000, "the last query is at the order's end");
    waits.pop();
    assert_eq!(waits, expected);
}

#[tokio::test]
async fn a_never_prepaid_order_is_not_queried_and_is_closed_at_its_end() {
    assert_eq!(documented("never prepaid"), [0; 0]);
    let world = World::start().await;
    let _order = world.user().await.order().await;
    let before = world.wechat().upstream_calls().len();
    for closed in [0, 1] {
        world.clock.advance(Duration::from_secs(if closed == 0 { 1799 } else { 1 }));
        assert_eq!(world.sweep().await["closed"], closed);
    }
    assert_eq!(world.wechat().upstream_calls().len(), before);
}

#[tokio::test]
async fn an_order_that_could_not_be_closed_is_retried_as_documented() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.wechat().set_fault(Fault::HttpStatus { path: "/pay/closeorder".into(), status: 502, times: 1000 });
    let until_its_end = waits(&world, "OrdersTable", 7).await;
    assert_eq!(until_its_end.iter().sum::<u64>(), 1800);
    let waits = waits(&world, "OrdersTable", 4).await;
    assert_eq!(range(&waits), [documented("could not be closed")[0]; 2], "{waits:?}");
}

#[tokio::test]
async fn a_disputed_order_is_queried_at_the_documented_interval() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.buy_unnoticed().await;
    set_number(&world, "total_fee", 999).await;
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.sweep().await["disputed"], 1);
    let waits = waits(&world, "OrdersTable", 4).await;
    assert_eq!(range(&waits), [documented("ORDER_DISPUTED")[0]; 2], "{waits:?}");
}

#[tokio::test]
async fn an_order_that_is_read_is_queried_at_the_documented_interval() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    let interval = documented("its user reads")[0];
    for _ in 0..2 {
        for (seconds, expected) in [(interval - 1, 0), (1, 1)] {
            world.clock.advance(Duration::from_secs(seconds));
            let before = world.calls_to("/pay/orderquery");
            assert_eq!(phone.status(&order_id).await, "UNPAID");
            assert_eq!(world.calls_to("/pay/orderquery") - before, expected);
        }
    }
}

/// A world with one refund of a whole order, which an operator has asked for.
async fn world_with_refund(config: &str, faults: Vec<Fault>) -> World {
    let world = World::start().with_config(config).await;
    let (_, out_trade_no) = world.user().await.buy().await;
    for fault in faults {
        world.wechat().set_fault(fault);
    }
    world.request_refund(&json!({ "outTradeNo": out_trade_no }), "k").await;
    world
}

/// The configuration that chooses the interface, and the path at which that interface takes refunds.
const APIS: [(&str, &str); 2] =
    [("", "/secapi/pay/refund"), ("[merchant]\napi = \"v3\"", "/v3/refund/domestic/refunds")];

/// Every request for a refund is refused with this code.
fn refused(path: &str, err_code: &str) -> Fault {
    Fault::ErrCode { path: path.to_owned(), err_code: err_code.to_owned(), times: 1000 }
}

#[tokio::test]
async fn a_refund_that_is_not_accepted_is_requested_at_the_documented_intervals() {
    for ((config, path), code) in APIS.into_iter().zip(["NOTENOUGH", "NOT_ENOUGH"]) {
        let world = world_with_refund(config, vec![refused(path, code)]).await;
        let waits = waits(&world, "RefundsTable", 10).await;
        assert_eq!(range(&waits).to_vec(), documented("has not accepted"), "{path}: {waits:?}");
    }
}

#[tokio::test]
async fn a_refund_that_is_accepted_is_queried_at_the_documented_intervals() {
    for (config, path) in APIS {
        let world = world_with_refund(config, vec![Fault::RefundStalled { times: 1 }]).await;
        let waits = waits(&world, "RefundsTable", 14).await;
        // The row says "likewise" for the shortest interval.
        let expected = [documented("has not accepted")[0], documented("has accepted")[0]];
        assert_eq!(range(&waits), expected, "{path}: {waits:?}");
    }
}

#[tokio::test]
async fn a_refund_that_came_too_soon_is_requested_at_the_documented_interval() {
    for (config, path) in APIS {
        let world = world_with_refund(config, vec![refused(path, "FREQUENCY_LIMITED")]).await;
        let waits = waits(&world, "RefundsTable", 10).await;
        assert_eq!(range(&waits), [documented("wants later")[0]; 2], "{path}: {waits:?}");
    }
}

#[tokio::test]
async fn an_abnormal_refund_is_queried_at_the_documented_interval() {
    for (config, path) in APIS {
        let abnormal = Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 };
        let world = world_with_refund(config, vec![abnormal]).await;
        let mut waits = waits(&world, "RefundsTable", 4).await;
        // The first time was set before the notice said that the refund is abnormal.
        waits.remove(0);
        assert_eq!(range(&waits), [documented("ABNORMAL")[0]; 2], "{path}: {waits:?}");
    }
}

#[test]
fn intervals_are_read_from_words_and_numbers() {
    assert_eq!(
        seconds("30 seconds after it was prepaid, then 1, 2 and 5 minutes later, and at its end"),
        [30, 60, 120, 300]
    );
    assert_eq!(seconds("after a minute at least, after an hour at most"), [60, 3600]);
    assert_eq!(seconds("once a day"), [86_400]);
    assert_eq!(seconds("every 6 hours"), [21_600]);
    assert_eq!(seconds("not at all; it is closed at its end"), [0; 0]);
}
