//! What operators are told: each alarm has its entry in the runbook, and watches something that the code tells of.

use std::collections::BTreeSet;

use regex_lite::Regex;

use crate::workspace::{
    assert_none, differences, quoted, read, rust_files, section, stack, table, template, with,
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

/// What the code asks an operator to look at.
fn told() -> BTreeSet<String> {
    let word = Regex::new(r#""([a-z]+(?:-[a-z]+)+)""#).expect("a pattern");
    let files = [rust_files("shared/src"), rust_files("functions")].concat();
    let code: String = files.iter().map(|file| read(file)).collect();
    word.captures_iter(&code).map(|found| found[1].to_owned()).collect()
}

/// Alarms that can never go off, because nothing in the code has that name.
fn deaf(template: &str, told: &BTreeSet<String>) -> Vec<String> {
    let watched = Regex::new(r"Name: What, Value: ([a-z-]+)").expect("a pattern");
    let watched = watched.captures_iter(template).map(|found| found[1].to_owned());
    watched.filter(|what| !told.contains(what)).map(|what| format!("nothing tells of {what}")).collect()
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

    let told = told();
    assert_none(&deaf(&template, &told));
    let misspelt = with(&template, "Value: payment-to-review", "Value: payment-for-review");
    assert_eq!(deaf(&misspelt, &told), ["nothing tells of payment-for-review"]);
}

#[test]
fn the_names_that_operators_are_told_are_the_template_s() {
    for page in [RUNBOOK, "infra/deploy/samconfig.toml"] {
        assert_none(&unknown_names(&read(page), &template()));
    }
    for (name, other) in [
        ("$(output MerchantSecretArn)", "$(output MerchantKeyArn)"),
        ("$(resource OrdersTable)", "$(resource OrderTable)"),
        (" Egress=VPC", " Exit=VPC"),
    ] {
        assert_eq!(unknown_names(&with(&read(RUNBOOK), name, other), &template()).len(), 1, "{other}");
    }
}
