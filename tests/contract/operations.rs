//! What operators are told: each alarm has its entry in the runbook, and watches something that the code tells of.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::Value;
use shared::{api::Code, store::CaseKind};

use crate::workspace::{
    assert_none, differences, pages, quoted, read, rust_files, section, stack, stack_with, table, template,
    with,
};

const RUNBOOK: &str = "infra/deploy/RUNBOOK.md";

/// The alarms of the template, without the word that ends their names.
fn alarms(template: &str) -> Vec<String> {
    let alarm =
        Regex::new(r"(?m)^  ([A-Za-z]+)Alarm:\n    Type: AWS::CloudWatch::Alarm$").expect("a pattern");
    alarm.captures_iter(template).map(|found| found[1].to_owned()).collect()
}

fn alarm_problems(runbook: &str, template: &str) -> Vec<String> {
    let rows = table(section(runbook, "Alarms"), "alarm");
    let explained: Vec<String> = rows.iter().flat_map(|row| quoted(&row[0])).collect();
    differences(("the runbook's table of alarms", &explained), ("template.yaml", &alarms(template)))
}

/// The alerts of the code, by the names that `telemetry::operator_alert` gets; and the calls whose name is no literal, because this test
/// can't see whether an alarm watches those.
fn operator_alerts(files: &[(String, String)]) -> (BTreeSet<String>, Vec<String>) {
    let call = Regex::new(r"operator_alert\(\s*([^,]+),").expect("a pattern");
    let keys = Regex::new(r#"WorkKey \{ name: "[a-z_]+", alert: "([a-z-]+)""#).expect("a pattern");
    let (mut names, mut problems) = (BTreeSet::new(), Vec::new());
    for (file, code) in files {
        names.extend(keys.captures_iter(code).map(|found| found[1].to_owned()));
        for found in call.captures_iter(code) {
            match found[1].strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
                Some(name) => _ = names.insert(name.to_owned()),
                // Its callers are found by the pattern above.
                None if file == "shared/src/store/work_index.rs" => {}
                None => problems.push(format!("{file} raises an alert named by {}", &found[1])),
            }
        }
    }
    (names, problems)
}

/// The code of what is deployed, without the module that defines the alerts.
fn code() -> Vec<(String, String)> {
    let files = [rust_files("shared/src"), rust_files("functions")].concat();
    let files = files.into_iter().filter(|file| !file.starts_with("shared/src/telemetry/"));
    files.map(|file| (file.clone(), read(&file))).collect()
}

/// The values that alarms watch of this dimension.
fn watched(template: &str, dimension: &str) -> BTreeSet<String> {
    let value = Regex::new(&format!(r"Name: {dimension}, Value: ([A-Za-z_-]+)")).expect("a pattern");
    value.captures_iter(template).map(|found| found[1].to_owned()).collect()
}

/// What nobody would hear of, and alarms that can never go off because nothing in the code has that name.
fn alert_problems(template: &str, told: &BTreeSet<String>) -> Vec<String> {
    let watched = watched(template, "Alert");
    let kinds: BTreeSet<&str> = CaseKind::ALL.into_iter().map(CaseKind::as_str).collect();
    let mut problems = Vec::new();
    for what in told {
        let case = LEADS_TO_A_CASE.iter().find(|(name, _)| name == what);
        if !watched.contains(what) && !case.is_some_and(|(_, kind)| kinds.contains(kind)) {
            problems.push(format!("no alarm watches {what}, and it leads to no case"));
        }
    }
    let named = watched.iter().map(String::as_str).chain(LEADS_TO_A_CASE.iter().map(|(name, _)| *name));
    problems
        .extend(named.filter(|name| !told.contains(*name)).map(|name| format!("nothing tells of {name}")));
    // What several functions come upon is measured for the stack.
    let ours = |line: &&str| line.contains("Name: Alert,") || line.contains("Name: Kind,");
    let foreign = template.lines().filter(ours).filter(|line| !line.contains(STACK));
    problems.extend(foreign.map(|line| format!("not of this stack: {}", line.trim())));
    problems
}

/// The metrics that lines of the log are samples of.
fn metrics(telemetry: &str) -> BTreeSet<String> {
    let name = Regex::new(r#"write!\("([A-Z][A-Za-z]+)"|\("([A-Z][A-Za-z]+)", "(?:Count|Milliseconds)""#);
    let name = name.expect("a pattern");
    let found = name.captures_iter(telemetry).filter_map(|found| found.get(1).or_else(|| found.get(2)));
    found.map(|name| name.as_str().to_owned()).collect()
}

/// Metrics that no alarm watches, and alarms on metrics that nothing writes.
fn metric_problems(template: &str, written: &BTreeSet<String>) -> Vec<String> {
    let namespace = Regex::new(r"Namespace: mini-program\n +MetricName: ([A-Za-z]+)").expect("a pattern");
    let watched: BTreeSet<String> =
        namespace.captures_iter(template).map(|found| found[1].to_owned()).collect();
    let mut problems = Vec::new();
    let unwatched = written.iter().filter(|name| !watched.contains(*name) && !SHOWN.contains(&name.as_str()));
    problems.extend(unwatched.map(|name| format!("no alarm watches the metric {name}")));
    let named = watched.iter().map(String::as_str).chain(SHOWN);
    problems
        .extend(named.filter(|name| !written.contains(*name)).map(|name| format!("nothing writes {name}")));
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).chain(["OK"]).collect();
    let unknown = self::watched(template, "Code").into_iter().filter(|code| !codes.contains(code.as_str()));
    problems.extend(unknown.map(|code| format!("no answer has the code {code}")));
    problems
}

/// Kinds of cases that no alarm tells of, or that the page does not explain.
fn case_problems(template: &str, page: &str) -> Vec<String> {
    let explained: Vec<String> = table(page, "case").iter().flat_map(|row| quoted(&row[0])).collect();
    let kinds: Vec<String> = CaseKind::ALL.into_iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut problems = differences(("docs/payments.md", &explained), ("CaseKind", &kinds));
    let walkthroughs: Vec<String> =
        page.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    problems
        .extend(differences(("the walkthroughs of docs/payments.md", &walkthroughs), ("CaseKind", &kinds)));
    let alarmed: Vec<String> = watched(template, "Kind").into_iter().collect();
    problems.extend(differences(("template.yaml", &alarmed), ("CaseKind", &kinds)));
    for kind in &kinds {
        let capital = |word: &str| format!("{}{}", &word[..1], word[1..].to_lowercase());
        let alarm: String = kind.split('_').map(capital).collect();
        let (_, block) = template.split_once(&format!("\n  Case{alarm}Alarm:\n")).unwrap_or_default();
        let block = block.split("\n\n").next().unwrap_or_default();
        let named = format!("Name: Kind, Value: {kind}}}");
        if !(block.contains("MetricName: CasesOpened") && block.contains(&named) && block.contains(STACK)) {
            problems.push(format!("the alarm Case{alarm} does not watch {kind}"));
        }
        if !template.contains(&format!("\"Kind\", \"{kind}\"")) {
            problems.push(format!("the dashboard does not show {kind}"));
        }
    }
    problems
}

/// A metric of ours that an alarm or the dashboard shows, with a dimension beside the function's or the stack's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    metric: String,
    /// Name and value; an expression that searches names no value.
    dimension: Option<(String, Option<String>)>,
}

/// What the alarms show.
fn shown_by_alarms(template: &str) -> BTreeSet<Shown> {
    let dimension = Regex::new(r"Name: ([A-Za-z]+), Value: ([A-Za-z0-9_-]+)\}").expect("a pattern");
    let blocks = template.split("Namespace: mini-program\n").skip(1);
    blocks
        .filter_map(|block| {
            let block = block.split("\n\n").next()?;
            let metric = block.split_once("MetricName: ")?.1.lines().next()?.to_owned();
            let found = dimension.captures(block);
            let dimension = found.map(|found| (found[1].to_owned(), Some(found[2].to_owned())));
            Some(Shown { metric, dimension })
        })
        .collect()
}

/// What the dashboard shows. In a row, a full stop stands for what stands in its place in the row before.
fn shown_by_dashboard(template: &str) -> BTreeSet<Shown> {
    let (_, body) = template.split_once("DashboardBody: !Sub |\n").expect("a dashboard");
    // The text ends where a line is indented less.
    let body: String = body.lines().take_while(|line| line.starts_with("        ")).collect();
    let body = Regex::new(r"\$\{[^}]*\}").expect("a pattern").replace_all(&body, "x");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let search =
        Regex::new(r#"\{mini-program,(?:FunctionName|Stack),([A-Za-z]+)\} MetricName="([A-Za-z]+)""#)
            .expect("a pattern");
    let mut shown = BTreeSet::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        let mut before: Vec<String> = Vec::new();
        for row in widget["properties"]["metrics"].as_array().expect("metrics") {
            let row = row.as_array().expect("a row");
            if let Some(expression) = row[0]["expression"].as_str() {
                let found =
                    search.captures(expression).unwrap_or_else(|| panic!("{expression} searches elsewhere"));
                let dimension = Some((found[1].to_owned(), None));
                let _ = shown.insert(Shown { metric: found[2].to_owned(), dimension });
                continue;
            }
            let texts = row.iter().filter_map(Value::as_str).enumerate();
            before = texts
                .map(|(at, text)| if text == "." { before[at].clone() } else { text.to_owned() })
                .collect();
            if before[0] == "mini-program" {
                let dimension = before.get(4).cloned().map(|name| (name, before.get(5).cloned()));
                let _ = shown.insert(Shown { metric: before[1].clone(), dimension });
            }
        }
    }
    shown
}

/// What is shown and that no code can tell: another metric, or a dimension's value that stands nowhere.
fn never_told(shown: &BTreeSet<Shown>, told: &BTreeSet<String>) -> Vec<String> {
    let line = read("shared/src/telemetry/json_formatter.rs");
    let metrics = metrics(&format!("{line}{}", read("shared/src/telemetry/mod.rs")));
    let code: String = code().into_iter().map(|(_, code)| code).collect();
    let literals = |pattern: &str, text: &str| -> BTreeSet<String> {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
    };
    let outcome = read("shared/src/pay/notice_receiver.rs");
    let (_, outcome) = outcome.split_once("\nfn outcome(").expect("the outcomes of a notice");
    let outcome = outcome.split("\n}\n").next().expect("a text");
    let notices: BTreeSet<String> = literals(r#"=> "([a-z-]+)""#, outcome)
        .union(&literals(r#"Metric::Notice\("([a-z-]+)"\)"#, &code))
        .cloned()
        .collect();
    let refreshes = literals(r#"Metric::TokenRefresh\("([a-z-]+)"\)"#, &code);
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.name().to_owned()).collect();
    let is_told = |one: &Shown| {
        let Some((name, value)) = &one.dimension else { return true };
        let Some(value) = value else { return line.contains(&format!("\"{name}\"")) };
        match (one.metric.as_str(), name.as_str()) {
            ("Notices", "Outcome") => notices.contains(value),
            ("TokenRefreshes", "Outcome") => refreshes.contains(value),
            ("Requests", "Code") => codes.contains(value) || value == "OK",
            ("OperatorAlerts", "Alert") => told.contains(value),
            ("CasesOpened", "Kind") => CaseKind::named(value).is_some(),
            // WeChat's own numbers.
            ("WeChatErrors", "Code") => value.bytes().all(|byte| byte.is_ascii_digit()),
            _ => code.contains(&format!("\"{value}\"")),
        }
    };
    let dumb = shown.iter().filter(|one| !metrics.contains(&one.metric) || !is_told(one));
    dumb.map(|one| format!("nothing tells of {one:?}")).collect()
}

/// Outputs, resources and parameters that the page names in commands (`$(output Name)`, `$(resource Name)`, `Name=`), and that are
/// not there.
fn unknown_names(page: &str, template: &str) -> Vec<String> {
    let stack = stack(template);
    let named = |pattern: &str| -> Vec<String> {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.captures_iter(page).map(|found| found[1].to_owned()).collect()
    };
    let mut unknown = named(r"\$\(output ([A-Za-z]+)\)");
    unknown.retain(|name| !stack.outputs.contains_key(name));
    let declared =
        named(r#"\$\(resource ([A-Za-z]+)\)"#).into_iter().chain(named(r#"(?:^|[\s"])([A-Z][A-Za-z]+)="#));
    unknown.extend(declared.filter(|name| !template.contains(&format!("\n  {name}:\n    Type: "))));
    unknown
}

#[test]
fn every_alarm_is_explained_and_can_go_off() {
    let (runbook, template) = (read(RUNBOOK), template());
    assert!(!alarms(&template).is_empty());
    assert_none(&alarm_problems(&runbook, &template));
    let renamed = with(&template, "  ApiFailingAlarm:", "  ApiBrokenAlarm:");
    assert_eq!(alarm_problems(&runbook, &renamed).len(), 2);
}

#[test]
fn every_operator_alert_has_an_alarm_or_leads_to_a_case() {
    let (told, unnamed) = operator_alerts(&code());
    assert!(told.len() > 15, "{told:?}");
    assert_none(&unnamed);
    let template = template();
    assert_none(&alert_problems(&template, &told));
    let misspelt = with(&template, "Value: event-unreadable", "Value: event-not-readable");
    assert_eq!(alert_problems(&misspelt, &told).len(), 2);
    let mut another = told.clone();
    let _ = another.insert("new-trouble".to_owned());
    assert_eq!(
        alert_problems(&template, &another),
        ["no alarm watches new-trouble, and it leads to no case"]
    );
    let of_one = with(&template, &format!("[{STACK}, {{Name: Alert"), "[{Name: Alert");
    assert_eq!(alert_problems(&of_one, &told).len(), 1);
    let by_variable = ("x.rs".to_owned(), "telemetry::operator_alert(name, &1);".to_owned());
    assert_eq!(operator_alerts(&[by_variable]).1, ["x.rs raises an alert named by name"]);
}

#[test]
fn every_metric_has_an_alarm_or_is_listed_as_shown_only() {
    let telemetry =
        [read("shared/src/telemetry/mod.rs"), read("shared/src/telemetry/json_formatter.rs")].concat();
    let (written, template) = (metrics(&telemetry), template());
    assert_none(&metric_problems(&template, &written));
    let mut more = written.clone();
    let _ = more.insert("Losses".to_owned());
    assert_eq!(metric_problems(&template, &more), ["no alarm watches the metric Losses"]);
    let renamed = with(&template, "MetricName: OutboxAge", "MetricName: OutboxYears");
    assert_eq!(metric_problems(&renamed, &written).len(), 2);
    let code = with(&template, "Value: UPSTREAM_BUSY", "Value: UPSTREAM_GONE");
    assert_eq!(metric_problems(&code, &written), ["no answer has the code UPSTREAM_GONE"]);
}

#[test]
fn every_kind_of_case_has_alarm_dashboard_line_and_walkthrough() {
    let (template, page) = (template(), read("docs/payments.md"));
    assert_none(&case_problems(&template, &page));
    let forgotten = with(&template, "  CaseOversoldAlarm:", "  OversoldAlarm:");
    assert_eq!(case_problems(&forgotten, &page).len(), 1);
    let deaf = with(&template, "Name: Kind, Value: OVERSOLD", "Name: Kind, Value: OVERDONE");
    assert_eq!(case_problems(&deaf, &page).len(), 3);
    let unseen = with(&template, "\"Kind\", \"OVERSOLD\"", "\"Kind\", \"OVERDONE\"");
    assert_eq!(case_problems(&unseen, &page), ["the dashboard does not show OVERSOLD"]);
    assert_eq!(case_problems(&template, &with(&page, "| `OVERSOLD` |", "| `SOLD` |")).len(), 2);
    assert_eq!(case_problems(&template, &with(&page, "### OVERSOLD\n", "#### OVERSOLD\n")).len(), 1);
}

#[test]
fn every_metric_that_an_alarm_or_the_dashboard_shows_is_recorded() {
    let (template, (told, _)) = (template(), operator_alerts(&code()));
    let alarms = shown_by_alarms(&template);
    let dashboard = shown_by_dashboard(&template);
    assert!(alarms.len() > 10 && dashboard.len() > 10, "{} {}", alarms.len(), dashboard.len());
    assert_none(&never_told(&alarms, &told));
    assert_none(&never_told(&dashboard, &told));
    for (part, other) in [
        ("MetricName: OutboxAge", "MetricName: OutboxOld"),
        ("Name: Outcome, Value: unreadable", "Name: Outcome, Value: given"),
        ("Name: Code, Value: INTERNAL_ERROR", "Name: Code, Value: INTERNAL"),
    ] {
        let changed = shown_by_alarms(&with(&template, part, other));
        assert_eq!(never_told(&changed, &told).len(), 1, "{other}");
    }
    for (part, other) in [
        (r#""already-recorded", {"label"#, r#""twice", {"label"#),
        (r#"[".", "OutboxAge","#, r#"[".", "OutboxOld","#),
        (r#""Kind", "OVERSOLD""#, r#""Kind", "SOLD""#),
        (r#"FunctionName,Outcome} MetricName=\"Token"#, r#"FunctionName,Result} MetricName=\"Token"#),
    ] {
        let changed = shown_by_dashboard(&with(&template, part, other));
        assert_eq!(never_told(&changed, &told).len(), 1, "{other}");
    }
}

/// What `samconfig.toml` gives to production, by parameter.
fn production(samconfig: &str) -> Vec<(String, String)> {
    let (_, production) = samconfig.split_once("[prod.deploy.parameters]").expect("production");
    let given = Regex::new(r#"(?m)^  "([A-Za-z]+)=([^"]*)""#).expect("a pattern");
    given.captures_iter(production).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

#[test]
fn production_can_t_be_deployed_without_a_receiver_of_alarms() {
    let template = template();
    let parameters = production(&read("infra/deploy/samconfig.toml"));
    let deploy = |email: &str| {
        let given: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), if name == "AlarmEmail" { email } else { value.as_str() }))
            .collect();
        std::panic::catch_unwind(|| stack_with(&template, &given))
    };
    let (_, written) =
        parameters.iter().find(|(name, _)| name == "AlarmEmail").expect("AlarmEmail is asked for");
    assert!(deploy(written).is_err(), "{written} is taken as it is");
    // Whoever wants nobody to hear them is told so by what the deployment prints.
    assert!(deploy("").expect("a stack").outputs["AlarmsReach"].starts_with("NOBODY"));
    assert!(
        deploy("on-call@example.com").expect("a stack").outputs["AlarmsReach"]
            .starts_with("on-call@example.com")
    );
}

#[test]
fn names_that_pages_give_to_operators_are_the_template_s() {
    assert_none(&unknown_names(&read("infra/deploy/samconfig.toml"), &template()));
    for (file, page) in pages() {
        assert_eq!(unknown_names(&page, &template()), Vec::<String>::new(), "{file}");
    }
    for (name, other) in [
        ("$(output MerchantSecretArn)", "$(output MerchantKeyArn)"),
        ("$(resource OrdersTable)", "$(resource OrderTable)"),
        (" Egress=VPC", " Exit=VPC"),
    ] {
        assert_eq!(unknown_names(&with(&read(RUNBOOK), name, other), &template()).len(), 1, "{other}");
    }
}

/// The dimension that tells this stack's metrics from another's.
const STACK: &str = "{Name: Stack, Value: !Ref AWS::StackName}";
/// Alerts that open a case, whose kind has an alarm.
const LEADS_TO_A_CASE: [(&str, &str); 5] = [
    ("bill-difference", "BILL_DIFFERENCE"),
    ("billed-payment-not-recorded", "BILL_DIFFERENCE"),
    ("product-oversold", "OVERSOLD"),
    ("notified-payment-mismatch", "PAYMENT_MISMATCH"),
    ("refund-state-conflict", "REFUND_STUCK"),
];
/// Metrics that help to understand an alarm: what they count shows in the codes of answers, or in Lambda's own errors.
const SHOWN: [&str; 5] = ["BackupCalls", "Duration", "TaskFailures", "TokenRefreshes", "WeChatErrors"];
