//! The section `Globals`: the default properties of functions and APIs.

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::intrinsic::scope::Scope;
use crate::read::fields::Fields;

/// The default properties of functions and APIs, resolved.
pub(crate) struct Globals {
    function: Map<String, Value>,
    http_api: Map<String, Value>,
}

impl Globals {
    pub(crate) fn read(section: Option<&Value>, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        let Some(section) = section else { return Ok(Self { function: Map::new(), http_api: Map::new() }) };
        let fields = Fields::new("Globals", section)?;
        fields.only(&["Function", "HttpApi"], &[])?;
        let part = |name: &str, known: &[&str]| -> Result<Map<String, Value>, TemplateError> {
            let place = fields.below(name);
            let Some(value) = fields.value(name) else { return Ok(Map::new()) };
            let Some(Value::Object(map)) = scope.resolve(value, &place)? else {
                return Err(TemplateError::unexpected(&place, "a mapping", value));
            };
            match map.keys().find(|key| !known.contains(&key.as_str())) {
                None => Ok(map),
                Some(unknown) => {
                    Err(TemplateError::unsupported(&format!("{place}.{unknown}"), "this property", known))
                }
            }
        };
        Ok(Self { function: part("Function", &FUNCTION)?, http_api: part("HttpApi", &HTTP_API)? })
    }

    /// A function's own properties merged into the global ones.
    pub(crate) fn merge_function(&self, own: Map<String, Value>) -> Value {
        Value::Object(merge(self.function.clone(), own))
    }

    /// An API's own properties merged into the global ones.
    pub(crate) fn merge_http_api(&self, own: Map<String, Value>) -> Value {
        Value::Object(merge(self.http_api.clone(), own))
    }
}

/// SAM's rule: mappings are merged, lists are joined, anything else is replaced by the resource's own.
fn merge(mut global: Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in own {
        let merged = match (global.remove(&key), value) {
            (Some(Value::Object(global)), Value::Object(own)) => Value::Object(merge(global, own)),
            (Some(Value::Array(mut global)), Value::Array(own)) => {
                global.extend(own);
                Value::Array(global)
            }
            (_, own) => own,
        };
        global.insert(key, merged);
    }
    global
}

/// `Policies` and `Events` are missing, because SAM does not accept them in `Globals`.
const FUNCTION: [&str; 13] = [
    "Architectures",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Tags",
    "Timeout",
    "Tracing",
    "VpcConfig",
];
const HTTP_API: [&str; 8] = [
    "AccessLogSettings",
    "Auth",
    "DefaultRouteSettings",
    "Domain",
    "FailOnWarnings",
    "PropagateTags",
    "RouteSettings",
    "Tags",
];
