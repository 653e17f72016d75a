//! `docs/api.md`, template and code name the same routes, and the same callers of each.

use std::collections::BTreeMap;

use e2e::World;
use local_template::{RouteAuth, Stack};
use regex_lite::Regex;
use serde_json::json;

use crate::workspace::{
    assert_none, differences, pages, quoted, read, rust_files, stack, tables, template, with,
};

const PAGE: &str = "docs/api.md";

/// Route and caller, as the page has them.
fn rows(page: &str) -> Vec<(String, String)> {
    let rows = tables(page, "route").into_iter();
    rows.map(|row| (quoted(&row[0]).remove(0), row[1].clone())).collect()
}

fn routes(stack: &Stack) -> Vec<(String, RouteAuth)> {
    let routes = stack.functions.iter().flat_map(|function| &function.routes);
    routes.map(|route| (format!("{} {}", route.method, route.path), route.auth)).collect()
}

/// Where page and template differ.
fn problems(page: &str, stack: &Stack) -> Vec<String> {
    let (rows, routes) = (rows(page), routes(stack));
    let written: Vec<String> = rows.iter().map(|(route, _)| route.clone()).collect();
    let declared: Vec<String> = routes.iter().map(|(route, _)| route.clone()).collect();
    let mut problems = differences(("docs/api.md", &written), ("template.yaml", &declared));
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
            problems.push(format!("docs/api.md says {} of {route}", who.unwrap_or_default()));
        }
    }
    problems
}

/// The routes that stand as texts in the code of each function.
fn matched() -> BTreeMap<String, Vec<String>> {
    let literal = Regex::new(r#""((?:ANY|DELETE|GET|PATCH|POST|PUT) /[^" ]*)""#).expect("a pattern");
    let folders = local_gateway::registered_folders().into_iter();
    folders
        .map(|folder| {
            let sources = rust_files(&format!("functions/{folder}/src"));
            let code: String = sources.iter().map(|file| read(file)).collect();
            (folder.to_owned(), literal.captures_iter(&code).map(|found| found[1].to_owned()).collect())
        })
        .collect()
}

/// Routes that only the code or only the template has. The code of a function with one route need not name it.
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
fn page_and_template_name_the_same_routes_and_the_ones_that_need_iam() {
    assert_none(&problems(&read(PAGE), &stack(&template())));
}

#[test]
fn a_route_that_is_missing_renamed_or_open_is_named() {
    let (page, template) = (read(PAGE), template());
    let without_row: String =
        page.split_inclusive('\n').filter(|line| !line.starts_with("| `GET /api/user` ")).collect();
    assert_eq!(problems(&without_row, &stack(&template)), ["GET /api/user is not in docs/api.md"]);
    let renamed = with(&template, "Path: /api/login", "Path: /api/log-in");
    assert_eq!(problems(&page, &stack(&renamed)).len(), 2);
    let open = with(&template, ", Auth: {Authorizer: AWS_IAM}", "");
    assert_eq!(
        problems(&page, &stack(&open)),
        ["PUT /api/admin/users/{userId}/role is open: it lacks AWS_IAM"]
    );
    let wrong = with(&page, "role` | operator |", "role` | user |");
    assert_eq!(
        problems(&wrong, &stack(&template)),
        ["docs/api.md says user of PUT /api/admin/users/{userId}/role"]
    );
}

/// Addresses that a page names and that no route has. A page writes a variable in its own way.
fn unknown_addresses(page: &str, stack: &Stack) -> Vec<String> {
    let address =
        Regex::new(r#"(?:(DELETE|GET|POST|PUT) )?[^\s`"'(]*?(/api/[^\s`"',?)]*)"#).expect("a pattern");
    let is_route = |method: Option<&str>, path: &str| {
        routes(stack).iter().any(|(route, _)| {
            let (of, route) = route.split_once(' ').expect("method and path");
            let parts = route.split('/').zip(path.split('/'));
            method.is_none_or(|method| method == of)
                && route.split('/').count() == path.split('/').count()
                && parts.into_iter().all(|(part, written)| part == written || part.starts_with('{'))
        })
    };
    let page = page.replace("<br>", " ");
    // A path of the sources has a folder `api` as well.
    let is_source = |found: &str| found.contains("src/api/") || found.contains("support/api/");
    let is_address = |found: &str| !is_source(found) && !found.contains(['…', '*']);
    let found = address.captures_iter(&page).filter(|found| is_address(&found[0]));
    let unknown = found.filter(|found| !is_route(found.get(1).map(|method| method.as_str()), &found[2]));
    unknown.map(|found| found[0].to_owned()).collect()
}

#[test]
fn every_address_that_a_page_names_is_a_route() {
    let stack = stack(&template());
    for (file, page) in pages() {
        assert_eq!(unknown_addresses(&page, &stack), Vec::<String>::new(), "{file}");
    }
    for (address, is_known) in [
        ("curl $base/api/orders/$orderId", true),
        ("`POST /api/admin/cases/{caseId}/close`", true),
        ("POST /api/products", false),
        ("/api/order", false),
    ] {
        assert_eq!(unknown_addresses(address, &stack).is_empty(), is_known, "{address}");
    }
}

#[test]
fn code_and_template_declare_the_same_routes() {
    assert_none(&unmatched(&matched(), &stack(&template())));
}

#[test]
fn a_route_that_code_and_template_declare_differently_is_named() {
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
async fn every_route_lets_in_whom_the_page_says() {
    let world = World::start().await;
    let variable = Regex::new(r"\{[^}]+\}").expect("a pattern");
    for (route, who) in rows(&read(PAGE)) {
        let (method, path) = route.split_once(' ').expect("method and path");
        let path = variable.replace_all(path, "x");
        // Without a token and without a signature.
        let request = world.request(method, &path).json(&json!({}));
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("a body");
        // A route of WeChat Pay answers with the code FAIL, and the one of WeChat's push with a code that is no JSON.
        let is_wechat_pay = body.contains(r#""code":"FAIL""#);
        let lets_in = match status {
            _ if is_wechat_pay => "WeChat Pay",
            403 if body == "FORBIDDEN" => "WeChat",
            401 => {
                // A user for each route, because one of them erases its user.
                let user = world.user().await;
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
