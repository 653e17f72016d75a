//! The routes of the template, and the choice of the route of a request.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local_template::{RouteAuth, Stack};
use matchit::Router;

use super::limits::MAX_WAIT;
use crate::{error::StartError, function::DeployedFunction, functions::DeployedFunctions};

/// A route with the function behind it.
pub(crate) struct Endpoint {
    /// Method and path as in the template, such as `GET /api/orders/{orderId}`.
    pub(crate) route_key: String,
    /// The authorization that the route requires.
    pub(crate) auth: RouteAuth,
    /// How long API Gateway waits for the function.
    pub(crate) limit: Duration,
    /// The function behind the route.
    pub(crate) function: Arc<DeployedFunction>,
}

/// The route that a request matches.
pub(super) struct RouteMatch {
    pub(super) endpoint: Arc<Endpoint>,
    /// The values of the path's variables, percent-decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

/// The routes by method.
#[derive(Default)]
pub(crate) struct RouteTable(BTreeMap<String, Router<Arc<Endpoint>>>);

impl RouteTable {
    pub(crate) fn new(stack: &Stack, functions: &DeployedFunctions) -> Result<Self, StartError> {
        let mut routes = Self::default();
        for function in &stack.functions {
            let Some(deployed) = functions.by_folder(&function.folder) else { continue };
            for route in &function.routes {
                let timeout =
                    route.timeout_millis.map_or(MAX_WAIT, |millis| Duration::from_millis(millis.into()));
                let endpoint = Endpoint {
                    route_key: format!("{} {}", route.method, route.path),
                    auth: route.auth,
                    limit: deployed.timeout().min(timeout).min(MAX_WAIT),
                    function: Arc::clone(deployed),
                };
                routes.add_route(&route.method, &route.path, endpoint)?;
            }
        }
        Ok(routes)
    }

    fn add_route(&mut self, method: &str, path: &str, endpoint: Endpoint) -> Result<(), StartError> {
        let route = endpoint.route_key.clone();
        let router = self.0.entry(method.to_owned()).or_default();
        router
            .insert(router_pattern(path), Arc::new(endpoint))
            .map_err(|error| StartError::Route { route, problem: error.to_string() })
    }

    /// Finds the route of a request. A route with the request's method wins over `ANY`.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<RouteMatch> {
        let found = [method, "ANY"].into_iter().find_map(|key| self.0.get(key)?.at(path).ok())?;
        let parameters =
            found.params.iter().map(|(name, value)| (name.to_owned(), percent_decode(value))).collect();
        Some(RouteMatch { endpoint: Arc::clone(found.value), parameters })
    }
}

/// The router's pattern of a path. API Gateway writes `{proxy+}` for a variable that also matches slashes.
fn router_pattern(path: &str) -> String {
    match path.strip_suffix("+}").and_then(|path| path.rsplit_once('{')) {
        Some((before, name)) => format!("{before}{{*{name}}}"),
        None => path.to_owned(),
    }
}

/// Decodes percent-encoding. Text that is not a valid encoding stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
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
