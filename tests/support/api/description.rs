//! The operations of the description, and its schemas.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::Node;

/// The description of the API.
pub struct ApiDescription {
    root: Value,
    operations: Vec<Operation>,
    /// By the pointer of the schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation: a method of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The method, such as `POST`.
    pub method: String,
    /// The path as the template has it, such as `/api/orders/{orderId}`.
    pub path: String,
}

impl ApiDescription {
    /// The description of this workspace, which is read once.
    ///
    /// # Panics
    /// If the file is missing or malformed.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ApiDescription> = OnceLock::new();
        SHARED.get_or_init(|| {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.yaml");
            Self::parse(&fs::read_to_string(file).expect("docs/openapi.yaml"))
        })
    }

    /// Reads a description.
    ///
    /// # Panics
    /// If it is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let root = local_template::parse_yaml(text).expect("the description is YAML");
        let mut operations = Vec::new();
        for (path, item) in root["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                if item.get(method).is_some() {
                    operations.push(Operation { method: method.to_uppercase(), path: path.clone() });
                }
            }
        }
        Self { root, operations, validators: Mutex::default() }
    }

    /// The whole description.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node::of(&self.root)
    }

    /// Every operation.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation that a request is for. Of several paths that match, the one with fewer variables is meant, as at API Gateway.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let on_path = || self.operations.iter().filter(|operation| operation.is_on(path, self));
        let fewest = |operations: &mut dyn Iterator<Item = &'_ Operation>| {
            operations.min_by_key(|operation| operation.path.matches('{').count()).cloned()
        };
        let exact = fewest(&mut on_path().filter(|operation| operation.method == method));
        // Such a path has one answer for every method, and guides name only some of them.
        let any = || fewest(&mut on_path().filter(|operation| self.takes_any_method(operation)));
        let found = exact.or_else(any)?;
        self.operations.iter().find(|operation| **operation == found)
    }

    /// The path item of an operation.
    #[must_use]
    pub fn path_item(&self, operation: &Operation) -> Node<'_> {
        let item = self.root().get("paths").and_then(|paths| paths.get(&operation.path));
        item.expect("the path of an operation")
    }

    /// The operation's object.
    #[must_use]
    pub fn node(&self, operation: &Operation) -> Node<'_> {
        let node = self.path_item(operation).get(&operation.method.to_lowercase());
        node.expect("the method of an operation")
    }

    /// The parameters of an operation, with those of its path.
    #[must_use]
    pub fn parameters(&self, operation: &Operation) -> Vec<Node<'_>> {
        [self.path_item(operation), self.node(operation)]
            .iter()
            .flat_map(|node| node.list("parameters"))
            .collect()
    }

    /// The names of the security schemes of an operation; an empty name if a request needs none.
    #[must_use]
    pub fn security(&self, operation: &Operation) -> Vec<String> {
        let node = self.node(operation);
        let security =
            if node.get("security").is_some() { node.list("security") } else { self.root().list("security") };
        if security.is_empty() {
            return vec![String::new()];
        }
        let first =
            |one: &Node<'_>| one.members().first().map_or_else(String::new, |(name, _)| (*name).to_owned());
        security.iter().map(first).collect()
    }

    /// Whether every method of the operation's path has the same answer.
    #[must_use]
    pub fn takes_any_method(&self, operation: &Operation) -> bool {
        self.path_item(operation).get("x-any-method").is_some()
    }

    /// What is wrong with `value` by the schema at `schema`.
    ///
    /// # Panics
    /// If the schema is malformed.
    #[must_use]
    pub fn schema_problems(&self, schema: &Node<'_>, value: &Value) -> Vec<String> {
        let validator = self.validator(&schema.pointer);
        let problems = validator.iter_errors(value);
        problems.map(|problem| format!("{} {problem}", problem.instance_path())).collect()
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let mut schema = self.root.clone();
            let reference = format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D"));
            schema["$ref"] = Value::from(reference);
            let validator = jsonschema::options().with_draft(Draft::Draft202012).build(&schema);
            Arc::new(validator.unwrap_or_else(|error| panic!("{pointer}: {error}")))
        };
        Arc::clone(validators.entry(pointer.to_owned()).or_insert_with(build))
    }
}

impl Operation {
    /// Whether a request to `path` is on the operation's path.
    fn is_on(&self, path: &str, description: &ApiDescription) -> bool {
        let (own, other): (Vec<&str>, Vec<&str>) =
            (self.path.split('/').collect(), path.split('/').collect());
        let is_same =
            |(own, other): (&&str, &&str)| own == other || (own.starts_with('{') && !other.is_empty());
        // API Gateway's `{proxy+}` stands for any number of segments.
        let has_same_length = if self.path.ends_with("/{proxy}") && description.takes_any_method(self) {
            own.len() <= other.len()
        } else {
            own.len() == other.len()
        };
        has_same_length && own.iter().zip(&other).all(is_same)
    }

    /// The values of the path's variables in `path`, as they stand there.
    pub(super) fn variables<'p>(&'p self, path: &'p str) -> impl Iterator<Item = (&'p str, &'p str)> {
        let pairs = self.path.split('/').zip(path.split('/'));
        pairs.filter_map(|(own, value)| Some((own.strip_prefix('{')?.strip_suffix('}')?, value)))
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];
