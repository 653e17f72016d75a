//! The timeline of the local world, its clock, its operator calls, and who may use them.

use std::time::Duration;

use e2e::{Phone, World};
use serde_json::{Value, json};
use shared::types::{Day, UnixSeconds};

/// The events so far, as a script reads them.
async fn events(world: &World) -> Vec<Value> {
    let mut answer = control(world, "GET", "timeline.json", Value::Null).await;
    answer["events"].as_array_mut().map(std::mem::take).expect("events")
}

/// The answer to a request at `/_wechat/…`, which must succeed.
async fn control(world: &World, method: &str, path: &str, body: Value) -> Value {
    let answer = world.control(method, path, &body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    answer.json()
}

async fn advance(world: &World, seconds: u64) -> Value {
    control(world, "POST", "clock", json!({ "advanceSeconds": seconds })).await
}

fn is_about(event: &Value, id: &str) -> bool {
    event["about"].as_array().expect("a list").iter().any(|one| one == id)
}

/// The first event of this kind that has these members.
fn find<'e>(events: &'e [Value], kind: &str, members: &Value) -> &'e Value {
    let members = members.as_object().expect("members");
    let has =
        |event: &Value| event["kind"] == kind && members.iter().all(|(name, value)| event[name] == *value);
    let found = events.iter().find(|event| has(event));
    assert!(found.is_some(), "no {kind} with {members:?}");
    found.expect("an event")
}

/// The transaction of a payment, as WeChat Pay numbers it.
async fn transaction_id(phone: &Phone<'_>, order_id: &str) -> String {
    phone.get(&format!("/api/orders/{order_id}")).await.ok().text("/order/transactionId")
}

#[tokio::test]
async fn a_purchase_is_seen_from_the_phone_to_its_effects() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    world.deliver_events().await;
    let transaction_id = transaction_id(&phone, &order_id).await;
    let events = events(&world).await;

    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().expect("a number")).collect();
    assert!(seqs.iter().copied().eq(1..=*seqs.last().expect("an event")), "{seqs:?}");

    let login = find(&events, "phone", &json!({ "api": "login", "openid": phone.openid }));
    assert!(login["result"]["code"].is_string() && is_about(login, &phone.openid));
    let exchange = find(&events, "wechat", &json!({ "path": "/sns/jscode2session" }));
    assert_eq!((&exchange["function"], &exchange["outcome"]), (&json!("login"), &json!("ok")));

    let placed = find(&events, "request", &json!({ "route": "POST /api/orders" }));
    assert_eq!(placed["requestBody"], json!({ "productId": "water", "quantity": 1 }));
    assert_eq!((&placed["status"], &placed["caller"]), (&json!(200), &json!("user")));
    assert_eq!(placed["requestHeaders"]["authorization"], "Bearer ***");
    assert!(is_about(placed, &order_id) && is_about(placed, &out_trade_no));
    let placed_by =
        json!({ "function": "order", "requestId": placed["requestId"], "operation": "TransactWriteItems" });
    let stored = find(&events, "aws", &placed_by);
    assert_eq!((&stored["service"], &stored["outcome"]), (&json!("dynamodb"), &json!("ok")));
    assert!(stored["tables"].as_array().expect("tables").contains(&json!("OrdersTable")), "{stored}");
    assert!(is_about(stored, &order_id) && stored["items"].as_u64() > Some(1), "{stored}");

    let prepaid = find(&events, "request", &json!({ "route": "POST /api/pay/unified-order" }));
    let asked = find(&events, "wechat", &json!({ "path": "/pay/unifiedorder" }));
    assert_eq!(asked["requestId"], prepaid["requestId"]);
    assert!(is_about(asked, &out_trade_no));

    let charged = find(&events, "phone", &json!({ "api": "requestPayment" }));
    assert_eq!(charged["result"]["errMsg"], "requestPayment:ok");
    let notified = find(&events, "request", &json!({ "route": "POST /api/pay/notify" }));
    assert_eq!(notified["caller"], "anybody");
    assert!(is_about(notified, &order_id) && is_about(notified, &transaction_id));
    let notice = find(&events, "notice", &json!({ "path": "/api/pay/notify", "outcome": "acknowledged" }));
    assert!(is_about(notice, &out_trade_no) && is_about(notice, &transaction_id));

    let delivered = find(&events, "task", &json!({ "function": "order-events", "trigger": "stream" }));
    assert!(delivered["records"].as_u64() > Some(0), "{delivered}");
    let put = json!({ "service": "events", "operation": "PutEvents", "requestId": delivered["requestId"] });
    assert!(is_about(find(&events, "aws", &put), &order_id));
    assert!(is_about(find(&events, "event", &json!({ "detailType": "order.paid" })), &order_id));
}

#[tokio::test]
async fn a_refusal_and_a_fault_are_seen_with_their_names() {
    let world = World::start().await;
    let phone = world.user().await;
    control(&world, "POST", "faults", json!({ "fault": "busy", "path": "/pay/unifiedorder", "times": 9 }))
        .await;
    let (_, out_trade_no) = phone.order().await;
    assert_eq!(phone.try_prepay(&out_trade_no).await.status, 503);
    assert_eq!(phone.wx("requestPayment", json!({ "package": "prepay_id=none" })).await.status, 400);
    let events = events(&world).await;
    let set = find(&events, "control", &json!({ "path": "/_wechat/faults", "status": 200 }));
    assert_eq!((&set["method"], &set["body"]["fault"]), (&json!("POST"), &json!("busy")));
    assert_eq!(find(&events, "wechat", &json!({ "fault": "busy" }))["function"], "unified-order");
    let refused = find(&events, "request", &json!({ "status": 503 }));
    assert_eq!(refused["code"], "UPSTREAM_BUSY");
    let failed = find(&events, "phone", &json!({ "api": "requestPayment" }));
    assert!(failed["error"]["errMsg"].as_str().expect("a message").starts_with("requestPayment:fail"));
}

#[tokio::test]
async fn an_invoked_function_is_seen_as_the_child_of_its_caller() {
    let world = World::start().await;
    let phone = world.user().await;
    let code = phone.post("/api/wxacode/unlimited", &json!({ "scene": "a=1" })).await;
    assert_eq!(code.status, 200);
    let events = events(&world).await;
    let request = find(&events, "request", &json!({ "route": "POST /api/wxacode/unlimited" }));
    assert_eq!(request["responseBody"]["bytes"].as_u64().map(|bytes| bytes > 100), Some(true));
    let broker = find(&events, "task", &json!({ "function": "access-token", "trigger": "invoke" }));
    assert_eq!(broker["parent"], request["requestId"]);
    let token = find(&events, "wechat", &json!({ "path": "/cgi-bin/stable_token" }));
    assert_eq!(token["requestId"], broker["requestId"]);
    let invoked = find(&events, "aws", &json!({ "service": "lambda", "function": "wxacode" }));
    assert_eq!(invoked["operation"], "InvokeFunction");
}

#[tokio::test]
async fn no_secret_is_in_the_timeline() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.buy().await;
    let code = phone.post("/api/wxacode/unlimited", &json!({ "scene": "a=1" })).await;
    assert_eq!(code.status, 200);
    let text = Value::from(events(&world).await).to_string();
    assert!(text.contains(r#""token":"***""#) && text.contains("Bearer ***"));
    assert!(!text.contains(&phone.token));
    for secret in world.wechat().secrets() {
        assert!(!text.contains(&secret), "{secret}");
    }
    // The end of every world searches its timeline likewise.
}

/// Reads the stream of a page that has the events up to `last`, until it has got `until`.
async fn stream(world: &World, last: Option<u64>, until: u64) -> Vec<Value> {
    let mut request = world.request("GET", "/_wechat/timeline");
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, end) = (String::new(), format!("id: {until}\n"));
    while !text.contains(&end) || !text.ends_with("\n\n") {
        let chunk = tokio::time::timeout(Duration::from_secs(20), response.chunk()).await.expect("in time");
        text.push_str(&String::from_utf8_lossy(&chunk.expect("a chunk").expect("no end")));
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

#[tokio::test]
async fn a_stream_begins_with_the_past_and_resumes_after_the_last_event() {
    let world = World::start().await;
    world.user().await;
    let past = events(&world).await;
    let newest = past.last().expect("an event")["seq"].as_u64().expect("a number");
    assert_eq!(stream(&world, None, newest).await, past);
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        control(&world, "DELETE", "faults", Value::Null).await
    };
    let (resumed, _) = futures_util::join!(stream(&world, Some(newest), newest + 1), later);
    assert_eq!(resumed.len(), 1, "{resumed:?}");
    assert_eq!((&resumed[0]["kind"], &resumed[0]["method"]), (&json!("control"), &json!("DELETE")));
}

#[tokio::test]
async fn a_clock_moved_forward_closes_an_expired_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    let before = control(&world, "GET", "clock", Value::Null).await["now"].as_u64().expect("a time");
    let moved = advance(&world, 1800).await;
    assert_eq!(moved["now"], before + 1_800_000);
    assert!(moved["ran"].as_array().expect("names").contains(&json!("order-sweep")), "{moved}");
    assert_eq!(phone.status(&order_id).await, "CLOSED");
    assert_ne!(phone.try_pay(&prepaid).await.status, 200, "WeChat's clock is the same");
    let events = events(&world).await;
    let sweep = find(&events, "task", &json!({ "function": "order-sweep", "trigger": "schedule" }));
    assert_eq!(sweep["report"]["closed"], 1);
    assert_eq!(
        find(&events, "wechat", &json!({ "path": "/pay/closeorder" }))["requestId"],
        sweep["requestId"]
    );
}

#[tokio::test]
async fn a_clock_moved_to_the_next_morning_runs_the_bill_once() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.buy().await;
    let tomorrow = Day::of(UnixSeconds::new(world.now())).after(1).begins().get() + 11 * 3600;
    let moved = advance(&world, tomorrow - world.now()).await;
    let ran: Vec<&str> = moved["ran"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
    let place =
        |name: &str| ran.iter().position(|one| *one == name).unwrap_or_else(|| panic!("{name}: {ran:?}"));
    assert!(place("order-sweep") < place("reconcile"), "in the order of their times: {ran:?}");
    assert_eq!(ran.iter().filter(|one| **one == "reconcile").count(), 1);
    let events = events(&world).await;
    let bill = find(&events, "task", &json!({ "function": "reconcile" }));
    assert_eq!(bill["report"]["days"][0]["state"], "RECONCILED", "{bill}");
}

#[tokio::test]
async fn a_clock_goes_forward_only_and_at_most_40_days() {
    let world = World::start().await;
    for body in [
        json!({}),
        json!({ "advanceSeconds": 0 }),
        json!({ "advanceSeconds": -5 }),
        json!({ "advanceSeconds": 40 * 86_400 + 1 }),
        json!({ "advanceSeconds": 1, "more": 1 }),
    ] {
        assert_eq!(world.control("POST", "clock", &body).await.status, 400, "{body}");
    }
    let now = control(&world, "GET", "clock", Value::Null).await["now"].as_u64();
    assert_eq!(now.map(|now| now / 1000), Some(world.now()));
}

#[tokio::test]
async fn scheduled_functions_are_listed_and_run_on_demand() {
    let world = World::start().await;
    let tasks = control(&world, "GET", "tasks", Value::Null).await;
    let tasks = tasks["tasks"].as_array().expect("a list");
    assert!(tasks.contains(&json!({ "name": "order-sweep", "schedule": "rate(1 minute)" })), "{tasks:?}");
    let report = control(&world, "POST", "tasks/order-sweep", json!({})).await;
    assert_eq!(report["report"]["closed"], 0);
    assert_eq!(world.control("POST", "tasks/login", &json!({})).await.status, 404);
    let events = events(&world).await;
    find(&events, "task", &json!({ "function": "order-sweep", "trigger": "page" }));
}

#[tokio::test]
async fn the_settings_name_the_interface_of_the_payments() {
    for (config, api) in [("", "v2"), ("[merchant]\napi = \"v3\"", "v3")] {
        let world = World::start().with_config(config).await;
        assert_eq!(control(&world, "GET", "settings", Value::Null).await, json!({ "payApi": api }));
    }
}

#[tokio::test]
async fn an_operator_call_is_signed_and_passes_the_whole_gateway() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let refund = json!({ "method": "POST", "path": "/api/admin/refunds", "body": { "outTradeNo": out_trade_no },
        "headers": { "Idempotency-Key": "from-the-page" } });
    let answer = control(&world, "POST", "operator", refund).await;
    assert_eq!(answer["status"], 200, "{answer}");
    let number = answer["body"]["refund"]["outRefundNo"].as_str().expect("a number").to_owned();
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");

    // The page signs by the clock that it has moved, and curl by the machine's.
    advance(&world, 86_400).await;
    let read = json!({ "method": "GET", "path": format!("/api/admin/refunds/{number}") });
    let answer = control(&world, "POST", "operator", read).await;
    assert_eq!((&answer["status"], &answer["body"]["refund"]["status"]), (&json!(200), &json!("SUCCESS")));
    world.operator("GET", &format!("/api/admin/refunds/{number}"), &json!({})).await;

    let events = events(&world).await;
    let asked = find(&events, "request", &json!({ "route": "POST /api/admin/refunds" }));
    assert_eq!((&asked["caller"], &asked["status"]), (&json!("operator"), &json!(200)));
    assert_eq!(asked["requestHeaders"]["authorization"], "AWS4-HMAC-SHA256 ***");
    assert!(is_about(asked, &number) && is_about(asked, &order_id));
}

#[tokio::test]
async fn an_operator_call_of_another_route_is_refused() {
    let world = World::start().await;
    for path in
        ["/api/user", "/api/admin/../user", "/_wechat/log", "http://example.com/api/admin/refunds", ""]
    {
        let answer = world.control("POST", "operator", &json!({ "method": "GET", "path": path })).await;
        assert_eq!(answer.status, 400, "{path}");
    }
    let unknown = json!({ "method": "GET", "path": "/api/admin/none" });
    assert_eq!(control(&world, "POST", "operator", unknown).await["status"], 404);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_everywhere() {
    let world = World::start().await;
    let own = world.url();
    for (method, path) in [
        ("GET", "phone/"),
        ("GET", "timeline"),
        ("GET", "timeline.json"),
        ("POST", "clock"),
        ("POST", "tasks/order-sweep"),
        ("POST", "operator"),
        ("POST", "wx/login"),
        ("POST", "users"),
        ("GET", "log"),
    ] {
        let ask = async |origin: &str| {
            let request = world.request(method, &format!("/_wechat/{path}")).header("origin", origin);
            request.body("{}").send().await.expect("an answer").status().as_u16()
        };
        assert_eq!(ask("https://example.com").await, 403, "{method} {path}");
        assert_eq!(ask("null").await, 403, "{method} {path}");
        assert_ne!(ask(&own).await, 403, "{method} {path}");
    }
}
