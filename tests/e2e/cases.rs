//! `/api/admin/cases…`

use std::time::Duration;

use e2e::World;
use insta::assert_snapshot;
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};

const KINDS: [&str; 5] =
    ["PAYMENT_MISMATCH", "ORDER_DISPUTED", "REFUND_STUCK", "BILL_DIFFERENCE", "OVERSOLD"];

/// A case as the functions open it.
async fn open(world: &World, kind: &str, about: &str, opened_at: u64) {
    let item = json!({
        "case_id": { "S": format!("{kind}-{about}") }, "kind": { "S": kind }, "open_kind": { "S": kind },
        "what": { "S": "more was sold than there was: water" }, "opened_at": { "N": opened_at.to_string() },
    });
    world.put_item("CasesTable", item).await;
}

async fn list(world: &World, query: &str) -> e2e::Response {
    world.operator("GET", &format!("/api/admin/cases?{query}"), &json!({})).await
}

async fn close(world: &World, case_id: &str, body: &Value) -> e2e::Response {
    world.operator("POST", &format!("/api/admin/cases/{case_id}/close"), body).await
}

fn ids(answer: &e2e::Response) -> Vec<String> {
    let cases = answer.json()["cases"].as_array().expect("cases").clone();
    cases.iter().map(|case| case["caseId"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn the_open_cases_of_a_kind_are_listed_the_oldest_first() {
    let world = World::start().await;
    for (about, at) in [("b", 1_700_000_002), ("a", 1_700_000_003), ("c", 1_700_000_001)] {
        open(&world, "OVERSOLD", about, at).await;
    }
    open(&world, "REFUND_STUCK", "r", 1_700_000_000).await;
    let stuck = list(&world, "kind=REFUND_STUCK").await;
    assert_snapshot!(stuck.snapshot(), @r#"200 {"success":true,"cases":[{"caseId":"REFUND_STUCK-r","kind":"REFUND_STUCK","what":"more was sold than there was: water","openedAt":"2023-11-14T22:13:20Z"}]}"#);
    assert_eq!(ids(&list(&world, "kind=OVERSOLD").await.ok()), ["OVERSOLD-c", "OVERSOLD-b", "OVERSOLD-a"]);
    for kind in KINDS {
        list(&world, &format!("kind={kind}")).await.ok();
    }
}

#[tokio::test]
async fn many_cases_are_paged() {
    let world = World::start().await;
    for number in 0..60 {
        open(&world, "OVERSOLD", &format!("{number:02}"), 1_700_000_000 + number).await;
    }
    let first = list(&world, "kind=OVERSOLD").await.ok();
    let cursor = first.text("/cursor");
    let second = list(&world, &format!("kind=OVERSOLD&cursor={cursor}")).await.ok();
    assert_eq!(second.json().get("cursor"), None);
    let all = [ids(&first), ids(&second)].concat();
    let expected: Vec<String> = (0..60).map(|number| format!("OVERSOLD-{number:02}")).collect();
    assert_eq!(all, expected);
    let other = list(&world, &format!("kind=REFUND_STUCK&cursor={cursor}")).await;
    assert_eq!(other.outcome(), "400 INVALID_INPUT", "the cursor is of another kind's list");
}

#[tokio::test]
async fn an_unknown_kind_and_a_malformed_cursor_are_refused() {
    let world = World::start().await;
    for query in ["", "kind=", "kind=oversold", "kind=OTHER"] {
        let answer = list(&world, query).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{query}");
        assert!(KINDS.iter().all(|kind| answer.text("/message").contains(kind)), "{}", answer.body);
    }
    for cursor in ["x", "bm9uc2Vuc2U", "%20"] {
        let answer = list(&world, &format!("kind=OVERSOLD&cursor={cursor}")).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{cursor}");
        assert!(answer.text("/message").contains("cursor"));
    }
}

#[tokio::test]
async fn a_closed_case_leaves_the_list_and_keeps_its_first_note() {
    let world = World::start().await;
    open(&world, "OVERSOLD", "1", 1_700_000_000).await;
    let closed = close(&world, "OVERSOLD-1", &json!({ "note": " 已补货 " })).await.ok();
    assert_eq!(closed.text("/case/note"), "已补货");
    assert_eq!(closed.text("/case/closedBy"), "arn:aws:iam::000000000000:user/local");
    let at = closed.text("/case/closedAt");
    assert!(ids(&list(&world, "kind=OVERSOLD").await.ok()).is_empty());
    world.clock.advance(Duration::from_secs(60));
    let again = close(&world, "OVERSOLD-1", &json!({ "note": "退款" })).await.ok();
    assert_eq!(again.text("/case/note"), "已补货");
    assert_eq!(again.text("/case/closedAt"), at);
    assert_eq!(world.items("CasesTable").await.len(), 1, "a closed case is kept");
}

#[tokio::test]
async fn closing_needs_a_case_that_exists_and_a_note_that_is_not_blank() {
    let world = World::start().await;
    for case_id in ["OVERSOLD-2", "nonsense", &"x".repeat(3000)] {
        assert_eq!(close(&world, case_id, &json!({ "note": "x" })).await.outcome(), "404 NOT_FOUND");
    }
    assert!(world.items("CasesTable").await.is_empty());
    open(&world, "OVERSOLD", "1", 1_700_000_000).await;
    for body in [
        json!({}),
        json!({ "note": " " }),
        json!({ "note": "字".repeat(201) }),
        json!({ "note": 1 }),
        json!({ "note": "x", "by": "me" }),
    ] {
        assert_eq!(close(&world, "OVERSOLD-1", &body).await.outcome(), "400 INVALID_INPUT", "{body}");
    }
    assert_eq!(ids(&list(&world, "kind=OVERSOLD").await.ok()), ["OVERSOLD-1"]);
}

/// A refund that can't reach its user: the `caseId` that the functions opened.
async fn stuck_refund(world: &World) -> String {
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 });
    let body = json!({ "outTradeNo": out_trade_no });
    world.request_refund(&body, "first").await;
    let listed = ids(&list(world, "kind=REFUND_STUCK").await.ok());
    assert_eq!(listed.len(), 1);
    listed.concat()
}

#[tokio::test]
async fn a_case_is_closed_by_a_signer_that_does_not_encode_paths() {
    let world = World::start().await;
    let case_id = stuck_refund(&world).await;
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    assert!(case_id.bytes().all(unreserved), "{case_id}");
    let path = format!("/api/admin/cases/{case_id}/close");
    let closed = world.operator_with_curl("POST", &path, &json!({ "note": "已转账" })).await.ok();
    assert_eq!(closed.text("/case/note"), "已转账");
    let listed = world.operator_with_curl("GET", "/api/admin/cases?kind=REFUND_STUCK", &json!({})).await.ok();
    assert!(ids(&listed).is_empty());
}

#[tokio::test]
async fn a_case_with_a_number_sign_in_its_id_is_listed_paged_and_closed() {
    let world = World::start().await;
    for number in 0..51 {
        open(&world, "OVERSOLD", &format!("{number:02}"), 1_700_000_000 + number).await;
        let old = json!({
            "case_id": { "S": format!("BILL_DIFFERENCE#20260101#FEE#42|{number}") }, "kind": { "S": "BILL_DIFFERENCE" },
            "open_kind": { "S": "BILL_DIFFERENCE" }, "what": { "S": "another fee" },
            "opened_at": { "N": (1_700_000_000 + number).to_string() },
        });
        world.put_item("CasesTable", old).await;
    }
    let first = list(&world, "kind=BILL_DIFFERENCE").await.ok();
    let second = list(&world, &format!("cursor={}&kind=BILL_DIFFERENCE", first.text("/cursor"))).await.ok();
    assert_eq!(ids(&second), ["BILL_DIFFERENCE#20260101#FEE#42|50"]);
    let path = "BILL_DIFFERENCE%2320260101%23FEE%2342%7C50";
    let closed = close(&world, path, &json!({ "note": "ok" })).await.ok();
    assert_eq!(closed.text("/case/caseId"), "BILL_DIFFERENCE#20260101#FEE#42|50");
    let path = format!("/api/admin/cases/{path}/close");
    let with_curl = world.operator_with_curl("POST", &path, &json!({ "note": "ok" })).await;
    assert_eq!(with_curl.status, 403, "the signer does not encode the path as AWS does");
    assert!(world.log().contains("without reserved characters"), "the log says what to do");
}
