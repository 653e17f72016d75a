//! README, template and code tell of the same routes, and of who may call them.

use std::collections::BTreeMap;

use e2e::World;
use local_template::{RouteAuth, Stack};
use regex_lite::Regex;
use serde_json::json;

use crate::workspace::{
    assert_none, differences, quoted, read, rust_files, section, stack, table, template, with,
};

/// Route and caller, as the README has them.
fn rows(readme: &str) -> Vec<(String, String)> {
    let rows = table(section(readme, "Routes"), "route").into_iter();
    rows.map(|row| (quoted(&row[0]).remove(0), row[1].clone())).collect()
}

fn routes(stack: &Stack) -> Vec<(String, RouteAuth)> {
    let routes = stack.functions.iter().flat_map(|function| &function.routes);
    routes.map(|route| (format!("{} {}", route.method, route.path), route.auth)).collect()
}

/// What README and template tell differently.
fn problems(readme: &str, stack: &Stack) -> Vec<String> {
    let (rows, routes) = (rows(readme), routes(stack));
    let written: Vec<String> = rows.iter().map(|(route, _)| route.clone()).collect();
    let declared: Vec<String> = routes.iter().map(|(route, _)| route.clone()).collect();
    let mut problems = differences(("the README's table of routes", &written), ("template.yaml", &declared));
    for (route, auth) in &routes {
        let is_admin = route.contains(" /api/admin/");
        match (is_admin, auth) {
            (true, RouteAuth::None) => problems.push(format!("{route} is open: it lacks AWS_IAM")),
            (false, RouteAuth::AwsIam) => {
                problems.push(format!("{route} demands AWS_IAM outside /api/admin/"))
            }
            _ => {}
        }
        let who = rows.iter().find(|(written, _)| written == route).map(|(_, who)| who.as_str());
        if who.is_some_and(|who| (who == "operator") != is_admin) {
            problems.push(format!("the README says {} of {route}", who.unwrap_or_default()));
        }
    }
    problems
}

/// The routes that stand as texts in the code of each function.
fn matched() -> BTreeMap<String, Vec<String>> {
    let literal = Regex::new(r#""((?:DELETE|GET|PATCH|POST|PUT) /[^" ]*)""#).expect("a pattern");
    let folders = local_gateway::registered().into_iter();
    folders
        .map(|folder| {
            let sources = rust_files(&format!("functions/{folder}/src"));
            let code: String = sources.iter().map(|file| read(file)).collect();
            (folder.to_owned(), literal.captures_iter(&code).map(|found| found[1].to_owned()).collect())
        })
        .collect()
}

/// What code and template tell differently. A function of one route need not look which one it is.
fn unmatched(matched: &BTreeMap<String, Vec<String>>, stack: &Stack) -> Vec<String> {
    let of_function = stack.functions.iter().map(|function| {
        let folder = &function.folder;
        let routes = function.routes.iter().map(|route| format!("{} {}", route.method, route.path));
        let declared: Vec<String> = routes.collect();
        let matched = matched.get(folder).cloned().unwrap_or_default();
        if declared.len() < 2 && matched.is_empty() {
            return Vec::new();
        }
        let code = format!("the code of functions/{folder}");
        differences((&code, &matched), (&format!("the template's block of {folder}"), &declared))
    });
    of_function.flatten().collect()
}

#[test]
fn readme_and_template_name_the_same_routes_and_operators_routes_alone_demand_iam() {
    assert_none(&problems(&read("README.md"), &stack(&template())));
}

#[test]
fn a_route_that_is_missing_renamed_or_open_is_named() {
    let (readme, template) = (read("README.md"), template());
    let without_row: String =
        readme.split_inclusive('\n').filter(|line| !line.starts_with("| `GET /api/user` ")).collect();
    assert_eq!(
        problems(&without_row, &stack(&template)),
        ["GET /api/user is not in the README's table of routes"]
    );
    let renamed = with(&template, "Path: /api/login", "Path: /api/log-in");
    assert_eq!(problems(&readme, &stack(&renamed)).len(), 2);
    let open = with(&template, "            Auth:\n              Authorizer: AWS_IAM\n", "");
    assert_eq!(
        problems(&readme, &stack(&open)),
        ["PUT /api/admin/users/{userId}/role is open: it lacks AWS_IAM"]
    );
    let wrong = with(&readme, "role` | operator |", "role` | user |");
    assert_eq!(
        problems(&wrong, &stack(&template)),
        ["the README says user of PUT /api/admin/users/{userId}/role"]
    );
}

#[test]
fn every_route_that_code_looks_for_is_declared_and_every_declared_one_is_looked_for() {
    assert_none(&unmatched(&matched(), &stack(&template())));
}

#[test]
fn a_route_that_code_and_template_tell_differently_is_named() {
    let renamed = with(&template(), "Path: /api/user/profile", "Path: /api/user/portrait");
    assert_eq!(
        unmatched(&matched(), &stack(&renamed)),
        [
            "POST /api/user/portrait is not in the code of functions/user",
            "POST /api/user/profile is not in the template's block of user",
        ]
    );
}

#[tokio::test]
async fn every_route_lets_in_whom_the_readme_says() {
    let world = World::start().await;
    let user = world.user().await;
    let variable = Regex::new(r"\{[^}]+\}").expect("a pattern");
    for (route, who) in rows(&read("README.md")) {
        let (method, path) = route.split_once(' ').expect("method and path");
        let path = variable.replace_all(path, "x");
        // Without a token and without a signature.
        let request = world.request(method, &path).json(&json!({}));
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        // JSON is one of the two languages that WeChat Pay speaks, and FAIL one of its words.
        let is_wechat_pay = answer.text().await.expect("a body").contains(r#""code":"FAIL""#);
        let lets_in = match status {
            _ if is_wechat_pay => "WeChat Pay",
            401 => {
                let request = world.request(method, &path).bearer_auth(&user.token).json(&json!({}));
                let answer = request.send().await.expect("an answer");
                if answer.status() == 403 { "staff" } else { "user" }
            }
            403 => "operator",
            _ => "anybody",
        };
        assert_eq!(lets_in, who, "{route}");
    }
}
