//! Every function that money goes through is killed at each of its awaits in turn. Then whoever called it calls again, schedules and streams
//! run, and each effect must be there exactly once.
//!
//! An await is counted when the call is pending there, because elsewhere nothing can happen between two steps. The suite kills at the first
//! twelve awaits and at every fifth of the later ones. All of them, or one alone:
//!
//! ```text
//! CHAOS_KILL_STEP=1 cargo test -p e2e --test chaos kill_at_await
//! CHAOS_KILL_AT=7 cargo test -p e2e --test chaos kill_at_await::a_killed_payment_notice
//! ```

use std::{num::NonZeroU64, time::Duration};

use e2e::{Phone, World};
use local_gateway::KilledAt;
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::number_of;

/// How often each effect has happened, in our tables and at WeChat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    orders: usize,
    payments: usize,
    refunds: usize,
    /// At WeChat Pay.
    refunds_made: usize,
    /// In the outbox.
    events: usize,
    /// On the event bus, where an event may come twice.
    published: usize,
    sold: i64,
    /// At WeChat.
    uploads: usize,
    complaint_cases: usize,
}

impl Counts {
    async fn read(world: &World) -> Self {
        let mut published: Vec<Value> =
            world.dynamo().events().iter().map(|event| event["detail"]["eventId"].clone()).collect();
        published.sort_by_key(Value::to_string);
        published.dedup();
        let cases = world.items("CasesTable").await;
        Self {
            orders: world.items("OrdersTable").await.len(),
            payments: world.items("PaymentsTable").await.len(),
            refunds: world.items("RefundsTable").await.len(),
            refunds_made: world.wechat().refunds().len(),
            events: world.items("OutboxTable").await.len(),
            published: published.len(),
            sold: -world.effects().await.stock.unwrap_or_default(),
            uploads: world.wechat().shipments().iter().map(|entry| usize::from(entry.finish_count)).sum(),
            complaint_cases: cases.iter().filter(|case| case["kind"]["S"] == "COMPLAINT").count(),
        }
    }

    /// These and `times` as many as `each`.
    fn plus(self, each: Self, times: usize) -> Self {
        Self {
            orders: self.orders + each.orders * times,
            payments: self.payments + each.payments * times,
            refunds: self.refunds + each.refunds * times,
            refunds_made: self.refunds_made + each.refunds_made * times,
            events: self.events + each.events * times,
            published: self.published + each.published * times,
            sold: self.sold + each.sold * i64::try_from(times).expect("a count"),
            uploads: self.uploads + each.uploads * times,
            complaint_cases: self.complaint_cases + each.complaint_cases * times,
        }
    }
}

/// The kill of one call. Says how to repeat it if the test fails.
struct Kill<'w> {
    world: &'w World,
    folder: &'w str,
    polls: u64,
}

impl Kill<'_> {
    /// Kills the next call of the function.
    fn plan(&self) {
        self.world.bundle().kill_next_call(self.folder, NonZeroU64::new(self.polls).expect("from 1 on"));
    }

    /// An idempotency key of this kill's own.
    fn key(&self) -> String {
        format!("kill-{}", self.polls)
    }
}

impl Drop for Kill<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { folder, polls, .. } = self;
            println!("{folder} was killed at its await {polls}; CHAOS_KILL_AT={polls} repeats that alone");
        }
    }
}

/// Plays the scene with a kill of the function at each of its awaits, the last one at its end. After each scene the effects are there
/// once more.
async fn at_every_await(world: &World, folder: &str, each: Counts, scene: impl AsyncFn(&Kill<'_>)) {
    let before = Counts::read(world).await;
    let mut polls = number_of("CHAOS_KILL_AT").unwrap_or(1);
    for played in 1.. {
        let kill = Kill { world, folder, polls };
        scene(&kill).await;
        come_to_rest(world, before.plus(each, played)).await;
        let killed = world.bundle().take_kill(folder).expect("the function was called");
        if killed == KilledAt::End {
            println!("{folder}: {} awaits", polls - 1);
        }
        if killed == KilledAt::End || number_of("CHAOS_KILL_AT").is_some() {
            return;
        }
        polls += if polls < 12 { 1 } else { number_of("CHAOS_KILL_STEP").unwrap_or(5) };
    }
}

/// Notices, streams and schedules run until the effects are those, and fail the test if that never comes.
async fn come_to_rest(world: &World, expected: Counts) {
    for _ in 0..MAX_ROUNDS {
        world.wechat().wait_for_notices().await;
        let _ = world.deliver_events().await;
        if Counts::read(world).await == expected && world.effects().await.pending == 0 {
            return;
        }
        world.clock.advance(Duration::from_secs(150));
        let _ = world.sweep().await;
        world.bundle().run_task("order-events").await.expect("a run");
    }
    assert_eq!((Counts::read(world).await, world.effects().await.pending), (expected, 0));
}

/// A world whose product is counted, so that the rest shows how many pieces were sold.
async fn counted_world() -> World {
    let world = World::start().with_shipping().with_template("tmpl-paid").await;
    let water = json!({ "name": "矿泉水", "price": 200, "shelf": "sale", "stock": 1000 });
    world.operator("PUT", "/api/admin/products/water", &water).await.ok();
    world
}

/// An order that is paid, of which everything was done.
async fn buy_at_rest(world: &World, phone: &Phone<'_>) -> (String, String) {
    let bought = phone.buy().await;
    world.deliver_events().await;
    bought
}

async fn staff(world: &World) -> Phone<'_> {
    let phone = world.user().await;
    let path = format!("/api/admin/users/{}/role", phone.get("/api/user").await.ok().text("/user/userId"));
    world.operator("PUT", &path, &json!({ "role": "staff" })).await.ok();
    phone
}

const BOUGHT: Counts = Counts {
    orders: 1,
    payments: 1,
    events: 1,
    published: 1,
    sold: 1,
    refunds: 0,
    refunds_made: 0,
    uploads: 0,
    complaint_cases: 0,
};

#[tokio::test]
async fn a_killed_order_is_placed_once() {
    let world = counted_world().await;
    let phone = world.user().await;
    at_every_await(&world, "order", BOUGHT, async |kill| {
        let body = json!({ "productId": "water", "quantity": 1 });
        kill.plan();
        let _ = phone.post_once("/api/orders", &body, &kill.key()).await;
        let order = phone.post_once("/api/orders", &body, &kill.key()).await.ok();
        phone.pay(&phone.prepay(&order.text("/outTradeNo")).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_killed_prepayment_can_be_paid_once() {
    let world = counted_world().await;
    let phone = world.user().await;
    at_every_await(&world, "unified-order", BOUGHT, async |kill| {
        let (_, out_trade_no) = phone.order().await;
        kill.plan();
        let _ = phone.try_prepay(&out_trade_no).await;
        phone.pay(&phone.prepay(&out_trade_no).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_killed_payment_notice_has_its_effects_once() {
    let world = counted_world().await;
    let phone = world.user().await;
    at_every_await(&world, "pay-notify", BOUGHT, async |kill| {
        kill.plan();
        let (order_id, _) = phone.buy().await;
        assert_eq!(phone.status(&order_id).await, "PAID");
    })
    .await;
}

#[tokio::test]
async fn a_killed_paid_event_has_its_effects_once() {
    let world = counted_world().await;
    at_every_await(&world, "order-events", BOUGHT, async |kill| {
        let phone = world.user().await;
        phone.accept_messages("tmpl-paid", 1).await;
        phone.buy().await;
        kill.plan();
    })
    .await;
    let effects = world.effects().await;
    let orders = world.items("OrdersTable").await.len();
    assert!(effects.messages <= effects.send_calls && effects.send_calls <= orders, "{effects:?}");
    assert!(effects.messages > 0, "{effects:?}");
}

#[tokio::test]
async fn a_killed_shipping_is_entered_once() {
    let world = counted_world().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let shipped = Counts { events: 2, published: 2, uploads: 1, ..BOUGHT };
    at_every_await(&world, "shipping", shipped, async |kill| {
        let (order_id, _) = buy_at_rest(&world, &phone).await;
        kill.plan();
        let _ = ship(&clerk, &order_id).await;
        ship(&clerk, &order_id).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_killed_upload_of_a_shipping_is_made_once() {
    let world = counted_world().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let shipped = Counts { events: 2, published: 2, uploads: 1, ..BOUGHT };
    at_every_await(&world, "order-events", shipped, async |kill| {
        let (order_id, _) = buy_at_rest(&world, &phone).await;
        // WeChat's shipping knows the payment by then.
        world.clock.advance(Duration::from_secs(61));
        ship(&clerk, &order_id).await.ok();
        kill.plan();
    })
    .await;
}

async fn ship(clerk: &Phone<'_>, order_id: &str) -> e2e::Response {
    let parcel =
        json!({ "trackingNo": format!("YT{order_id}"), "expressCompany": "YTO", "itemDesc": "矿泉水" });
    let body = json!({ "logisticsType": 1, "packages": [parcel] });
    clerk.post(&format!("/api/orders/{order_id}/ship"), &body).await
}

#[tokio::test]
async fn a_killed_refund_is_made_once() {
    for config in ["", "[merchant]\napi = \"v3\""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        at_every_await(&world, "refund", refunded(), async |kill| {
            let (_, out_trade_no) = buy_at_rest(&world, &phone).await;
            let body = json!({ "outTradeNo": out_trade_no });
            kill.plan();
            let _ = world.try_request_refund(&body, &kill.key()).await;
            world.request_refund(&body, &kill.key()).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_killed_refund_notice_has_its_effects_once() {
    for config in ["", "[merchant]\napi = \"v3\""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        at_every_await(&world, "refund-notify", refunded(), async |kill| {
            let (order_id, out_trade_no) = buy_at_rest(&world, &phone).await;
            kill.plan();
            world.request_refund(&json!({ "outTradeNo": out_trade_no }), &kill.key()).await;
            assert_eq!(phone.status(&order_id).await, "REFUNDED");
        })
        .await;
    }
}

/// An order of an uncounted product that is paid and refunded.
fn refunded() -> Counts {
    Counts { refunds: 1, refunds_made: 1, events: 2, published: 2, sold: 0, ..BOUGHT }
}

#[tokio::test]
async fn a_killed_sweep_finds_a_payment_once() {
    let world = counted_world().await;
    let phone = world.user().await;
    at_every_await(&world, "order-sweep", BOUGHT, async |kill| {
        let (order_id, _) = phone.buy_unnoticed().await;
        world.clock.advance(Duration::from_secs(150));
        kill.plan();
        let _ = world.bundle().run_task("order-sweep").await;
        let _ = world.sweep().await;
        for _ in 0..MAX_ROUNDS {
            if phone.status(&order_id).await == "PAID" {
                return;
            }
            world.clock.advance(Duration::from_secs(150));
            let _ = world.sweep().await;
        }
        panic!("the payment was not found");
    })
    .await;
}

#[tokio::test]
async fn a_killed_sweep_closes_an_order_once() {
    let world = counted_world().await;
    let phone = world.user().await;
    let closed = Counts { orders: 1, events: 1, published: 1, ..Counts::default() };
    at_every_await(&world, "order-sweep", closed, async |kill| {
        let (_, out_trade_no) = phone.order().await;
        phone.prepay(&out_trade_no).await;
        world.clock.advance(Duration::from_secs(3 * 60 * 60));
        kill.plan();
        let _ = world.bundle().run_task("order-sweep").await;
    })
    .await;
}

#[tokio::test]
async fn a_killed_notice_of_a_complaint_opens_one_case() {
    let world = World::start().await;
    let phone = world.user().await;
    let bought = Counts { sold: 0, ..BOUGHT };
    at_every_await(&world, "complaint", Counts { complaint_cases: 1, ..bought }, async |kill| {
        let (_, out_trade_no) = buy_at_rest(&world, &phone).await;
        kill.plan();
        complain(&world, &out_trade_no).await;
    })
    .await;
}

/// A case without its complaint would stay open: the next call may find that the complaint has ended, and closes no case then.
#[tokio::test]
async fn a_killed_look_at_a_complaint_stores_it_with_its_case_or_not() {
    let world = World::start().await;
    let phone = world.user().await;
    for polls in 1.. {
        let (_, out_trade_no) = buy_at_rest(&world, &phone).await;
        world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        let path = format!("/api/admin/complaints/{}", complain(&world, &out_trade_no).await);
        let kill = Kill { world: &world, folder: "complaint", polls };
        kill.plan();
        let _ = world.operator("GET", &path, &json!({})).await;
        let complaints = world.items("ComplaintsTable").await.len();
        assert_eq!(world.items("CasesTable").await.len(), complaints);
        if world.bundle().take_kill("complaint").expect("the function was called") == KilledAt::End {
            assert!(polls > 3 && complaints > 0, "{polls} awaits, {complaints} complaints");
            return;
        }
    }
}

#[tokio::test]
async fn a_killed_refund_of_a_complaint_is_made_once() {
    let world = World::start().await;
    let phone = world.user().await;
    at_every_await(&world, "complaint", Counts { complaint_cases: 1, ..refunded() }, async |kill| {
        let (_, out_trade_no) = buy_at_rest(&world, &phone).await;
        let path = format!("/api/admin/complaints/{}/refund", complain(&world, &out_trade_no).await);
        kill.plan();
        let _ = world.operator("POST", &path, &json!({})).await;
        world.operator("POST", &path, &json!({})).await.ok();
    })
    .await;
}

async fn complain(world: &World, out_trade_no: &str) -> String {
    let made = json!({ "out_trade_no": out_trade_no });
    let complaint = world.control("POST", "complaints", &made).await;
    world.wechat().wait_for_notices().await;
    complaint.text("/complaint_id")
}

const MAX_ROUNDS: usize = 40;
