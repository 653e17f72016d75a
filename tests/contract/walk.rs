//! The commands that are printed for pasting do what they promise, in a real shell.

use std::process::Command;

use e2e::World;

use crate::workspace::read;

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
    let last: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
    last["success"] == true && last["order"]["status"] == "PAID"
}

#[tokio::test]
async fn the_printed_walk_ends_with_a_paid_order() {
    if !has_curl("--data") {
        return;
    }
    let world = World::start().await;
    let walk = world.bundle().walk();
    let printed = run(walk.clone()).await;
    assert!(ends_with_a_paid_order(&printed), "{printed}");
    assert!(printed.contains("requestPayment:ok"), "{printed}");
    // Without its payment it must not.
    let unpaid: Vec<&str> = walk.lines().filter(|line| !line.contains("requestPayment")).collect();
    assert_eq!(unpaid.len() + 1, walk.lines().count());
    let printed = run(unpaid.join("\n")).await;
    assert!(printed.contains("\"UNPAID\"") && !ends_with_a_paid_order(&printed), "{printed}");
}

#[tokio::test]
async fn the_operator_s_command_in_the_readme_makes_a_user_staff() {
    if !has_curl("--aws-sigv4") {
        return;
    }
    let world = World::start().await;
    let user_id = world.user().await.get("/api/user").await.text("/user/userId");
    let readme = read("README.md");
    let command =
        readme.split("```").find(|block| block.starts_with("sh\n") && block.contains("--aws-sigv4"));
    let command = command.and_then(|block| block.strip_prefix("sh\n")).expect("the command");
    let command = command.replace("http://127.0.0.1:3000", &world.url());
    let printed = run(format!("USER_ID={user_id}\n{command}")).await;
    assert!(printed.contains(r#""role":"staff""#), "{printed}");
    let other_key = command.replace("local:local", "local:other");
    let printed = run(format!("USER_ID={user_id}\n{other_key}")).await;
    assert!(!printed.contains("success"), "{printed}");
}
