//! `DELETE /api/user`: the person goes, from every table and from the bucket, and what the shop accounts for stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use e2e::{Phone, World};
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::card::{CASH, CUSTOM, MEMBER, clerk, have, offer, verify};

pub(crate) const PATH: &str = "/api/user";

/// The stream's run, which makes the first pass.
pub(crate) async fn first_pass(world: &World) {
    world.bundle().drain_stream("push-events").await.expect("the stream is delivered");
}

/// The schedule's run after everything that was under way has ended: its report.
pub(crate) async fn last_pass(world: &World) -> Value {
    world.clock.advance(Duration::from_secs(16 * 60));
    world.bundle().run_task("push-events").await.expect("a run")
}

async fn user_id(phone: &Phone<'_>) -> String {
    phone.get(PATH).await.ok().text("/user/userId")
}

/// The keys in the bucket.
fn uploaded(world: &World) -> Vec<String> {
    let bucket = world.bundle().stack().bucket("UploadsBucket").expect("a bucket");
    world.bundle().s3().objects(&bucket.name).into_iter().map(|object| object.key).collect()
}

/// Uploads a picture with a form of ours.
async fn upload(phone: &Phone<'_>, form: &Value) {
    let file = json!({ "url": form["url"], "formData": form["fields"], "name": "file",
                       "filePath": "wxfile://tmp_1.jpg", "fileContent": STANDARD.encode([0xff, 0xd8, 0xff]) });
    assert_eq!(phone.wx("uploadFile", file).await.json()["statusCode"], 201);
}

async fn picture_form(phone: &Phone<'_>) -> Value {
    let picture = json!({ "kind": "image", "contentType": "image/jpeg", "size": 3 });
    phone.post("/api/uploads", &picture).await.ok().json()
}

/// All rows, by table.
pub(crate) async fn tables(world: &World) -> BTreeMap<String, Vec<Value>> {
    let mut tables = BTreeMap::new();
    for table in &world.bundle().stack().tables {
        tables.insert(table.logical_id.clone(), world.items(&table.logical_id).await);
    }
    tables
}

/// Everything the phone sends to prove that its user filled in the form of a member card.
pub(crate) async fn fill_in_member_card(phone: &Phone<'_>) -> Value {
    let path = format!("/api/cards/member/activation?cardId={MEMBER}");
    let answer = phone.get(&path).await.ok().json();
    let to = json!({ "appId": answer["appId"], "extraData": answer["extraData"] });
    let back = phone.wx("navigateToMiniProgram", to).await.json()["extraData"].clone();
    json!({ "activateTicket": back["activate_ticket"], "cardId": back["card_id"], "code": back["code"] })
}

pub(crate) async fn signed_challenge(phone: &Phone<'_>) -> Value {
    let issued = phone.post("/api/soter/challenge", &json!({ "purpose": "pay" })).await.ok();
    let arguments = json!({ "requestAuthModes": ["fingerPrint"], "challenge": issued.text("/challenge") });
    let touched = phone.wx("startSoterAuthentication", arguments).await.json();
    json!({ "resultJSON": touched["resultJSON"], "resultJSONSignature": touched["resultJSONSignature"] })
}

async fn push_consent(world: &World, phone: &Phone<'_>) {
    let entry = json!({ "TemplateId": "pushed", "SubscribeStatusString": "accept", "PopupScene": "0" });
    world.wechat().push(&phone.openid, json!({ "Event": "subscribe_msg_popup_event", "List": entry }));
    world.wechat().wait_for_notices().await;
}

pub(crate) async fn profile_body(phone: &Phone<'_>) -> Value {
    let info = phone.wx("getUserInfo", json!({})).await.json();
    json!({ "rawData": info["rawData"], "signature": info["signature"],
            "encryptedData": info["encryptedData"], "iv": info["iv"] })
}

/// What stands in tables of one person, and must not after the erasure.
struct Traces {
    user_id: String,
    texts: BTreeSet<String>,
}

/// The user does everything that leaves something of them in a table or in the bucket.
async fn live(world: &World, phone: &Phone<'_>, clerk: &Phone<'_>) -> Traces {
    let user_id = user_id(phone).await;
    let mut texts = BTreeSet::from([phone.openid.clone(), user_id.clone()]);
    let info = phone.post("/api/user/profile", &profile_body(phone).await).await.ok();
    texts.extend(Some(info.text("/userInfo/nickName")).filter(|name| name != "微信用户"));
    let name = format!("{} 的名字", user_id.get(..9).expect("an id"));
    let avatar = phone.upload("avatar", "image/jpeg", b"\xff\xd8\xff").await["objectKey"].clone();
    phone.put("/api/user/profile", &json!({ "nickName": name, "avatarKey": avatar })).await.ok();
    texts.insert(name);
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    let number = phone.post("/api/decrypt-phone", &json!({ "code": tapped["code"] })).await.ok();
    texts.insert(number.text("/phoneNumber"));
    let steps = phone.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    phone.post("/api/werun/decrypt", &steps).await.ok();
    // The members of one group see each other.
    phone.wx("shareToGroup", json!({ "group": "g" })).await;
    let group = phone.wx("getGroupEnterInfo", json!({})).await.json();
    let group = json!({ "encryptedData": group["encryptedData"], "iv": group["iv"] });
    phone.post("/api/share/group", &group).await.ok();
    // A card that is consumed, one that is not, an offer, and a member card.
    let consumed = have(phone, CASH).await;
    verify(clerk, &consumed).await.ok();
    texts.insert(have(phone, CUSTOM).await);
    let offered: Value =
        serde_json::from_str(offer(phone, CUSTOM).await["cardExt"].as_str().expect("a text")).expect("JSON");
    texts.insert(offered["code"].as_str().expect("a code").to_owned());
    let member = fill_in_member_card(phone).await;
    texts.insert(member["code"].as_str().expect("a code").to_owned());
    let number = phone.post("/api/cards/member/activate", &member).await.ok();
    texts.insert(number.text("/membershipNumber"));
    phone.accept_messages("paid", 2).await;
    push_consent(world, phone).await;
    first_pass(world).await;
    let proof = signed_challenge(phone).await;
    phone.post("/api/verify-fingerprint", &proof).await.ok();
    let waiting = phone.post("/api/soter/challenge", &json!({ "purpose": "pay" })).await.ok();
    texts.insert(waiting.text("/challenge"));
    let form = picture_form(phone).await;
    upload(phone, &form).await;
    let check = json!({ "objectKey": form["objectKey"], "mediaType": "image", "scene": 2 });
    phone.post("/api/security/media", &check).await.ok();
    let water = json!({ "productId": "water", "quantity": 1 });
    let address = json!({ "userName": "张三", "telNumber": "1", "provinceName": "广东省", "cityName": "广州市",
                          "countyName": "海珠区", "detailInfo": "1号" });
    let shipped = json!({ "productId": "water", "quantity": 1, "address": address });
    phone.post_once("/api/orders", &water, "once").await.ok();
    phone.post("/api/orders", &shipped).await.ok();
    let (paid, _) = phone.buy().await;
    let reason = format!("{} 不想要了", user_id.get(..9).expect("an id"));
    let asked = json!({ "reason": reason });
    phone.post(&format!("/api/orders/{paid}/refund-request"), &asked).await.ok();
    texts.insert(reason);
    let message = json!({ "openid": phone.openid, "msgtype": "text", "text": { "content": "您好" } });
    phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "在吗" })).await;
    world.wechat().wait_for_notices().await;
    first_pass(world).await;
    world.operator_once("POST", "/api/admin/messages", &message, &user_id).await.ok();
    let (_, out_trade_no) = phone.order().await;
    let description = format!("给 {} 的礼物", user_id.get(..9).expect("an id"));
    let described = json!({ "outTradeNo": out_trade_no, "body": description });
    phone.post("/api/pay/unified-order", &described).await.ok();
    texts.insert(description);
    world.deliver_events().await;
    Traces { user_id, texts }
}

/// Tables in which nothing names a user, and why.
const WITHOUT_PEOPLE: [(&str, &str); 12] = [
    ("BillsTable", "sums of days"),
    ("BoardsTable", "rules of rankings"),
    ("CasesTable", "numbers of orders and payments"),
    ("ComplaintsTable", "numbers and deadlines; WeChat Pay keeps the rest"),
    ("InboxTable", "sealed until it is done, and removed then; looked at below"),
    ("LeasesTable", "leases of tokens"),
    ("OutboxTable", "numbers of orders and payments"),
    ("PlatformCertificatesTable", "WeChat Pay's own"),
    ("ProductsTable", "the catalogue"),
    ("RefundsTable", "numbers of orders and payments"),
    ("SharesTable", "counts, and marks of visitors that lead to nobody"),
    ("TokensTable", "the mini program's own"),
];

/// Which tables have a row with one of the texts, and the rows themselves.
fn found(tables: &BTreeMap<String, Vec<Value>>, texts: &BTreeSet<String>) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::new();
    for (name, rows) in tables {
        let with = |row: &&Value| texts.iter().any(|text| row.to_string().contains(text.as_str()));
        let rows: Vec<Value> = rows.iter().filter(with).cloned().collect();
        if !rows.is_empty() {
            found.insert(name.clone(), rows);
        }
    }
    found
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_in_any_table_or_in_the_bucket() {
    let world = World::start().await;
    let clerk = clerk(&world).await;
    let erased = world.wechat().create_user(local_wechat::NewUser {
        nick_name: Some("一个要被忘记的人".to_owned()),
        unionid: Some("union-of-the-erased".to_owned()),
        ..Default::default()
    });
    let mut phone = world.phone(&erased.openid);
    phone.log_in().await;
    // A second openid of the same person, and another user who is found to be the same person.
    let mut second = world.person(Some("union-of-the-erased"));
    second.log_in().await;
    let mut other = world.user().await;
    world.wechat().create_user(local_wechat::NewUser {
        openid: Some(other.openid.clone()),
        unionid: Some("union-of-the-erased".to_owned()),
        ..Default::default()
    });
    other.log_in().await;
    let bystander = live(&world, &other, &clerk).await;
    let mut traces = live(&world, &phone, &clerk).await;
    traces.texts.extend([second.openid.clone(), "union-of-the-erased".to_owned()]);
    // Two users with one unionid: the other one has it too, in a session.
    let of_the_other = |row: &Value| row.to_string().contains(&other.openid);

    let before = tables(&world).await;
    let named = found(&before, &traces.texts);
    for table in before.keys() {
        let expected = !WITHOUT_PEOPLE.iter().any(|(name, _)| name == table);
        assert_eq!(named.contains_key(table), expected, "{table}: a person is in it, or it has no people");
    }
    assert!(uploaded(&world).iter().any(|key| key.contains(&traces.user_id)));
    let of_bystander = found(&before, &bystander.texts);

    let answer = phone.delete(PATH).await.ok();
    assert_eq!(answer.json(), json!({ "success": true }));
    first_pass(&world).await;
    let reports = last_pass(&world).await;
    assert_eq!((&reports["completed"], &reports["failed"]), (&json!(1), &json!(0)), "{reports}");

    let after = tables(&world).await;
    let mut left = found(&after, &traces.texts);
    let tombstones = left.remove("UsersTable").unwrap_or_default();
    let keys: Vec<Vec<&String>> =
        tombstones.iter().map(|row| row.as_object().expect("a row").keys().collect()).collect();
    assert_eq!(keys, [["erased_at", "id"]], "the id, so that it is never used again: {tombstones:?}");
    if let Some(sessions) = left.get_mut("SessionsTable") {
        sessions.retain(|row| !of_the_other(row));
    }
    left.retain(|_, rows| !rows.is_empty());
    assert_eq!(left, BTreeMap::new(), "something of the person is left");
    let keys = uploaded(&world);
    assert!(!keys.iter().any(|key| key.contains(&traces.user_id)), "{keys:?}");
    assert!(keys.iter().any(|key| key.contains(&bystander.user_id)), "the other user's stay");
    for row in &after["InboxTable"] {
        assert!(row.get("message").is_none() && row.get("pending_shard").is_none(), "{row}");
    }
    let nobody_s: Vec<_> = after["OrdersTable"].iter().filter(|row| row.get("user_id").is_none()).collect();
    assert_eq!(nobody_s.len(), 4);
    for order in nobody_s {
        assert!(order.get("details").is_none(), "what is sealed goes as well: {order}");
        let ip = order.pointer("/terms/M/client_ip/S").and_then(Value::as_str).unwrap_or_default();
        assert_eq!(ip, "", "{order}");
    }
    // Orders and receipts stay, as many as before.
    for table in ["OrdersTable", "PaymentsTable", "RefundsTable", "OutboxTable"] {
        assert_eq!(after[table].len(), before[table].len(), "{table}");
    }
    // What is another user's is as it was, but for the record that the two are one person.
    let mut still = found(&after, &bystander.texts);
    for rows in still.values_mut().chain(of_bystander.clone().values_mut()) {
        rows.sort_by_key(Value::to_string);
    }
    for (table, rows) in &of_bystander {
        if table != "UsersTable" {
            assert_eq!(still[table].len(), rows.len(), "{table}");
        }
    }
    let merges = after["UsersTable"].iter().filter(|row| row.to_string().contains("merge#"));
    assert_eq!(merges.count(), 0);
    assert_eq!(
        second.get(PATH).await.outcome(),
        "401 UNAUTHORIZED",
        "the other openid is signed out as well"
    );
    other.get(PATH).await.ok();
}

#[tokio::test]
async fn the_bus_names_an_erased_user_by_id_and_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = user_id(&phone).await;
    phone.delete(PATH).await.ok();
    first_pass(&world).await;
    assert!(world.dynamo().events().is_empty(), "something can still come");
    last_pass(&world).await;
    let events = world.dynamo().events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["source"], "mini-program.users");
    assert_eq!(events[0]["detail-type"], "user.erased");
    let detail = &events[0]["detail"];
    assert_eq!((&detail["userId"], &detail["event"]), (&json!(id), &json!("user.erased")));
    assert_eq!(detail["eventId"], format!("user.erased#{id}"));
    assert!(!events[0].to_string().contains(&phone.openid));
}

#[tokio::test]
async fn an_erasure_that_is_asked_for_again_happens_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let (one, two) = tokio::join!(phone.delete(PATH), phone.delete(PATH));
    one.ok();
    two.ok();
    phone.delete(PATH).await.ok();
    assert_eq!(world.items("InboxTable").await.len(), 1);
    first_pass(&world).await;
    last_pass(&world).await;
    phone.delete(PATH).await.ok();
    assert_eq!(world.items("InboxTable").await.len(), 1);
    assert_eq!(world.dynamo().events().len(), 1);
    assert_eq!(
        world.request("DELETE", PATH).send().await.expect("an answer").status(),
        401,
        "without a token"
    );
}

#[tokio::test]
async fn an_erasure_whose_answer_from_dynamodb_is_lost_is_answered_all_the_same() {
    let world = World::start().await;
    for kind in [FaultKind::TimeoutAfter, FaultKind::TimeoutBefore, FaultKind::TransactionConflict] {
        let phone = world.user().await;
        let before = world.items("InboxTable").await.len();
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("UserFunction".to_owned()),
            operation: Some("TransactWriteItems".to_owned()),
            kind,
            times: 1,
        });
        phone.delete(PATH).await.ok();
        assert_eq!(world.items("InboxTable").await.len(), before + 1, "{kind:?}");
        assert_eq!(phone.get(PATH).await.outcome(), "401 UNAUTHORIZED");
    }
}

#[tokio::test]
async fn an_erasure_that_fails_anywhere_is_resumed_by_the_schedule() {
    let world = World::start().await;
    let clerk = clerk(&world).await;
    for (operation, kind) in [
        ("DeleteItem", FaultKind::InternalError),
        ("Query", FaultKind::Throttle),
        ("TransactWriteItems", FaultKind::TimeoutAfter),
        ("PutEvents", FaultKind::FailedEntries),
    ] {
        let phone = world.user().await;
        let traces = live(&world, &phone, &clerk).await;
        phone.delete(PATH).await.ok();
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("PushEventsFunction".to_owned()),
            operation: Some(operation.to_owned()),
            kind,
            times: 40,
        });
        first_pass(&world).await;
        last_pass(&world).await;
        world.dynamo().clear_faults();
        let report = last_pass(&world).await;
        assert_eq!(
            (&report["failed"], &report["deferred"]),
            (&json!(0), &json!(0)),
            "{operation}: {report} {}",
            world.log().lines().rfind(|line| line.contains("step failed")).unwrap_or_default()
        );
        let mut left = found(&tables(&world).await, &traces.texts);
        left.remove("UsersTable");
        assert_eq!(left, BTreeMap::new(), "{operation}");
    }
}

#[tokio::test]
async fn a_late_write_of_a_request_under_way_goes_with_the_last_pass() {
    let world = World::start().await;
    let phone = world.user().await;
    let id = user_id(&phone).await;
    let form = picture_form(&phone).await;
    phone.order().await;
    let (late_order, _) = phone.order().await;
    let rows = world.items("OrdersTable").await;
    let late = rows.into_iter().find(|row| row["order_id"]["S"] == late_order.as_str()).expect("the order");
    phone.delete(PATH).await.ok();
    first_pass(&world).await;
    // A form from before is used, and requests that had looked at the session before it went.
    upload(&phone, &form).await;
    world.put_item("OrdersTable", late).await;
    world.put_item("StepsTable", json!({ "user_id": { "S": id } })).await;
    let subscription = json!({ "openid": { "S": phone.openid }, "template_id": { "S": "late" },
        "remaining": { "N": "1" }, "updated_at": { "N": (world.now() + 5).to_string() } });
    world.put_item("SubscriptionsTable", subscription).await;
    let report = world.bundle().run_task("push-events").await.expect("a run");
    assert_eq!(report["completed"], 0, "the row is too young for the schedule: {report}");
    world.clock.advance(Duration::from_secs(5 * 60));
    let report = world.bundle().run_task("push-events").await.expect("a run");
    assert_eq!((&report["deferred"], &report["oldestAgeSeconds"]), (&json!(1), &json!(0)), "{report}");
    last_pass(&world).await;
    assert_eq!(uploaded(&world), [""; 0]);
    let mut left = found(&tables(&world).await, &[id, phone.openid.clone()].into());
    left.remove("UsersTable");
    assert_eq!(left, BTreeMap::new());
}

#[tokio::test]
async fn a_login_after_an_erasure_makes_a_new_user_who_keeps_what_is_new() {
    let world = World::start().await;
    let mut phone = world.person(Some("union-of-who-returns"));
    phone.log_in().await;
    let (old_id, old_token) = (user_id(&phone).await, phone.token.clone());
    phone.buy().await;
    phone.accept_messages("old", 1).await;
    phone.delete(PATH).await.ok();
    world.clock.advance(Duration::from_secs(10));
    let login = phone.log_in().await;
    assert_eq!(login.text("/isNewUser"), "true");
    let new_id = login.text("/userId");
    assert_ne!(new_id, old_id);
    assert_eq!(phone.get("/api/orders").await.ok().json()["orders"], json!([]));
    phone.accept_messages("new", 1).await;
    let (order_id, _) = phone.buy().await;
    first_pass(&world).await;
    last_pass(&world).await;
    phone.log_in().await;
    assert_eq!(user_id(&phone).await, new_id, "the next login is the same new user");
    let known = phone.get("/api/subscribe").await.ok().json();
    assert_eq!(known["subscriptions"], json!([{ "templateId": "new", "remaining": 1 }]));
    assert_eq!(phone.status(&order_id).await, "PAID");
    let before = phone.token.clone();
    phone.token = old_token;
    assert_eq!(phone.get(PATH).await.outcome(), "401 UNAUTHORIZED", "the old token is not the new user's");
    assert_eq!(phone.get("/api/orders").await.outcome(), "401 UNAUTHORIZED");
    phone.delete(PATH).await.ok();
    phone.token = before;
    phone.get(PATH).await.ok();
    // And again: no id is used twice.
    phone.delete(PATH).await.ok();
    let third = phone.log_in().await.text("/userId");
    assert!(third != new_id && third != old_id);
}

#[tokio::test]
async fn an_unpaid_order_is_paid_and_given_back_after_the_erasure() {
    for by_notice in [true, false] {
        let world = World::start().with_template("tmpl-paid").await;
        let phone = world.user().await;
        phone.accept_messages("tmpl-paid", 1).await;
        let (order_id, out_trade_no) = phone.order().await;
        let prepaid = phone.prepay(&out_trade_no).await;
        phone.delete(PATH).await.ok();
        first_pass(&world).await;
        if !by_notice {
            world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        }
        phone.pay(&prepaid).await;
        world.wechat().wait_for_notices().await;
        world.clock.advance(Duration::from_secs(40));
        world.sweep().await;
        let rows = world.items("OrdersTable").await;
        let order = rows.iter().find(|row| row["order_id"]["S"] == order_id.as_str()).expect("the order");
        assert_eq!(order["status"]["S"], "PAID", "{order}");
        world.deliver_events().await;
        let effects = world.effects().await;
        assert_eq!((effects.send_calls, effects.pending), (0, 0), "no message, and nothing that waits");
        let refund = world.request_refund(&json!({ "outTradeNo": out_trade_no }), "k").await;
        assert_eq!(refund.text("/refund/status"), "PROCESSING");
        world.deliver_events().await;
        last_pass(&world).await;
        let mut left = found(&tables(&world).await, &BTreeSet::from([phone.openid.clone()]));
        left.remove("UsersTable");
        assert_eq!(left, BTreeMap::new(), "nothing brings the person back");
        let log = world.log();
        assert!(!log.contains("PAYMENT_MISMATCH"), "{log}");
        // The bill of the day agrees with the receipt, which names nobody.
        world.clock.advance(Duration::from_secs(36 * 60 * 60));
        let report = world.bundle().run_task("reconcile").await.expect("a run");
        assert_eq!(world.items("CasesTable").await, [Value::Null; 0], "{report}");
    }
}

#[tokio::test]
async fn an_event_of_an_order_finds_no_user_after_the_erasure() {
    let world = World::start().with_template("tmpl-paid").await;
    let phone = world.user().await;
    phone.accept_messages("tmpl-paid", 1).await;
    phone.buy().await;
    phone.delete(PATH).await.ok();
    first_pass(&world).await;
    world.deliver_events().await;
    let effects = world.effects().await;
    assert_eq!((effects.published, effects.send_calls, effects.pending), (1, 0, 0));
    assert!(!world.dynamo().events()[0].to_string().contains("userId"));
}

#[tokio::test]
async fn a_push_about_an_openid_without_a_session_leaves_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.delete(PATH).await.ok();
    push_consent(&world, &phone).await;
    first_pass(&world).await;
    assert!(world.items("SubscriptionsTable").await.is_empty());
    let pending =
        world.items("InboxTable").await.into_iter().filter(|row| row.get("pending_shard").is_some());
    assert_eq!(pending.count(), 1, "the erasure alone waits");
}

#[tokio::test]
async fn a_clerk_who_is_erased_leaves_the_journal_without_a_name() {
    let world = World::start().await;
    let (clerk, phone) = (clerk(&world).await, world.user().await);
    let id = user_id(&clerk).await;
    clerk.post("/api/user/profile", &profile_body(&clerk).await).await.ok();
    let code = have(&phone, CASH).await;
    verify(&clerk, &code).await.ok();
    clerk.delete(PATH).await.ok();
    first_pass(&world).await;
    last_pass(&world).await;
    let mut left = found(&tables(&world).await, &BTreeSet::from([id, clerk.openid.clone()]));
    left.remove("UsersTable");
    assert_eq!(left, BTreeMap::new());
    let another = crate::card::clerk(&world).await;
    let again = verify(&another, &code).await;
    assert_eq!(again.outcome(), "409 ALREADY_CONSUMED");
    assert!(again.text("/message").contains("由 店员erased 核销"), "{}", again.body);
}
