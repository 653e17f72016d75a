//! The pages agree with what they describe: tables, links, files, headings, commands.
//!
//! `docs/openapi.yaml` is checked in `api_description.rs`, the cases of `docs/payments.md` in `operations.rs`, and all tables of
//! `docs/simulator.md` in `simulator_page.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use e2e::World;
use local_gateway::Config;
use local_template::{Parameter, Stack, Template};
use regex_lite::Regex;
use shared::{api::Code, service::CustomerEventKind, store::EventKind};

use crate::workspace::{
    anchors, assert_none, differences, names, pages, quoted, read, root, section, stack, table, template,
    with,
};

const README: &str = "README.md";
const API: &str = "docs/api.md";
const ARCHITECTURE: &str = "docs/architecture.md";
const CONFIGURATION: &str = "docs/configuration.md";
const EVENTS: &str = "docs/events.md";

/// What stands between the page's markers of this name must be `expected`; if not, what to paste there.
fn stale((file, page): (&str, &str), name: &str, expected: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let written = page.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
    let (written, _) = written.unwrap_or_else(|| panic!("{file} has no {begin}"));
    (written != expected).then(|| format!("\n{file} should have:\n\n{begin}{expected}{end}\n"))
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
    let walk = world.bundle().quickstart().replace(&world.url(), "http://127.0.0.1:3000");
    format!("```sh\n{walk}\n```\n")
}

/// Parameters and their defaults.
fn parameter_problems(page: &str, parameters: &[Parameter]) -> Vec<String> {
    let rows = table(section(page, "Template parameters"), "parameter");
    let mut written = Vec::new();
    let mut problems = Vec::new();
    for row in rows {
        for name in quoted(&row[0]) {
            let default =
                parameters.iter().find(|one| one.name == name).and_then(|one| one.default.as_deref());
            let written_default = match row[1].as_str() {
                "" => None,
                "empty" => Some(""),
                // In words.
                "WeChat's" => default.filter(|url| url.contains("weixin.qq.com")),
                literal => Some(literal.trim_matches('`')),
            };
            if written_default != default {
                problems.push(format!("docs/configuration.md says that {name} is {} by default", row[1]));
            }
            written.push(name);
        }
    }
    let declared: Vec<String> = parameters.iter().map(|one| one.name.clone()).collect();
    problems.extend(differences(("docs/configuration.md", &written), ("template.yaml", &declared)));
    problems
}

/// Secrets, and which functions may read them.
fn secret_problems(page: &str, stack: &Stack) -> Vec<String> {
    let written: Vec<String> = table(section(page, "Secrets"), "secret")
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
    differences(("docs/configuration.md", &written), ("template.yaml", &secrets.collect::<Vec<_>>()))
}

/// A link's target as a path from the root.
fn target(from: &str, to: &str) -> String {
    let path = Path::new(from).parent().unwrap_or_else(|| Path::new("")).join(to);
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = clean.pop(),
            part => clean.push(part),
        }
    }
    clean.to_string_lossy().into_owned()
}

/// Links of a page that lead to no file, or to no heading of it.
fn broken_links(file: &str, page: &str, pages: &BTreeMap<String, String>) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let links = link.captures_iter(page).map(|found| found[1].to_owned());
    let mut broken: Vec<String> = links.filter(|link| !link.contains("://")).collect();
    broken.retain(|link| {
        let (to, anchor) = link.split_once('#').unwrap_or((link, ""));
        let to = if to.is_empty() { file.to_owned() } else { target(file, to) };
        let other = if to == file { Some(page) } else { pages.get(&to).map(String::as_str) };
        let has_anchor = || other.is_some_and(|other| anchors(other).iter().any(|one| one == anchor));
        !is_there(&to) || !(anchor.is_empty() || has_anchor())
    });
    broken
}

/// Files and folders that a page names and that are not there.
fn lost_paths(page: &str) -> Vec<String> {
    let top = [".ci/", "docs/", "findings/", "functions/", "infra/", "shared/", "tests/"];
    let spans = quoted(page).into_iter().filter(|span| top.iter().any(|folder| span.starts_with(folder)));
    // A command's path stands before its options.
    let paths = spans.filter_map(|span| span.split_whitespace().next().map(str::to_owned));
    paths.chain(mapped(page)).filter(|path| !is_there(path)).collect()
}

/// The paths that begin the lines of a map: a block of text whose first line is about `template.yaml`.
fn mapped(page: &str) -> Vec<String> {
    let map = page.split_once("```text\ntemplate.yaml ").and_then(|(_, rest)| rest.split("```").next());
    let lines = map.unwrap_or_default().lines().skip(1);
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether there is such a path below the root. `<name>` is any function.
fn is_there(path: &str) -> bool {
    root().join(path.replace("<name>", "login")).exists()
}

/// Folders of code that the map of the architecture does not name.
fn unmapped(page: &str) -> Vec<String> {
    let mapped = mapped(page);
    let below = |folder: &str| -> Vec<String> {
        names(folder, true).into_iter().map(|name| format!("{folder}/{name}/")).collect()
    };
    let places = ["infra", "infra/local", "infra/local/wechat/src", "shared/src", "tests"];
    let mut folders: Vec<String> = places.iter().flat_map(|place| below(place)).collect();
    // A folder whose parts are mapped need not be, and tests beside the code are a part of it.
    folders.retain(|folder| {
        folder != "infra/local/" && !folder.ends_with("/src/tests/") && !mapped.contains(folder)
    });
    folders
}

/// Outputs that commands refer to as `<Name>`, and that the template does not have.
fn unknown_outputs(page: &str, stack: &Stack) -> Vec<String> {
    let placeholder = Regex::new(r"<([A-Z][A-Za-z]+)>").expect("a pattern");
    let named = placeholder.captures_iter(page).map(|found| found[1].to_owned());
    named.filter(|name| !stack.outputs.contains_key(name)).collect()
}

/// The kinds of events, by the names that the bus knows.
fn event_kinds() -> Vec<String> {
    let unknown = serde_json::from_str::<EventKind>("\"none\"").expect_err("no such event");
    let of_orders = quoted(&unknown.to_string()).into_iter().filter(|kind| kind != "none");
    of_orders.chain(CustomerEventKind::ALL.map(|kind| kind.as_str().to_owned())).collect()
}

/// What the template says of how often the stream tries, as the page puts it.
fn stream_limits(template: &str) -> Vec<String> {
    let setting =
        Regex::new(r"(MaximumRetryAttempts|MaximumRecordAgeInSeconds): ([1-9][0-9]*)").expect("a pattern");
    setting.captures_iter(template).map(|found| format!("`{}` is {}", &found[1], &found[2])).collect()
}

#[test]
fn the_table_of_codes_is_the_one_in_the_code() {
    let page = read(API);
    let problem = stale((API, &page), "codes", &codes());
    assert!(problem.is_none(), "{}", problem.unwrap_or_default());
    let altered = with(&page, "| 409 | `ORDER_PAID` |", "| 400 | `ORDER_PAID` |");
    assert!(stale((API, &altered), "codes", &codes()).is_some_and(|paste| paste.contains(&codes())));
}

#[tokio::test]
async fn the_walk_is_the_one_that_the_program_prints() {
    let (world, readme) = (World::start().await, read(README));
    let problem = stale((README, &readme), "walk", &walk(&world));
    assert!(problem.is_none(), "{}", problem.unwrap_or_default());
    let altered = with(&readme, "call $base/api/products\n", "");
    assert!(stale((README, &altered), "walk", &walk(&world)).is_some());
}

#[test]
fn the_readme_is_a_front_page_of_200_lines_at_most() {
    let lines = read(README).lines().count();
    assert!(lines <= 200, "README.md has {lines} lines: reference belongs on a page of docs/");
}

#[test]
fn every_page_of_docs_is_in_the_readme_s_index() {
    let index: Vec<String> = table(&read(README), "page").iter().map(|row| row[0].clone()).collect();
    for page in names("docs", false) {
        assert!(index.contains(&format!("[docs/{page}](docs/{page})")), "docs/{page}");
    }
}

#[test]
fn parameters_and_their_defaults_are_the_template_s() {
    let template = Template::parse(&template()).expect("a template");
    assert_none(&parameter_problems(&read(CONFIGURATION), template.parameters()));
    let altered = with(&read(CONFIGURATION), "| `LogRetentionDays` | 30 |", "| `LogRetention` | 30 |");
    assert_eq!(
        parameter_problems(&altered, template.parameters()),
        [
            "docs/configuration.md says that LogRetention is 30 by default",
            "LogRetentionDays is not in docs/configuration.md",
            "LogRetention is not in template.yaml",
        ]
    );
    let altered = with(&read(CONFIGURATION), "| `LogRetentionDays` | 30 |", "| `LogRetentionDays` | 7 |");
    assert_eq!(parameter_problems(&altered, template.parameters()).len(), 1);
}

#[test]
fn secrets_and_who_may_read_them_are_the_template_s() {
    let template = template();
    assert_none(&secret_problems(&read(CONFIGURATION), &stack(&template)));
    let altered = with(
        &read(CONFIGURATION),
        "generated | customer-message, login, message-push, order, phone, push-events, share, shipping, user, werun |",
        "generated | customer-message, login, message-push, phone, push-events, user |",
    );
    assert_eq!(
        secret_problems(&altered, &stack(&template)),
        [
            "DataKeysSecret, read by customer-message, login, message-push, order, phone, push-events, share, shipping, user, werun is not in docs/configuration.md",
            "DataKeysSecret, read by customer-message, login, message-push, phone, push-events, user is not in template.yaml",
        ]
    );
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let pages: BTreeMap<String, String> = pages().into_iter().collect();
    for (file, page) in &pages {
        assert_eq!(broken_links(file, page, &pages), Vec::<String>::new(), "{file}");
    }
    for (link, is_broken) in [
        ("](configuration.md#secrets)", false),
        ("](../infra/deploy/RUNBOOK.md#rotate)", false),
        ("](#error-codes)", true),
        ("](configuration.md#secret)", true),
        ("](../RUNBOOK.md)", true),
        ("](https://example.com/none)", false),
    ] {
        assert_eq!(!broken_links("docs/none.md", link, &pages).is_empty(), is_broken, "{link}");
    }
    assert_eq!(anchors("# A \"b\": c_d\n```\n# no\n```\n#none"), ["a-b-c_d"]);
}

#[test]
fn every_file_and_folder_that_a_page_names_is_there() {
    for (file, page) in pages() {
        assert_eq!(lost_paths(&page), Vec::<String>::new(), "{file}");
    }
    let map = "```text\ntemplate.yaml  all\nshared/  much\nfunctions/<name>/  one\ncommons/  nothing\n```";
    assert_eq!(lost_paths(map), ["commons/"]);
    assert_eq!(lost_paths("`infra/local/gateway/src/list.rs`"), ["infra/local/gateway/src/list.rs"]);
}

#[test]
fn the_map_of_the_architecture_names_every_folder_of_code() {
    let page = read(ARCHITECTURE);
    assert_none(&unmapped(&page));
    assert_eq!(
        unmapped(&with(&page, "\nshared/src/store/ ", "\nshared/src/stores/ ")),
        ["shared/src/store/"]
    );
}

#[test]
fn outputs_that_a_page_names_are_the_template_s() {
    let stack = stack(&template());
    for (file, page) in pages() {
        assert_eq!(unknown_outputs(&page, &stack), Vec::<String>::new(), "{file}");
    }
    let altered = with(&read(README), "<MerchantSecretArn>", "<MerchantKeyArn>");
    assert_eq!(unknown_outputs(&altered, &stack), ["MerchantKeyArn"]);
}

#[test]
fn every_kind_of_event_stands_on_its_page() {
    let (page, kinds) = (read(EVENTS), event_kinds());
    let problems = |page: &str| {
        let written: Vec<String> =
            table(section(page, "Event kinds"), "event").iter().flat_map(|row| quoted(&row[0])).collect();
        differences((EVENTS, &written), ("EventKind", &kinds))
    };
    assert!(kinds.len() > 5, "{kinds:?}");
    assert_none(&problems(&page));
    assert_eq!(problems(&with(&page, "| `order.paid` |", "| `order.payed` |")).len(), 2);
}

#[test]
fn the_page_of_events_says_how_often_the_stream_tries() {
    let (page, limits) = (read(EVENTS), stream_limits(&template()));
    assert_eq!(limits.len(), 4, "two streams have two limits each: {limits:?}");
    for limit in &limits {
        assert!(page.contains(limit.as_str()), "{EVENTS} does not say that {limit}");
    }
}

#[test]
fn the_page_of_payments_names_the_codes_that_end_a_refund() {
    let code = read("shared/src/pay/refund.rs");
    let (_, list) = code.split_once("const FINAL_CODES").expect("the codes");
    let quote = Regex::new(r#""([A-Z_]+)""#).expect("a pattern");
    let list = list.split("];").next().expect("a list");
    let in_code: BTreeSet<String> = quote.captures_iter(list).map(|found| found[1].to_owned()).collect();
    let in_code: Vec<String> = in_code.into_iter().collect();
    let page = read("docs/payments.md");
    let rows = table(section(&page, "Refunds"), "code");
    let final_codes = quoted(&rows.first().expect("a row")[0]);
    assert_none(&differences(("docs/payments.md", &final_codes), ("FINAL_CODES", &in_code)));
}

#[test]
fn the_sections_of_the_configuration_file_are_known() {
    let page = read(CONFIGURATION);
    let toml = section(&page, "Local configuration file").split("```toml\n").nth(1).expect("an example");
    let toml = toml.split("```").next().unwrap_or_default();
    let parse = |text: &str| Config::parse(text, &root());
    parse(toml).expect("the example is a configuration");
    assert!(parse(&with(toml, "[merchant]", "[merchants]")).is_err());
    // A key after its section's line, in a comment: an unknown one is refused with its name.
    for line in toml.lines().filter(|line| line.starts_with('[')) {
        let (header, comment) = line.split_once('#').expect("keys");
        for key in comment.split(':').next().unwrap_or_default().split(',') {
            let key = key.split('=').next().unwrap_or_default().trim();
            let refused =
                parse(&format!("{}\n{key} = {{}}\n", header.trim())).expect_err("a table is no value");
            let why = shared::types::error_chain(&refused);
            assert!(!why.contains("unknown field"), "{key}: {why}");
        }
    }
}
