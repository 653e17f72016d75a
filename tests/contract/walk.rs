//! The commands that are printed for pasting do what they promise, in a real shell.

use std::process::Command;

use e2e::World;
use local_wechat::{Fault, NewComplaint, RefundStatus};
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::workspace::{pages, read};

const RUNBOOK: &str = "infra/deploy/RUNBOOK.md";

/// Whether there is a `curl` with this option. A machine without one can run the rest of the tests.
fn has_curl(option: &str) -> bool {
    let help = Command::new("curl").args(["--help", "all"]).output();
    let has = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains(option));
    if !has {
        eprintln!("not run: there is no curl that knows {option}");
    }
    has
}

/// What the commands print, on both outputs.
async fn run(commands: String) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", &commands]).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    // On a thread of its own: this one serves what the commands call.
    let output = tokio::task::spawn_blocking(move || shell.output()).await.expect("a thread");
    let output = output.expect("sh");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

/// Whether the last thing printed is an order that is paid.
fn ends_with_a_paid_order(printed: &str) -> bool {
    let last = printed.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let last: Value = serde_json::from_str(last).unwrap_or_default();
    last["success"] == true && last["order"]["status"] == "PAID"
}

#[tokio::test]
async fn the_printed_walk_ends_with_a_paid_order() {
    if !has_curl("--data") {
        return;
    }
    let world = World::start().await;
    let walk = world.bundle().quickstart();
    let printed = run(walk.clone()).await;
    assert!(ends_with_a_paid_order(&printed), "{printed}");
    assert!(printed.contains("requestPayment:ok"), "{printed}");
    // Without its payment it must not.
    let unpaid: Vec<&str> = walk.lines().filter(|line| !line.contains("requestPayment")).collect();
    assert_eq!(unpaid.len() + 1, walk.lines().count());
    let printed = run(unpaid.join("\n")).await;
    assert!(printed.contains("\"UNPAID\"") && !ends_with_a_paid_order(&printed), "{printed}");
}

/// The runbook's way to send a request of an operator, and its commands that use it, for this world.
fn operator_commands(runbook: &str, url: &str) -> (String, Vec<String>) {
    let way = runbook.lines().find(|line| line.starts_with("operator() {")).expect("operator()");
    let commands = runbook.lines().map(str::trim_start).filter(|line| line.starts_with("operator "));
    let commands = commands.map(|line| line.replace("$(output ApiUrl)", url));
    let credentials =
        "AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_SESSION_TOKEN=session";
    (format!("export {credentials}\n{way}\n"), commands.collect())
}

/// Addresses on a page that a signer which writes requests down as they stand would sign otherwise than AWS.
fn unsafe_addresses(page: &str) -> Vec<String> {
    let address = Regex::new(r#"/api/admin/([^\s"'`?]*)(?:\?([^\s"'`]*))?"#).expect("a pattern");
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let blocks = page.split("```").skip(1).step_by(2);
    let found = blocks.flat_map(|block| address.captures_iter(block));
    found
        .filter(|found| {
            // What is to be filled in stands in angle brackets or is a variable.
            let filled = Regex::new(r"<[A-Za-z_]+>|\$[A-Z_]+").expect("a pattern");
            let path = filled.replace_all(&found[1], "x");
            let query = found.get(2).map(|query| filled.replace_all(query.as_str(), "x").into_owned());
            let query = query.unwrap_or_default();
            let parameters: Vec<&str> = query.split('&').collect();
            !path.split('/').all(plain)
                || !parameters.is_sorted()
                || !parameters.iter().all(|one| one.split('=').all(plain))
        })
        .map(|found| found[0].to_owned())
        .collect()
}

#[tokio::test]
async fn a_refund_and_its_case_follow_the_runbook_with_the_system_s_curl() {
    if !has_curl("--aws-sigv4") {
        return;
    }
    let world = World::start().await;
    let (_, out_trade_no) = world.user().await.buy().await;
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 });
    let (way, commands) = operator_commands(&read(RUNBOOK), &world.url());
    let [refund, list, close] = ["/refunds\"", "?kind=REFUND_STUCK", "/close\""]
        .map(|part| commands.iter().find(|command| command.contains(part)).expect("a command"));
    let refunded = run(format!("{way}{}", refund.replace("<out_trade_no>", &out_trade_no))).await;
    assert!(refunded.contains(r#""requestedBy":"arn:aws:iam::000000000000:user/local""#), "{refunded}");
    world.wechat().wait_for_notices().await;
    let listed = run(format!("{way}{list}")).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let case_id = listed["cases"][0]["caseId"].as_str().expect("a case");
    let closed = run(format!("{way}{}", close.replace("<caseId>", case_id))).await;
    assert!(closed.contains(r#""closedBy":"#) && closed.contains("what was decided"), "{closed}");
}

#[tokio::test]
async fn operator_commands_of_the_runbook_and_the_payments_page_are_understood() {
    if !has_curl("--aws-sigv4") {
        return;
    }
    // The account's page of WeChat's messages can be set only where WeChat manages the trade.
    let world = World::start().with_shipping().await;
    let (_, out_trade_no) = world.user().await.buy().await;
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 });
    let (way, commands) = operator_commands(&read(RUNBOOK), &world.url());
    let refund = commands.iter().find(|command| command.contains("/refunds\"")).expect("a command");
    let refunded = run(format!("{way}{}", refund.replace("<out_trade_no>", &out_trade_no))).await;
    let refunded: Value = serde_json::from_str(&refunded).expect("JSON");
    world.wechat().wait_for_notices().await;
    let cases = world.operator("GET", "/api/admin/cases?kind=REFUND_STUCK", &json!({})).await.ok();
    let complaint = NewComplaint { out_trade_no: out_trade_no.clone(), ..NewComplaint::default() };
    let complaint_id = world.wechat().complain(complaint);
    world.wechat().wait_for_notices().await;
    let filled = |command: &str| {
        let command = command.replace("<complaintId>", &complaint_id);
        let command = command.replace("<out_trade_no>", &out_trade_no);
        let command = command.replace("<number>", "6222020200112233445").replace("<owner>", "张三");
        let command = command.replace("<productId>", "water");
        let command = command.replace("<caseId>", &cases.text("/cases/0/caseId"));
        command.replace("<outRefundNo>", refunded["refund"]["outRefundNo"].as_str().expect("a number"))
    };
    let (_, commands) = operator_commands(&[read(RUNBOOK), read("docs/payments.md")].concat(), &world.url());
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let printed = run(format!("{way}{}", filled(&command))).await;
        let answer: Value = serde_json::from_str(&printed).unwrap_or_default();
        // The one refund can't be made again, and APIv2 sends no money elsewhere: that is said of a request that was understood.
        assert!(answer["success"] == true || answer["code"] == "CONFLICT", "{command}\n{printed}");
    }
}

#[test]
fn documented_addresses_are_signed_alike_by_every_signer() {
    for (file, page) in pages() {
        assert_eq!(unsafe_addresses(&page), Vec::<String>::new(), "{file}");
    }
    for (address, is_unsafe) in [
        ("/api/admin/cases?cursor=<cursor>&kind=OVERSOLD", false),
        ("/api/admin/cases?kind=OVERSOLD&cursor=<cursor>", true),
        ("/api/admin/cases/OVERSOLD%231/close", true),
        ("/api/admin/users/$USER_ID/role", false),
        ("/api/admin/cases?kind=a%20b", true),
    ] {
        assert_eq!(
            !unsafe_addresses(&format!("```sh\ncurl \"http://a.example{address}\"\n```")).is_empty(),
            is_unsafe,
            "{address}"
        );
    }
}

#[tokio::test]
async fn the_operator_s_command_on_the_page_of_routes_makes_a_user_staff() {
    if !has_curl("--aws-sigv4") {
        return;
    }
    let world = World::start().await;
    let user_id = world.user().await.get("/api/user").await.text("/user/userId");
    let page = read("docs/api.md");
    let command = page.split("```").find(|block| block.starts_with("sh\n") && block.contains("--aws-sigv4"));
    let command = command.and_then(|block| block.strip_prefix("sh\n")).expect("the command");
    let command = command.replace("http://127.0.0.1:3000", &world.url());
    let printed = run(format!("USER_ID={user_id}\n{command}")).await;
    assert!(printed.contains(r#""role":"staff""#), "{printed}");
    let other_key = command.replace("local:local", "local:other");
    let printed = run(format!("USER_ID={user_id}\n{other_key}")).await;
    assert!(!printed.contains("success"), "{printed}");
}
