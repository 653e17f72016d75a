//! A request to any route, in the form of the seeds.
//!
//! ```text
//! POST /api/orders/{orderId}/ship        the route by its name; an unknown name is any route
//! 01K9ZZZZZZZZZZZZZZZZZZZZZZ             the variables of its path, with blanks between them
//! limit=5                                the query
//! idempotency-key: x                     headers, a line each
//!
//! {"logisticsType":1}                    the body
//! ```
//! `$orderId`, `$outTradeNo`, `$userId` and `$openid` stand for those of the user.

use local_template::{RouteAuth, Stack};

/// A route, and the folder of its function.
#[derive(Clone)]
pub(crate) struct FuzzedRoute {
    pub(crate) folder: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) is_for_operators: bool,
}

impl FuzzedRoute {
    /// All routes of the stack. Of a route that takes any method, this is `POST`.
    pub(crate) fn all(stack: &Stack) -> Vec<Self> {
        let routes = stack.functions.iter().flat_map(|function| {
            function.routes.iter().map(|route| Self {
                folder: function.folder.clone(),
                method: if route.method == "ANY" { "POST" } else { &route.method }.to_owned(),
                path: route.path.clone(),
                is_for_operators: route.auth == RouteAuth::AwsIam,
            })
        });
        routes.collect()
    }

    /// The route's name, such as `GET /api/orders/{orderId}`.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What stands for the user's things.
pub(crate) struct Names {
    pub(crate) order_id: String,
    pub(crate) out_trade_no: String,
    pub(crate) user_id: String,
    pub(crate) openid: String,
}

/// A request.
pub(crate) struct FuzzedRequest<'r> {
    pub(crate) route: &'r FuzzedRoute,
    /// The names and values of the path's variables.
    pub(crate) variables: Vec<(String, String)>,
    /// Percent-encoded.
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl<'r> FuzzedRequest<'r> {
    /// Reads the form of the seeds. Everything is a request.
    pub(crate) fn read(routes: &'r [FuzzedRoute], names: &Names, input: &[u8]) -> Self {
        let mut rest = input;
        let key = next_line(&mut rest);
        let route = routes.iter().find(|route| route.key() == key);
        let route = route.or_else(|| routes.get(sum(&key) % routes.len())).expect("a route");
        let values = names.insert(&next_line(&mut rest));
        let mut values = values.split(' ');
        let segments = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let variables = segments.map(|name| {
            let value = values.next().unwrap_or_default();
            (name.trim_end_matches('+').to_owned(), value.to_owned())
        });
        let variables = variables.collect();
        // As clients encode it. A `%` stays, so that broken encodings are inputs as well.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#\"<>`{}^|\\".contains(&byte);
        let query = percent_encode(&names.insert(&next_line(&mut rest)), is_plain);
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let line = next_line(&mut rest);
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            headers.push((name.to_ascii_lowercase(), names.insert(value.trim())));
        }
        let body = match std::str::from_utf8(rest) {
            Ok(text) => names.insert(text).into_bytes(),
            Err(_) => rest.to_vec(),
        };
        Self { route, variables, query, headers, body }
    }

    /// The path with the values of its variables, percent-encoded.
    pub(crate) fn path(&self) -> String {
        let mut path = self.route.path.clone();
        for (name, value) in &self.variables {
            for pattern in [format!("{{{name}}}"), format!("{{{name}+}}")] {
                path = path.replace(&pattern, &percent_encode(value, |byte| byte.is_ascii_alphanumeric()));
            }
        }
        path
    }
}

impl Names {
    fn insert(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        text.replace("$orderId", &self.order_id)
            .replace("$outTradeNo", &self.out_trade_no)
            .replace("$userId", &self.user_id)
            .replace("$openid", &self.openid)
    }
}

/// Encodes every byte that is not `plain`.
fn percent_encode(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

/// The text up to the next line end, without it.
fn next_line(rest: &mut &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (line, after) = rest.split_at(end);
    *rest = after.strip_prefix(b"\n").unwrap_or(after);
    String::from_utf8_lossy(line).into_owned()
}

fn sum(text: &str) -> usize {
    text.bytes().map(usize::from).sum()
}
