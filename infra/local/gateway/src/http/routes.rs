//! The routes of the template, and which one a request takes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local_template::{RouteAuth, Stack};
use matchit::Router;

use crate::{error::StartError, function::Deployed, functions::Functions};

/// A route with the function behind it.
pub(crate) struct Endpoint {
    /// As the template names it: `GET /api/orders/{orderId}`.
    pub(crate) route_key: String,
    /// What it demands of the caller.
    pub(crate) auth: RouteAuth,
    /// How long API Gateway waits.
    pub(crate) limit: Duration,
    /// The function.
    pub(crate) function: Arc<Deployed>,
}

/// What was found for a request.
pub(super) struct Matched {
    pub(super) endpoint: Arc<Endpoint>,
    /// The values of the path's variables, percent-decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

/// The routes by method.
#[derive(Default)]
pub(crate) struct Routes(BTreeMap<String, Router<Arc<Endpoint>>>);

impl Routes {
    pub(crate) fn new(stack: &Stack, functions: &Functions) -> Result<Self, StartError> {
        let mut routes = Self::default();
        for function in &stack.functions {
            let Some(deployed) = functions.of(&function.folder) else { continue };
            for route in &function.routes {
                let asked =
                    route.timeout_millis.map_or(LONGEST, |millis| Duration::from_millis(millis.into()));
                let endpoint = Endpoint {
                    route_key: format!("{} {}", route.method, route.path),
                    auth: route.auth,
                    limit: deployed.timeout().min(asked).min(LONGEST),
                    function: Arc::clone(deployed),
                };
                routes.add(&route.method, &route.path, endpoint)?;
            }
        }
        Ok(routes)
    }

    fn add(&mut self, method: &str, path: &str, endpoint: Endpoint) -> Result<(), StartError> {
        let route = endpoint.route_key.clone();
        let router = self.0.entry(method.to_owned()).or_default();
        router
            .insert(pattern(path), Arc::new(endpoint))
            .map_err(|error| StartError::Route { route, problem: error.to_string() })
    }

    /// The route of a request; one of its own method is preferred to `ANY`.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Matched> {
        let found = [method, "ANY"].into_iter().find_map(|key| self.0.get(key)?.at(path).ok())?;
        let parameters = found.params.iter().map(|(name, value)| (name.to_owned(), decode(value))).collect();
        Some(Matched { endpoint: Arc::clone(found.value), parameters })
    }
}

/// API Gateway writes `{proxy+}` for what matches slashes as well.
fn pattern(path: &str) -> String {
    match path.strip_suffix("+}").and_then(|path| path.rsplit_once('{')) {
        Some((before, name)) => format!("{before}{{*{name}}}"),
        None => path.to_owned(),
    }
}

/// Undoes percent-encoding; what is not an encoding stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// API Gateway gives up after 30 seconds.
const LONGEST: Duration = Duration::from_secs(29);
