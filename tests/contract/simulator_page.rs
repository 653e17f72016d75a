//! `docs/simulator.md` names every API, control and fault of the simulated WeChat, and nothing else.

use std::collections::BTreeSet;

use e2e::World;
use regex_lite::Regex;
use serde_json::{Map, Value, json};

use crate::workspace::{assert_none, differences, quoted, read, rust_files, section, table, with};

const PAGE: &str = "docs/simulator.md";
const SIMULATOR: &str = "infra/local/wechat/src";

async fn send(world: &World, route: &str, body: &Value) -> (u16, Value) {
    let (method, path) = route.split_once(' ').expect("method and path");
    let answer = world.request(method, path).body(body.to_string()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Why the simulator does not take this fault; empty if it does.
async fn refusal(world: &World, fault: &Value) -> String {
    let (_, answer) = send(world, "POST /_wechat/faults", fault).await;
    answer["error"].as_str().unwrap_or_default().to_owned()
}

/// The names in the first column of the page's table below this heading.
fn written(page: &str, heading: &str, first: &str) -> Vec<String> {
    table(section(page, heading), first).iter().flat_map(|row| quoted(&row[0])).collect()
}

/// What the simulator's message lists behind `known` and a colon.
fn known(message: &str, before: &str) -> Vec<String> {
    let (_, list) = message.split_once(before).unwrap_or_else(|| panic!("{message} lists nothing"));
    list.split(", ").map(str::to_owned).collect()
}

/// The routes that code in these folders mounts below `/_wechat`, by method and path.
fn controls(folders: &[&str]) -> Vec<String> {
    let route = Regex::new(r#"\.route\(\s*"(/[^"]+)",\s*((?:\.?[a-z]+\([a-z_:]+\))+)"#).expect("a pattern");
    let method = Regex::new(r"(delete|get|post|put)\(").expect("a pattern");
    let files = folders.iter().flat_map(|folder| rust_files(folder));
    let files = files.filter(|file| !file.contains("/tests/"));
    let mut controls = BTreeSet::new();
    for code in files.map(|file| read(&file)) {
        for found in route.captures_iter(&code) {
            let methods = method.captures_iter(&found[2]).map(|method| method[1].to_uppercase());
            controls.extend(methods.map(|method| format!("{method} /_wechat{}", &found[1])));
        }
    }
    controls.into_iter().collect()
}

/// A value that a field of this name takes.
fn example(fault: &str, field: &str) -> Value {
    match field {
        "path" => json!(match fault {
            "err_code" | "bad_sign" => "/pay/orderquery",
            "json_instead_of_image" | "image_as_text_plain" => "/wxa/getwxacode",
            _ => "/cgi-bin/ticket/getticket",
        }),
        "status" if fault == "http_status" => json!(502),
        "status" => json!("ABNORMAL"),
        "errcode" | "millis" | "seconds" => json!(1),
        "fields" => json!({"Event": "debug_demo"}),
        "suggest" => json!("risky"),
        _ => json!("x"),
    }
}

/// What is wrong with a fault's row: its fields, and which of them may be absent.
async fn row_problems(world: &World, fault: &str, fields: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let (optional, required): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.ends_with('?'));
    let whole: Map<String, Value> =
        required.iter().map(|field| ((*field).clone(), example(fault, field))).collect();
    let body = |fields: &Map<String, Value>| {
        let mut body = fields.clone();
        let _ = body.insert("fault".to_owned(), json!(fault));
        Value::Object(body)
    };
    let refused = refusal(world, &body(&whole)).await;
    if !refused.is_empty() {
        problems.push(format!("{fault} with {required:?}: {refused}"));
    }
    for field in &required {
        let mut without = whole.clone();
        let _ = without.remove(*field);
        if !refusal(world, &body(&without)).await.contains(&format!("missing field `{field}`")) {
            problems.push(format!("{fault} can be without {field}"));
        }
    }
    let mut more = whole.clone();
    let _ = more.insert("none".to_owned(), json!(1));
    let known = quoted(&refusal(world, &body(&more)).await);
    let known: Vec<String> = known.into_iter().filter(|field| field != "none").collect();
    let optional = optional.iter().map(|field| field.trim_end_matches('?').to_owned());
    let written: Vec<String> = required.iter().map(|field| (*field).clone()).chain(optional).collect();
    problems.extend(differences((&format!("the row of {fault}"), &written), ("its fields", &known)));
    problems
}

#[tokio::test]
async fn the_page_names_every_api_of_the_phone_and_of_the_server() {
    let (world, page) = (World::start().await, read(PAGE));
    let (_, unknown) = send(&world, "POST /_wechat/wx/none", &json!({})).await;
    let apis = known(unknown["errMsg"].as_str().expect("a message"), "known: ");
    let phone =
        |page: &str| differences((PAGE, &written(page, "Phone APIs", "wx API")), ("the simulator", &apis));
    assert_none(&phone(&page));
    assert_eq!(phone(&with(&page, "| `openCard` |", "| `openCards` |")).len(), 2);

    let unknown = refusal(&world, &json!({ "fault": "busy", "path": "/none" })).await;
    let paths = known(&unknown, "known paths: ");
    let rows = table(section(&page, "Server APIs"), "of");
    let on_page: Vec<String> = rows.iter().flat_map(|row| quoted(&row[1])).collect();
    assert_none(&differences((PAGE, &on_page), ("the simulator", &paths)));
}

#[tokio::test]
async fn the_page_names_every_control_and_each_is_answered() {
    let (world, page) = (World::start().await, read(PAGE));
    let controls = controls(&[SIMULATOR]);
    assert!(controls.len() > 10, "{controls:?}");
    let problems =
        |page: &str| differences((PAGE, &written(page, "Controls", "control")), ("the simulator", &controls));
    assert_none(&problems(&page));
    assert_eq!(problems(&with(&page, "| `GET /_wechat/log` |", "| `GET /_wechat/logs` |")).len(), 2);
    for route in controls {
        let (status, _) = send(&world, &route.replace("{api}", "login"), &json!({})).await;
        assert!(![403, 404, 405].contains(&status), "{route} is answered with {status}");
    }
}

#[tokio::test]
async fn the_page_names_every_control_of_the_local_world() {
    let (world, page) = (World::start().await, read(PAGE));
    let controls = controls(&["infra/local/gateway/src/controls", "infra/local/phone/src"]);
    let problems = |page: &str| {
        let written = written(page, "The local world", "control");
        differences((PAGE, &written), ("the local world", &controls))
    };
    assert_none(&problems(&page));
    assert_eq!(problems(&with(&page, "| `GET /_wechat/tasks` |", "| `GET /_wechat/task` |")).len(), 2);
    // The stream has no end, so that nobody can wait for its answer.
    for route in controls.iter().filter(|route| *route != "GET /_wechat/timeline") {
        let path = route.replace("{file}", "index.html").replace("{name}", "order-sweep");
        let (status, _) = send(&world, &path, &json!({})).await;
        assert!(![403, 404, 405].contains(&status), "{route} is answered with {status}");
    }
}

#[tokio::test]
async fn the_page_names_every_fault_with_its_fields() {
    let (world, page) = (World::start().await, read(PAGE));
    let unknown = refusal(&world, &json!({ "fault": "none" })).await;
    let faults: Vec<String> = quoted(&unknown).into_iter().filter(|fault| fault != "none").collect();
    assert!(faults.len() > 30, "{unknown}");
    assert_none(&differences((PAGE, &written(&page, "Faults", "fault")), ("Fault", &faults)));
    for row in table(section(&page, "Faults"), "fault") {
        assert_none(&row_problems(&world, &quoted(&row[0]).concat(), &quoted(&row[1])).await);
    }
    for fields in [&["times?"][..], &["path?", "times?"], &["path", "times"], &["path", "times?", "more?"]] {
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        assert!(!row_problems(&world, "busy", &fields).await.is_empty(), "{fields:?}");
    }
}

#[tokio::test]
async fn faults_that_pages_give_as_examples_are_taken() {
    let world = World::start().await;
    let fault = Regex::new(r#"\{"fault":[^}]*\}"#).expect("a pattern");
    let page = read(PAGE);
    let examples: Vec<&str> = fault.find_iter(&page).map(|found| found.as_str()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        assert_eq!(refusal(&world, &serde_json::from_str(example).expect("JSON")).await, "", "{example}");
    }
}
