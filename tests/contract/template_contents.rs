//! The list at the head of the template: its sections in their order, with the functions in them.

use crate::workspace::{assert_none, stack, template, with};

/// The sections of the template: the titles of its banners, each with the logical ids that follow it.
fn sections(template: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    let mut lines = template.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("# ----") {
            let banner: Vec<&str> =
                lines.by_ref().take_while(|line| !line.trim_start().starts_with("# ----")).collect();
            let title = banner.first().map(|line| line.trim_start_matches([' ', '#'])).unwrap_or_default();
            sections.push((title.to_owned(), Vec::new()));
        } else if let (Some(id), Some((_, ids))) = (logical_id(line), sections.last_mut()) {
            ids.push(id.to_owned());
        }
    }
    sections
}

/// What a line such as `  OrdersTable:` begins.
fn logical_id(line: &str) -> Option<&str> {
    let id = line.strip_prefix("  ")?.strip_suffix(':')?;
    id.chars().all(|c| c.is_ascii_alphanumeric()).then_some(id)
}

/// The list at the head of the template has each section, in order, and names the functions of those that have functions.
fn contents_problems(template: &str) -> Vec<String> {
    let stack = stack(template);
    let rows: Vec<(&str, &str)> = template
        .lines()
        .take_while(|line| line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("#   "))
        .map(|row| row.split_once("  ").unwrap_or((row, "")))
        .collect();
    let mut problems = Vec::new();
    let sections = sections(template);
    let titles: Vec<&str> = sections.iter().map(|(title, _)| title.as_str()).collect();
    let listed: Vec<&str> = rows.iter().map(|(title, _)| *title).collect();
    if titles != listed {
        problems.push(format!("the list at the head should be: {}", titles.join(" | ")));
    }
    for (title, ids) in &sections {
        let functions = ids.iter().filter_map(|id| stack.function(id));
        let folders: Vec<_> = functions.map(|function| function.folder.as_str()).collect();
        let row = rows.iter().find(|(listed, _)| listed == title).map_or("", |(_, row)| row.trim());
        let named = row.split_once("; ").map_or(row, |(functions, _)| functions);
        if !folders.is_empty() && named != folders.join(", ") {
            problems.push(format!("{title} should be listed with: {}", folders.join(", ")));
        }
    }
    let ids: Vec<String> = sections.into_iter().flat_map(|(_, ids)| ids).collect();
    for (at, id) in ids.iter().enumerate() {
        let Some(function) = stack.function(id).and_then(|_| id.strip_suffix("Function")) else { continue };
        let expected = ["Role", "LogGroup"].map(|what| format!("{function}{what}"));
        if !ids[at + 1..].starts_with(&expected) {
            problems.push(format!("{} should stand below {id}", expected.join(" and ")));
        }
    }
    problems
}

#[test]
fn the_list_at_the_head_of_the_template_names_its_sections_and_functions() {
    let template = template();
    assert_none(&contents_problems(&template));
    let renamed = with(&template, "  # Token broker\n", "  # Tokens\n");
    let problems = contents_problems(&renamed);
    assert!(problems.len() == 2 && problems[0].contains("| Roles | Tokens | Users |"), "{problems:?}");
    let missing = with(&template, "login, user, phone,", "login, phone,");
    assert_eq!(
        contents_problems(&missing),
        ["Users should be listed with: login, user, phone, werun, soter-verify"]
    );
    let group = "\n  UserLogGroup:\n    Type: AWS::Logs::LogGroup\n    Properties: {RetentionInDays: !Ref LogRetentionDays}\n";
    let moved = with(&template, group, "");
    let moved = with(&moved, "\n  UserRole:\n", &format!("{group}\n  UserRole:\n"));
    assert_eq!(contents_problems(&moved), ["UserRole and UserLogGroup should stand below UserFunction"]);
}
