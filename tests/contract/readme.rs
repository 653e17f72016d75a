//! The README tells what is.

use std::collections::BTreeSet;

use e2e::World;
use local_gateway::Config;
use local_template::{Parameter, Stack, Template};
use regex_lite::Regex;
use serde_json::{Value, json};
use shared::error::Code;

use crate::workspace::{assert_none, differences, quoted, read, root, section, stack, table, template, with};

fn readme() -> String {
    read("README.md")
}

/// What stands between the README's markers of this name must be `expected`; if not, what to paste there.
fn stale(readme: &str, name: &str, expected: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let written = readme.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
    let (written, _) = written.unwrap_or_else(|| panic!("README.md has no {begin}"));
    (written != expected).then(|| format!("\nREADME.md should have:\n\n{begin}{expected}{end}\n"))
}

fn codes() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let (status, name) = (code.status().as_u16(), code.name());
        format!("| {status} | `{name}` | {} | {} |\n", code.message(), code.when())
    });
    let heading = "| status | code | message | when |\n|---|---|---|---|\n".to_owned();
    std::iter::once(heading).chain(rows).collect()
}

/// The walk that the program prints on its usual port.
fn walk(world: &World) -> String {
    let walk = world.bundle().walk().replace(&world.url(), "http://127.0.0.1:3000");
    format!("```sh\n{walk}\n```\n")
}

/// Parameters and their defaults.
fn parameter_problems(readme: &str, parameters: &[Parameter]) -> Vec<String> {
    let rows = table(section(readme, "Settings and secrets"), "parameter");
    let mut written = Vec::new();
    let mut problems = Vec::new();
    for row in rows {
        for name in quoted(&row[0]) {
            let default =
                parameters.iter().find(|one| one.name == name).and_then(|one| one.default.as_deref());
            let told = match row[1].as_str() {
                "" => None,
                "empty" => Some(""),
                // In words.
                "WeChat's" => default.filter(|url| url.contains("weixin.qq.com")),
                literal => Some(literal.trim_matches('`')),
            };
            if told != default {
                problems.push(format!("the README says that {name} is {} by default", row[1]));
            }
            written.push(name);
        }
    }
    let declared: Vec<String> = parameters.iter().map(|one| one.name.clone()).collect();
    problems
        .extend(differences(("the README's table of parameters", &written), ("template.yaml", &declared)));
    problems
}

/// Secrets, and which functions may read them.
fn secret_problems(readme: &str, stack: &Stack) -> Vec<String> {
    let written: Vec<String> = table(section(readme, "Settings and secrets"), "secret")
        .iter()
        .map(|row| format!("{}, read by {}", quoted(&row[0]).concat(), row[2]))
        .collect();
    let secrets = stack.secrets.iter().map(|secret| {
        let may_read = |function: &&local_template::Function| {
            function.statements.iter().any(|statement| statement.resources.contains(&secret.arn))
        };
        let readers = stack.functions.iter().filter(may_read).map(|function| function.folder.as_str());
        // By name, not by logical id.
        let readers: BTreeSet<&str> = readers.collect();
        let readers: Vec<&str> = readers.into_iter().collect();
        format!("{}, read by {}", secret.logical_id, readers.join(", "))
    });
    differences(("the README's table of secrets", &written), ("template.yaml", &secrets.collect::<Vec<_>>()))
}

/// Files, folders and headings that the README names, and that are not there.
fn lost(readme: &str) -> Vec<String> {
    let slugs: Vec<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| format!("#{}", heading.to_lowercase().replace(' ', "-")))
        .collect();
    let link = Regex::new(r"\]\(([^)]+)\)").expect("a pattern");
    let links = link.captures_iter(readme).map(|found| found[1].to_owned());
    let links = links.filter(|target| !target.contains("://"));
    let map = Regex::new(r"(?m)(?:^| )((?:[a-z0-9_]+/)*(?:[a-z0-9_]+\.(?:rs|yaml)|[a-z0-9_]+/))(?:[ ,;]|$)");
    let mapped = map.expect("a pattern");
    let mapped = mapped.captures_iter(section(readme, "Map")).map(|found| found[1].to_owned());
    let top = ["functions/", "infra/", "shared/", "tests/"];
    let spans = quoted(readme).into_iter();
    let spans = spans.filter(|span| top.iter().any(|folder| span.starts_with(folder)));
    let mut lost: Vec<String> = links.chain(mapped).chain(spans).collect();
    lost.retain(|name| match name.strip_prefix('#') {
        Some(_) => !slugs.contains(name),
        None => !is_there(name),
    });
    lost
}

/// A path as the README writes it: below the root, or below the folder whose map it stands in. `<name>` is any function.
fn is_there(path: &str) -> bool {
    let path = path.replace("<name>", "login");
    ["", "shared", "shared/src", "tests"].iter().any(|folder| root().join(folder).join(&path).exists())
}

/// Outputs that commands refer to as `<Name>`, and that the template does not have.
fn unknown_outputs(readme: &str, stack: &Stack) -> Vec<String> {
    let placeholder = Regex::new(r"<([A-Z][A-Za-z]+)>").expect("a pattern");
    let named = placeholder.captures_iter(readme).map(|found| found[1].to_owned());
    named.filter(|name| !stack.outputs.contains_key(name)).collect()
}

/// The `wx` APIs of the sentence that lists them.
fn wx_apis(readme: &str) -> Vec<String> {
    let (_, sentence) = readme.split_once("There are `login`").expect("the sentence");
    let mut apis = quoted(sentence.split('.').next().unwrap_or_default());
    apis.push("login".to_owned());
    apis.sort();
    apis
}

async fn send(world: &World, route: &str, body: &str) -> (u16, Value) {
    let (method, path) = route.split_once(' ').expect("method and path");
    let answer = world.request(method, path).body(body.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[test]
fn the_table_of_codes_is_the_one_in_the_code() {
    let problem = stale(&readme(), "codes", &codes());
    assert!(problem.is_none(), "{}", problem.unwrap_or_default());
    let altered = with(&readme(), "| 409 | `ORDER_PAID` |", "| 400 | `ORDER_PAID` |");
    assert!(stale(&altered, "codes", &codes()).is_some_and(|paste| paste.contains(&codes())));
}

#[tokio::test]
async fn the_walk_is_the_one_that_the_program_prints() {
    let world = World::start().await;
    let problem = stale(&readme(), "walk", &walk(&world));
    assert!(problem.is_none(), "{}", problem.unwrap_or_default());
    let altered = with(&readme(), "call $base/api/products\n", "");
    assert!(stale(&altered, "walk", &walk(&world)).is_some());
}

#[test]
fn parameters_and_their_defaults_are_the_template_s() {
    let template = Template::parse(&template()).expect("a template");
    assert_none(&parameter_problems(&readme(), template.parameters()));
    let altered = with(&readme(), "| `LogRetentionDays` | 30 |", "| `LogRetention` | 30 |");
    assert_eq!(
        parameter_problems(&altered, template.parameters()),
        [
            "the README says that LogRetention is 30 by default",
            "LogRetentionDays is not in the README's table of parameters",
            "LogRetention is not in template.yaml",
        ]
    );
    let altered = with(&readme(), "| `LogRetentionDays` | 30 |", "| `LogRetentionDays` | 7 |");
    assert_eq!(parameter_problems(&altered, template.parameters()).len(), 1);
}

#[test]
fn secrets_and_who_may_read_them_are_the_template_s() {
    let template = template();
    assert_none(&secret_problems(&readme(), &stack(&template)));
    let altered =
        with(&readme(), "generated | login, phone, user, werun |", "generated | login, phone, user |");
    assert_eq!(
        secret_problems(&altered, &stack(&template)),
        [
            "DataKeysSecret, read by login, phone, user, werun is not in the README's table of secrets",
            "DataKeysSecret, read by login, phone, user is not in template.yaml",
        ]
    );
}

#[test]
fn files_headings_and_outputs_that_the_readme_names_are_there() {
    let stack = stack(&template());
    assert_none(&lost(&readme()));
    assert_none(&unknown_outputs(&readme(), &stack));
    for (part, other) in [
        ("shared/  ", "commons/  "),
        ("src/runtime.rs  ", "src/run_time.rs  "),
        ("pay/order.rs ", "pay/orders.rs "),
        ("](template.yaml)", "](template.yml)"),
        ("](#run-it)", "](#start-it)"),
        ("`infra/local/gateway/src/registry.rs`", "`infra/local/gateway/src/list.rs`"),
        ("e2e/ (a file", "ends/ (a file"),
    ] {
        assert_eq!(lost(&with(&readme(), part, other)).len(), 1, "{other}");
    }
    let altered = with(&readme(), "<MerchantSecretArn>", "<MerchantKeyArn>");
    assert_eq!(unknown_outputs(&altered, &stack), ["MerchantKeyArn"]);
}

#[tokio::test]
async fn the_simulator_has_the_apis_the_controls_and_the_faults_that_the_readme_names() {
    let world = World::start().await;
    let (_, unknown) = send(&world, "POST /_wechat/wx/none", "{}").await;
    let message = unknown["errMsg"].as_str().expect("a message").to_owned();
    let mut known: Vec<&str> = message.split_once("known: ").expect("the list").1.split(", ").collect();
    known.sort_unstable();
    assert_eq!(wx_apis(&readme()), known);

    let controls = table(section(&readme(), "Try it"), "what");
    assert!(!controls.is_empty());
    for row in controls {
        let route = quoted(&row[0]).concat();
        let (status, _) = send(&world, &route, "{}").await;
        assert!(![403, 404, 405].contains(&status), "{route} is answered with {status}");
    }
    let fault = Regex::new(r#"\{"fault":[^}]*\}"#).expect("a pattern");
    let readme = readme();
    let faults: Vec<&str> = fault.find_iter(&readme).map(|found| found.as_str()).collect();
    assert!(!faults.is_empty());
    for fault in faults {
        let (status, answer) = send(&world, "POST /_wechat/faults", fault).await;
        assert_eq!(status, 200, "{fault}: {answer}");
    }
    let (status, answer) =
        send(&world, "POST /_wechat/faults", &json!({ "fault": "none" }).to_string()).await;
    assert!(status == 400 && answer["error"].as_str().is_some_and(|list| list.contains("`notice_lost`")));
}

#[test]
fn the_sections_of_the_configuration_file_are_known() {
    let readme = readme();
    let toml = section(&readme, "Settings and secrets").split("```toml\n").nth(1).expect("an example");
    let toml = toml.split("```").next().unwrap_or_default();
    let parse = |text: &str| Config::parse(text, &root());
    parse(toml).expect("the example is a configuration");
    assert!(parse(&with(toml, "[merchant]", "[merchants]")).is_err());
    // A key after its section's line, in a comment: an unknown one is refused with its name.
    for line in toml.lines().filter(|line| line.starts_with('[')) {
        let (header, comment) = line.split_once('#').expect("keys");
        for key in comment.split(':').next().unwrap_or_default().split(',') {
            let key = key.split('=').next().unwrap_or_default().trim();
            let refused = parse(&format!("{}\n{key} = []\n", header.trim())).expect_err("a list is no value");
            let why = shared::error::chain(&refused);
            assert!(!why.contains("unknown field"), "{key}: {why}");
        }
    }
}
