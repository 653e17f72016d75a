//! `docs/openapi.yaml` agrees with the template, with the table of error codes, and with itself.

use std::collections::BTreeSet;

use e2e::{
    Response, World,
    api::{ApiDescription, Exchange, Node, Operation, usage},
};
use http::{HeaderMap, HeaderValue, header};
use local_template::{RouteAuth, Stack};
use regex_lite::Regex;
use serde_json::{Value, json};
use shared::api::Code;

use crate::workspace::{anchors, assert_none, differences, read, stack, template, with};

const FILE: &str = "docs/openapi.yaml";

/// The operations that the template's routes stand for. Of a route with `ANY`, the description says which methods it names.
fn declared(stack: &Stack, description: &ApiDescription) -> Vec<(String, RouteAuth)> {
    let routes = stack.functions.iter().flat_map(|function| &function.routes);
    let operations = routes.flat_map(|route| {
        let path = route.path.replace("+}", "}");
        let named = description.operations().iter().filter(|operation| operation.path == path);
        let named = named.filter(|operation| description.takes_any_method(operation));
        let methods: Vec<String> = match route.method.as_str() {
            "ANY" => named.map(|operation| operation.method.clone()).collect(),
            method => vec![method.to_owned()],
        };
        let methods = if methods.is_empty() { vec!["ANY".to_owned()] } else { methods };
        methods.into_iter().map(move |method| (format!("{method} {path}"), route.auth))
    });
    operations.collect()
}

/// Where description and template differ.
fn route_problems(description: &ApiDescription, stack: &Stack) -> Vec<String> {
    let declared = declared(stack, description);
    let described: Vec<String> = description.operations().iter().map(ToString::to_string).collect();
    let in_template: Vec<String> = declared.iter().map(|(route, _)| route.clone()).collect();
    let mut problems = differences((FILE, &described), ("template.yaml", &in_template));
    for (route, auth) in &declared {
        match (route.contains(" /api/admin/"), auth) {
            (true, RouteAuth::None) => problems.push(format!("{route} is open: it lacks AWS_IAM")),
            (false, RouteAuth::AwsIam) => {
                problems.push(format!("{route} demands AWS_IAM outside /api/admin/"));
            }
            _ => {}
        }
    }
    for operation in description.operations() {
        let security = description.security(operation);
        if (security == ["operator"]) != operation.path.starts_with("/api/admin/") {
            problems.push(format!("{FILE} says {security:?} of {operation}"));
        }
    }
    problems
}

/// Where the codes of the description differ from those of the code.
fn code_problems(description: &ApiDescription) -> Vec<String> {
    let listed = component(description, "schemas").get("ErrorCode").expect("the list of codes").list("enum");
    let listed: Vec<String> =
        listed.iter().filter_map(|code| code.value.as_str().map(str::to_owned)).collect();
    let known: Vec<String> = Code::ALL.iter().map(|code| code.name().to_owned()).collect();
    let mut problems = differences((FILE, &listed), ("shared/src/api/code.rs", &known));
    let mut answered = BTreeSet::new();
    for operation in description.operations() {
        for (status, response) in members(&description.node(operation), "responses") {
            for code in usage::codes(&response) {
                let known = Code::ALL.iter().find(|known| known.name() == code);
                if known.is_none_or(|known| known.status().as_u16().to_string() != status) {
                    problems.push(format!("{operation} has {code} under {status}"));
                }
                answered.insert(code);
            }
        }
    }
    let answered: Vec<String> = answered.into_iter().collect();
    problems.extend(differences(("the operations", &answered), (FILE, &listed)));
    problems
}

/// Examples that break their schemas, and bodies in JSON that have a schema of ours and no example.
fn example_problems(description: &ApiDescription) -> Vec<String> {
    let mut problems = Vec::new();
    for operation in description.operations() {
        let node = description.node(operation);
        let request = node.get("requestBody").map(|body| ("request", body));
        for (place, part) in request.into_iter().chain(members(&node, "responses")) {
            for (media_type, content) in members(&part, "content") {
                let full_place = format!("{operation}: {place}, {media_type}");
                let examples = examples(&content);
                for example in &examples {
                    let schema = content.get("schema").expect("an example has a schema");
                    let wrong = description.schema_problems(&schema, example);
                    problems.extend(wrong.into_iter().map(|wrong| format!("{full_place}: {wrong}")));
                }
                // A failure shows itself, and WeChat documents what it sends.
                let is_shown = place == "request" || place.starts_with('2');
                let is_ours = content.get("schema").is_some_and(|schema| is_closed(&schema));
                if examples.is_empty() && is_shown && is_ours && media_type == "application/json" {
                    problems.push(format!("{full_place}: there is no example"));
                }
            }
        }
        for parameter in description.parameters(operation) {
            if let (Some(example), Some(schema)) = (parameter.get("example"), parameter.get("schema")) {
                let wrong = description.schema_problems(&schema, example.value);
                problems.extend(wrong.into_iter().map(|wrong| format!("{operation}: {wrong}")));
            }
        }
    }
    problems
}

/// The examples of a body.
fn examples(content: &Node<'_>) -> Vec<Value> {
    let one = content.get("example").map(|example| example.value.clone());
    let several = members(content, "examples").into_iter().filter_map(|(_, example)| example.get("value"));
    one.into_iter().chain(several.map(|example| example.value.clone())).collect()
}

/// Whether the schema names every field.
fn is_closed(schema: &Node<'_>) -> bool {
    schema.get("additionalProperties").is_some_and(|further| further.value == false)
}

/// Objects with fields that take fields which are not described. What WeChat gives and we pass on is open, because WeChat may add to it.
fn open_objects(description: &ApiDescription) -> Vec<String> {
    let mut open = Vec::new();
    let mut nodes = vec![component(description, "schemas"), component(description, "responses")];
    while let Some(node) = nodes.pop() {
        if node.text("type") == Some("object") && node.get("properties").is_some() && !is_closed(&node) {
            open.push(node.pointer.trim_start_matches("/components/schemas/").to_owned());
        }
        let children = node.members().into_iter().map(|(_, child)| child);
        nodes.extend(children.filter(|child| !child.is_reference()));
    }
    open.sort();
    open
}

/// Tags of operations that are not declared, and families whose rules are on no page.
fn tag_problems(description: &ApiDescription) -> Vec<String> {
    let tags = description.root().list("tags");
    let page = anchors(&read("docs/api.md"));
    let mut problems = Vec::new();
    let mut names = Vec::new();
    for tag in &tags {
        let url = tag.get("externalDocs").and_then(|docs| docs.text("url")).unwrap_or_default();
        if !url.strip_prefix("api.md#").is_some_and(|anchor| page.iter().any(|one| one == anchor)) {
            problems.push(format!("{url} leads nowhere"));
        }
        names.extend(tag.text("name").map(str::to_owned));
    }
    let used = description.operations().iter().flat_map(|operation| description.node(operation).list("tags"));
    let used: BTreeSet<String> = used.filter_map(|tag| tag.value.as_str().map(str::to_owned)).collect();
    problems
        .extend(differences(("the tags", &names), ("the operations", &used.into_iter().collect::<Vec<_>>())));
    problems
}

fn component<'d>(description: &'d ApiDescription, kind: &str) -> Node<'d> {
    let components = description.root().get("components").expect("components");
    components.get(kind).expect("components of this kind")
}

fn members<'d>(node: &Node<'d>, name: &str) -> Vec<(&'d str, Node<'d>)> {
    node.get(name).map(|node| node.members()).unwrap_or_default()
}

fn description(text: &str) -> ApiDescription {
    ApiDescription::parse(text)
}

#[test]
fn description_and_template_have_the_same_routes_and_callers() {
    let (text, template) = (read(FILE), template());
    assert_none(&route_problems(&description(&text), &stack(&template)));
    let renamed = with(&template, "Path: /api/login", "Path: /api/log-in");
    assert_eq!(
        route_problems(&description(&text), &stack(&renamed)),
        ["POST /api/log-in is not in docs/openapi.yaml", "POST /api/login is not in template.yaml"]
    );
    let open = with(&template, ", Auth: {Authorizer: AWS_IAM}", "");
    assert_eq!(
        route_problems(&description(&text), &stack(&open)),
        ["PUT /api/admin/users/{userId}/role is open: it lacks AWS_IAM"]
    );
    let wrong = with(&text, "security: [{operator: []}]", "security: [{user: []}]");
    assert_eq!(
        route_problems(&description(&wrong), &stack(&template)),
        [r#"docs/openapi.yaml says ["user"] of PUT /api/admin/users/{userId}/role"#]
    );
}

#[test]
fn the_codes_of_the_description_are_those_of_the_code() {
    let text = read(FILE);
    assert_none(&code_problems(&description(&text)));
    let altered = with(&text, "code: {const: LOGIN_BLOCKED}", "code: {const: NOT_FOUND}");
    assert_eq!(
        code_problems(&description(&altered)),
        ["POST /api/login has NOT_FOUND under 403", "LOGIN_BLOCKED is not in the operations"]
    );
}

#[test]
fn every_example_is_what_its_schema_says() {
    let text = read(FILE);
    assert_none(&example_problems(&description(&text)));
    let altered = with(&text, "expiresIn: 604800", "expiresIn: a week");
    assert_eq!(
        example_problems(&description(&altered)),
        [r#"POST /api/login: 200, application/json: /expiresIn "a week" is not of type "integer""#]
    );
}

#[test]
fn only_what_wechat_gives_can_have_fields_that_are_not_described() {
    let text = read(FILE);
    assert_eq!(
        open_objects(&description(&text)),
        [
            "CategoriesAnswer/properties/data/items",
            "KeywordsAnswer/properties/data/items",
            "LibraryAnswer/properties/data/items",
            "TemplatesAnswer/properties/data/items",
            "WechatProfileAnswer/properties/userInfo",
        ]
    );
}

#[test]
fn every_family_has_its_rules_on_the_page() {
    let text = read(FILE);
    assert_none(&tag_problems(&description(&text)));
    let altered = with(&text, "api.md#soter", "api.md#finger");
    assert_eq!(tag_problems(&description(&altered)), ["api.md#finger leads nowhere"]);
}

#[test]
fn an_operation_is_found_by_its_path_and_its_method() {
    let description = ApiDescription::shared();
    for (method, path, found) in [
        ("GET", "/api/orders/01M8GZ2W9851B78Z8FNZ1992SS", "GET /api/orders/{orderId}"),
        ("POST", "/api/admin/messages/typing", "POST /api/admin/messages/typing"),
        ("POST", "/api/admin/template-messages/library/list", "POST /api/admin/template-messages/{proxy}"),
        ("PATCH", "/api/user-storage", "GET /api/user-storage"),
        ("PATCH", "/api/user", ""),
        ("GET", "/api/orders/", ""),
        ("GET", "/api/orders/a/b", ""),
    ] {
        let operation = description.find(method, path).map(Operation::to_string).unwrap_or_default();
        assert_eq!(operation, found, "{method} {path}");
    }
}

#[test]
fn an_exchange_that_is_not_described_is_named() {
    let json = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let authorized = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer t"))]);
    let order = r#"{"success":true,"orderId":"01M8GZ2W9851B78Z8FNZ1992SS","outTradeNo":"01M8GZ2W9851B78Z8FNZ1992SS01","totalFee":1}"#;
    let failure = |code: &str| format!(r#"{{"success":false,"code":"{code}","message":"","requestId":""}}"#);
    let one = r#"{"productId":"water","quantity":1}"#;
    for (path, body, status, answer, problem) in [
        ("/api/orders", one, 200, order.to_owned(), ""),
        ("/api/orders", one, 409, failure("OUT_OF_STOCK"), ""),
        ("/api/orders", one, 409, failure("ORDER_PAID"), "ORDER_PAID"),
        ("/api/orders", one, 410, failure("GONE"), "the answer 410 is not described"),
        ("/api/orders", one, 429, failure("RATE_LIMITED"), "the answer 429 is not described"),
        ("/api/orders", one, 200, order.replace("totalFee", "total"), "total"),
        (
            "/api/orders",
            r#"{"productId":"water"}"#,
            200,
            order.to_owned(),
            "a body succeeds that is not described",
        ),
        ("/api/orders", "", 200, order.to_owned(), "a body is required"),
        ("/api/orders?now=1", one, 200, order.to_owned(), "the parameter now in query is not described"),
        ("/api/order", one, 200, order.to_owned(), "there is no such operation"),
    ] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let response =
            Response { status, headers: json.clone(), bytes: answer.clone().into_bytes(), body: answer };
        let exchange = Exchange {
            method: "POST",
            path,
            query,
            headers: &authorized,
            body: body.as_bytes(),
            response: &response,
        };
        let problems = ApiDescription::shared().problems(&exchange).concat();
        assert!(
            problems.contains(problem) && problems.is_empty() == problem.is_empty(),
            "{path} {status}: {problems}"
        );
    }
}

#[tokio::test]
async fn every_operation_lets_in_whom_the_description_says() {
    let world = World::start().await;
    let variable = Regex::new(r"\{[^}]+\}").expect("a pattern");
    let description = ApiDescription::shared();
    for operation in description.operations() {
        let who = description.security(operation).remove(0);
        let path = variable.replace_all(&operation.path, "x");
        // Without a token and without a signature.
        let answer = world.send(world.request(&operation.method, &path).json(&json!({}))).await;
        // A route of WeChat Pay answers with the code FAIL, and the one of WeChat's push with a code that is no JSON.
        let lets_in = match answer.status {
            _ if answer.body.contains(r#""code":"FAIL""#) => "weChatPay",
            403 if answer.body == "FORBIDDEN" => "weChatPush",
            401 => {
                // A user for each route, because one of them erases its user.
                let user = world.user().await;
                let request = world.request(&operation.method, &path).bearer_auth(&user.token);
                let answer = world.send(request.json(&json!({}))).await;
                if answer.status == 403 { "staff" } else { "user" }
            }
            403 => "operator",
            _ => "",
        };
        assert_eq!(lets_in, who, "{operation}");
    }
}
