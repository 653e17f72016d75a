//! What the description says of an exchange.

use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::Value;

use super::{ApiDescription, Node, Operation};
use crate::Response;

/// A request and its answer.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The query; empty if there is none.
    pub query: &'a str,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The body of the request.
    pub body: &'a [u8],
    /// The answer.
    pub response: &'a Response,
}

impl<'a> Exchange<'a> {
    /// Whether the answer is a success. Other requests can be malformed on purpose.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.response.status)
    }

    /// The media type of the answer, without parameters; empty if there is none.
    #[must_use]
    pub fn answer_type(&self) -> &'a str {
        media_type(&self.response.headers)
    }

    /// The answer as a value: JSON, or a text.
    #[must_use]
    pub fn answer(&self) -> Value {
        value(self.answer_type(), &self.response.body)
    }

    /// The parameters in the query, decoded.
    pub(super) fn query_parameters(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
    }
}

impl ApiDescription {
    /// What of the exchange the description does not allow.
    ///
    /// A request that was refused is not looked at, because tests send malformed ones on purpose.
    #[must_use]
    pub fn problems(&self, exchange: &Exchange<'_>) -> Vec<String> {
        let Some(operation) = self.find(exchange.method, exchange.path) else {
            // API Gateway itself says that there is no such route.
            let is_unknown =
                exchange.response.status == 404 && !exchange.response.body.contains("\"success\"");
            return if is_unknown { Vec::new() } else { vec!["there is no such operation".to_owned()] };
        };
        let mut problems = self.answer_problems(operation, exchange);
        if exchange.is_success() {
            problems.extend(self.body_problems(operation, exchange));
            problems.extend(self.parameter_problems(operation, exchange));
        }
        problems.into_iter().map(|problem| format!("{operation}: {problem}")).collect()
    }

    /// The schema of the answer, if it has one.
    pub(super) fn answer_schema(&self, operation: &Operation, exchange: &Exchange<'_>) -> Option<Node<'_>> {
        let response = self.node(operation).get("responses")?.get(&exchange.response.status.to_string())?;
        response.get("content")?.get(exchange.answer_type())?.get("schema")
    }

    /// The schema of the request's body, and the body, if it is JSON.
    pub(super) fn request_schema(
        &self,
        operation: &Operation,
        exchange: &Exchange<'_>,
    ) -> Option<(Node<'_>, Value)> {
        let content = self.node(operation).get("requestBody")?.get("content")?;
        // Operators' requests in tests name no type, and a type that is wrong is taken too.
        let media_type =
            if content.members().len() == 1 { "application/json" } else { media_type(exchange.headers) };
        let schema = content.get(media_type)?.get("schema")?;
        let body = std::str::from_utf8(exchange.body).ok().filter(|body| !body.is_empty())?;
        Some((schema, value(media_type, body)))
    }

    fn answer_problems(&self, operation: &Operation, exchange: &Exchange<'_>) -> Vec<String> {
        let Response { status, headers, body, .. } = exchange.response;
        let responses = self.node(operation).get("responses").expect("responses");
        let Some(response) = responses.get(&status.to_string()) else {
            return vec![format!("the answer {status} is not described: {body}")];
        };
        let mut problems = Vec::new();
        let described = response.get("headers").map(|headers| headers.members()).unwrap_or_default();
        for (name, header) in &described {
            let is_required = header.get("required").is_some_and(|required| required.value == true);
            if is_required && !headers.contains_key(*name) {
                problems.push(format!("the answer {status} lacks the header {name}"));
            }
        }
        for name in ["retry-after", "access-control-allow-origin"] {
            let is_described = described.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
            if headers.contains_key(name) && !is_described {
                problems.push(format!("the header {name} of the answer {status} is not described"));
            }
        }
        let content = response.get("content").map(|content| content.members()).unwrap_or_default();
        if content.is_empty() && body.is_empty() {
            return problems;
        }
        let media_type = exchange.answer_type();
        if !content.iter().any(|(name, _)| *name == media_type) {
            problems.push(format!("the answer {status} with {media_type:?} is not described: {body}"));
        }
        if let Some(schema) = self.answer_schema(operation, exchange) {
            let wrong = self.schema_problems(&schema, &exchange.answer());
            problems.extend(wrong.into_iter().map(|wrong| format!("the answer {status}: {wrong}\n{body}")));
        }
        problems
    }

    fn body_problems(&self, operation: &Operation, exchange: &Exchange<'_>) -> Vec<String> {
        let body = self.node(operation).get("requestBody");
        let is_required =
            body.and_then(|body| body.get("required")).is_some_and(|required| required.value == true);
        if is_required && exchange.body.is_empty() {
            return vec!["a body is required, and a request without one succeeds".to_owned()];
        }
        let Some((schema, body)) = self.request_schema(operation, exchange) else { return Vec::new() };
        let wrong = self.schema_problems(&schema, &body);
        wrong
            .into_iter()
            .map(|wrong| format!("a body succeeds that is not described: {wrong}\n{body}"))
            .collect()
    }

    fn parameter_problems(&self, operation: &Operation, exchange: &Exchange<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        let parameters = self.parameters(operation);
        let in_place = |place: &str, name: &str| {
            let is_it = |parameter: &&Node<'_>| {
                parameter.text("in") == Some(place) && parameter.text("name") == Some(name)
            };
            parameters.iter().find(is_it)
        };
        let mut check = |place: &str, name: &str, text: &str| match in_place(place, name) {
            Some(parameter) => {
                if let Some(schema) = parameter.get("schema") {
                    let number = text.parse::<i64>().ok().map(Value::from);
                    let as_text = self.schema_problems(&schema, &Value::from(text));
                    let is_number =
                        number.is_some_and(|number| self.schema_problems(&schema, &number).is_empty());
                    if !is_number && !as_text.is_empty() {
                        problems.push(format!(
                            "{name}={text:?} succeeds and is not described: {}",
                            as_text.concat()
                        ));
                    }
                }
            }
            None => problems.push(format!("the parameter {name} in {place} is not described")),
        };
        let of_security = self.security_parameters(operation);
        for (name, text) in exchange.query_parameters() {
            if !of_security.contains(&name) {
                check("query", &name, &text);
            }
        }
        for (name, text) in operation.variables(exchange.path) {
            check("path", name, &decoded(text));
        }
        if let Some(key) = exchange.headers.get("idempotency-key") {
            check("header", "Idempotency-Key", key.to_str().unwrap_or_default());
        }
        for parameter in &parameters {
            let name = parameter.text("name").unwrap_or_default();
            let is_required = parameter.get("required").is_some_and(|required| required.value == true);
            let is_there = match parameter.text("in") {
                Some("query") => exchange.query_parameters().any(|(other, _)| other == name),
                Some("header") => exchange.headers.contains_key(name),
                _ => true,
            };
            if is_required && !is_there {
                problems.push(format!("{name} is required, and a request without it succeeds"));
            }
        }
        let needs_authorization = self
            .security(operation)
            .iter()
            .all(|scheme| ["user", "staff", "operator"].contains(&scheme.as_str()));
        if needs_authorization && !exchange.headers.contains_key("authorization") {
            problems.push("a request without Authorization succeeds".to_owned());
        }
        problems
    }

    /// The names of parameters that the operation's security schemes are about.
    fn security_parameters(&self, operation: &Operation) -> Vec<String> {
        let schemes = self.root().get("components").and_then(|components| components.get("securitySchemes"));
        let schemes = schemes.expect("security schemes");
        let of_operation = self.security(operation).into_iter().filter_map(|name| schemes.get(&name));
        let in_query = of_operation.filter(|scheme| scheme.text("in") == Some("query"));
        in_query.filter_map(|scheme| scheme.text("name").map(str::to_owned)).collect()
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// A body as a value: JSON, or a text.
fn value(media_type: &str, body: &str) -> Value {
    let json = (media_type == "application/json").then(|| serde_json::from_str(body).ok()).flatten();
    json.unwrap_or_else(|| Value::from(body))
}

/// The text without percent-encoding.
fn decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
