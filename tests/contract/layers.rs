//! The folders of the simulated WeChat use each other in one direction:
//!
//! ```text
//!   core ◀── base ◀─┬─ services ◀─┬─ simulator
//!                   └─ pay      ◀─┘
//! ```
//!
//! A service uses no other service. Tests may use everything.

use crate::workspace::{assert_none, read, rust_files};

const SIMULATOR: &str = "infra/local/wechat/src";

/// Each folder with those that its code may use beside itself.
const FOLDERS: [(&str, &[&str]); 5] = [
    ("core", &[]),
    ("base", &["core"]),
    ("services", &["core", "base"]),
    ("pay", &["core", "base"]),
    ("simulator", &["core", "base", "services", "pay"]),
];

/// A folder of which each folder inside stands for itself.
const APART: &str = "services";

/// What is wrong with the paths in a file. `file` is relative to the simulator's sources.
fn problems(file: &str, code: &str) -> Vec<String> {
    let module = module_of(file);
    let Some(from) = module.first().cloned() else { return Vec::new() };
    let Some((_, may_use)) = FOLDERS.iter().find(|(folder, _)| *folder == from) else {
        return vec![format!("{file}: {from} is not in tests/contract/layers.rs: say what it may use")];
    };
    let mut problems = Vec::new();
    for (line, path) in paths(&shipped(code), &module) {
        let Some(to) = path.first() else { continue };
        let is_sibling = from == APART && *to == from && path.get(1) != module.get(1);
        let why = if is_sibling && module.len() > 1 {
            "a service uses no other service".to_owned()
        } else if *to == from || may_use.contains(&to.as_str()) {
            continue;
        } else if FOLDERS.iter().any(|(folder, _)| folder == to) {
            format!("{from} may use {} only", [&[from.as_str()], *may_use].concat().join(", "))
        } else {
            "name the module that it is defined in, not what lib.rs shows of it".to_owned()
        };
        problems.push(format!("{file}:{line}: `crate::{}` points the wrong way: {why}", path.join("::")));
    }
    problems
}

/// The path of the module in a file, without `crate`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let names = path.split('/').map(str::to_owned);
    names.filter(|name| name != "lib" && name != "mod").collect()
}

/// The code without comments and without the tests at its end; every line keeps its number.
fn shipped(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let is_tests =
        |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    let end = lines.windows(2).position(is_tests).unwrap_or(lines.len());
    let is_code = |line: &str| !line.trim_start().starts_with("//");
    lines.iter().take(end).map(|line| if is_code(line) { *line } else { "" }).collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate` or `super`, by line, as it is from the crate's root.
fn paths(code: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let (before, mut rest) = code.split_at(at);
            if before.ends_with(is_part_of_path) {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            let mut known = module.to_vec();
            if start == "crate::" {
                known.clear();
                rest = &rest[start.len()..];
            }
            while let Some(shorter) = rest.strip_prefix("super::") {
                known.truncate(known.len().saturating_sub(1));
                rest = shorter;
            }
            let names = match rest.strip_prefix('{') {
                Some(group) => members(group),
                None => vec![rest],
            };
            for name in names {
                let end = name.find(|c: char| !(is_part_of_path(c))).unwrap_or(name.len());
                let named = name[..end].split("::").filter(|name| !name.is_empty()).map(str::to_owned);
                paths.push((line, known.iter().cloned().chain(named).collect()));
            }
        }
    }
    paths
}

fn is_part_of_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// What stands between the braces of `{a::b, c::{d, e}}`, whose first brace is cut off.
fn members(group: &str) -> Vec<&str> {
    let (mut members, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => {
                members.push(group[begin..at].trim());
                return members;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(group[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    members
}

#[test]
fn folders_of_the_simulator_use_only_those_below_them() {
    let files = rust_files(SIMULATOR);
    let sources: Vec<_> = files
        .iter()
        .filter_map(|file| file.strip_prefix(&format!("{SIMULATOR}/")))
        .filter(|file| !file.starts_with("tests/") && !file.ends_with("/tests.rs"))
        .collect();
    assert!(sources.len() > 100, "{sources:?}");
    let found: Vec<_> =
        sources.iter().flat_map(|file| problems(file, &read(&format!("{SIMULATOR}/{file}")))).collect();
    assert_none(&found);
}

#[test]
fn a_path_that_points_the_wrong_way_is_named_with_its_line() {
    for (file, code, line) in [
        ("core/log.rs", "use crate::pay::ledger::Ledger;", 1),
        ("core/server.rs", "\nuse crate::{core::log, base::users};", 2),
        ("core/server.rs", "use std::io;\nuse crate::{\n    core::log,\n    base::users,\n};", 2),
        ("core/mod.rs", "use super::simulator::Simulator;", 1),
        ("base/mod.rs", "fn f() -> crate::services::cards::NewCard {}", 1),
        ("base/tokens/mod.rs", "use super::super::pay::v2;", 1),
        ("base/users.rs", "use crate::User;", 1),
        ("services/cards/wx.rs", "use crate::services::soter::SoterService;", 1),
        ("services/cards/wx.rs", "use super::super::soter::SoterService;", 1),
        ("services/werun/mod.rs", "use super::cards::NewCard;", 1),
        ("services/werun/mod.rs", "use crate::pay::version::SignType;", 1),
        ("pay/v3/close.rs", "use crate::services::cards::{CardStatus, NewCard};", 1),
        ("pay/mod.rs", "use crate::simulator::Simulator;", 1),
        ("others/mod.rs", "", 0),
    ] {
        let found = problems(file, code);
        assert_eq!(found.len(), 1, "{file}: {code}: {found:?}");
        let place = if line == 0 { format!("{file}: ") } else { format!("{file}:{line}: ") };
        assert!(found[0].starts_with(&place), "{found:?}");
    }
}

#[test]
fn a_path_that_points_down_or_stands_in_a_comment_or_a_test_is_allowed() {
    for (file, code) in [
        ("lib.rs", "pub use crate::simulator::{Options, Simulator};"),
        ("core/log.rs", "use super::random;\nuse crate::core::clock::{DAY, HOUR};"),
        ("core/log.rs", "/// See [`crate::Simulator::set_fault`].\n// crate::pay\npub(crate) struct Log;"),
        ("core/log.rs", "#[cfg(test)]\nmod tests {\n    use crate::pay::v2;\n}"),
        ("base/tokens/mod.rs", "use super::access;\nuse crate::core::lock::lock;"),
        ("services/cards/wx.rs", "use super::add::Wanted;\nuse crate::services::cards::NewCard;"),
        ("services/mod.rs", "pub(crate) mod cards;"),
        ("pay/ledger/refunds.rs", "use super::super::version::ApiVersion;\nuse crate::base::Base;"),
        ("simulator/mod.rs", "use crate::{pay::service::PayService, services::cards::CardService};"),
    ] {
        assert_eq!(problems(file, code), [""; 0], "{file}: {code}");
    }
}
