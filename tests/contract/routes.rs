//! Pages, template and code name the same routes. The description of the API has checks of its own, in `api_description.rs`.

use std::collections::BTreeMap;

use local_template::Stack;
use regex_lite::Regex;

use crate::workspace::{assert_none, differences, pages, read, rust_files, stack, template, with};

/// The template's routes, such as `GET /api/orders/{orderId}`.
fn routes(stack: &Stack) -> Vec<String> {
    let routes = stack.functions.iter().flat_map(|function| &function.routes);
    routes.map(|route| format!("{} {}", route.method, route.path)).collect()
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

/// Addresses that a page names and that no route has. A page writes a variable in its own way.
fn unknown_addresses(page: &str, stack: &Stack) -> Vec<String> {
    let address =
        Regex::new(r#"(?:(DELETE|GET|POST|PUT) )?[^\s`"'(]*?(/api/[^\s`"',?)]*)"#).expect("a pattern");
    let is_route = |method: Option<&str>, path: &str| {
        routes(stack).iter().any(|route| {
            let (of, route) = route.split_once(' ').expect("method and path");
            let parts = route.split('/').zip(path.split('/'));
            method.is_none_or(|method| method == of)
                && route.split('/').count() == path.split('/').count()
                && parts.into_iter().all(|(part, written)| part == written || part.starts_with('{'))
        })
    };
    let page = page.replace("<br>", " ");
    // A path of the sources has a folder `api` as well, and so has the page of the local world that shows the description.
    let others = ["src/api/", "support/api/", "/_wechat/api"];
    let is_address =
        |found: &str| !others.iter().any(|other| found.contains(other)) && !found.contains(['…', '*']);
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
