//! A template as written, and its deployment to the local world.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::globals::Globals;
use crate::intrinsic::scope::{DEPTH, Scope};
use crate::intrinsic::{condition, rule};
use crate::parameter::{Parameter, PlainHttpPolicy};
use crate::pseudo_parameters::PseudoParameters;
use crate::read::fields::Fields;
use crate::read::yaml;
use crate::resource::api::{self, HttpApi};
use crate::resource::bucket::{self, Bucket};
use crate::resource::event::EventContext;
use crate::resource::event_bus::EventBus;
use crate::resource::function::Function;
use crate::resource::log_group::LogGroup;
use crate::resource::queue::Queue;
use crate::resource::role::{self, ManagedPolicies, Role};
use crate::resource::secret::Secret;
use crate::resource::table::{Table, TableNames};
use crate::resource::{RawResource, ResourceKind, cloud_only};
use crate::stack::Stack;

/// A template as written.
pub struct Template {
    document: Value,
    parameters: Vec<Parameter>,
    resources: BTreeMap<String, RawResource>,
}

impl Template {
    /// Reads and parses the file.
    ///
    /// # Errors
    /// [`TemplateError`], which names the place in the template.
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Parses the text.
    ///
    /// # Errors
    /// [`TemplateError`], which names the place in the template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document = yaml::parse(text)?;
        let fields = Fields::new("", &document)?;
        fields.only(
            &["Conditions", "Globals", "Outputs", "Parameters", "Resources", "Rules", "Transform"],
            &["AWSTemplateFormatVersion", "Description", "Metadata"],
        )?;
        let transform = fields.required_string("Transform")?;
        if transform != TRANSFORM {
            return Err(TemplateError::unsupported("Transform", transform, &[TRANSFORM]));
        }
        let parameters = Parameter::read_all(fields.value("Parameters"))?;
        let resources = fields.value("Resources").ok_or_else(|| fields.missing("Resources"))?;
        let mut resources = RawResource::read_all(resources)?;
        if let Some(twice) = parameters.iter().find(|one| resources.contains_key(&one.name)) {
            return Err(TemplateError::Duplicate {
                place: format!("Resources.{}", twice.name),
                what: twice.name.clone(),
                first: format!("Parameters.{}", twice.name),
            });
        }
        imply_api(&mut resources);
        Ok(Self { document, parameters, resources })
    }

    /// The declared parameters.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The stack that the template creates in the local world. `parameters` win over defaults.
    ///
    /// # Errors
    /// [`TemplateError`], which names the place in the template or the parameter.
    pub fn deploy(&self, parameters: &BTreeMap<String, String>) -> Result<Stack, TemplateError> {
        self.deploy_to(&PseudoParameters::default(), parameters)
    }

    /// As [`Self::deploy`], but addresses with `http://` are accepted where the template asks for `https://`, because local servers
    /// often have no certificate. CloudFormation refuses them.
    ///
    /// # Errors
    /// [`TemplateError`], which names the place in the template or the parameter.
    pub fn deploy_with_plain_http(
        &self,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Stack, TemplateError> {
        self.stack(&PseudoParameters::default(), parameters, PlainHttpPolicy::Accept)
    }

    /// As [`Self::deploy`], for any region, account and stack name.
    ///
    /// # Errors
    /// [`TemplateError`], which names the place in the template or the parameter.
    pub fn deploy_to(
        &self,
        pseudo: &PseudoParameters,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Stack, TemplateError> {
        self.stack(pseudo, parameters, PlainHttpPolicy::Reject)
    }

    fn stack(
        &self,
        pseudo: &PseudoParameters,
        parameters: &BTreeMap<String, String>,
        plain_http: PlainHttpPolicy,
    ) -> Result<Stack, TemplateError> {
        let parameters = &Parameter::values(&self.parameters, parameters, plain_http)?;
        rule::check_rules(self.document.get("Rules"), pseudo, parameters)?;
        let conditions = &condition::evaluate_all(self.document.get("Conditions"), pseudo, parameters)?;
        let scope = Scope { pseudo, parameters, conditions, resources: &self.resources, depth: DEPTH };
        let globals = Globals::read(self.document.get("Globals"), &scope)?;
        let roles = self.roles(&scope)?;
        let mut stack = Stack { api: self.api(&scope, &globals)?, ..Stack::default() };
        for (id, resource) in &self.resources {
            let place = format!("Resources.{id}");
            if let Some(condition) = &resource.condition
                && !scope.condition(condition, &place)?
            {
                continue;
            }
            self.add(&mut stack, &scope, &globals, &roles, id, resource)?;
        }
        for (_, place, own) in self.resolved(&scope, ResourceKind::BucketPolicy)? {
            bucket::apply_policy(&mut stack.buckets, &Fields::new(place, &own)?)?;
        }
        // SAM creates an API only if a function has a route.
        if self.is_api_implied() && stack.functions.iter().all(|function| function.routes.is_empty()) {
            stack.api = None;
        }
        refuse_duplicate_routes(&stack)?;
        refuse_limits_without_route(&stack)?;
        refuse_unused_roles(&stack, &roles)?;
        refuse_unknown_streams_and_queues(&stack)?;
        stack.outputs = self.outputs(&scope)?;
        Ok(stack)
    }

    fn add(
        &self,
        stack: &mut Stack,
        scope: &Scope<'_>,
        globals: &Globals,
        roles: &BTreeMap<String, Role>,
        id: &str,
        resource: &RawResource,
    ) -> Result<(), TemplateError> {
        let place = format!("Resources.{id}.Properties");
        let own = properties(scope, resource, &place)?;
        let name = scope.physical_name(id, resource)?;
        match resource.kind {
            ResourceKind::Function => {
                let merged = globals.merge_function(own);
                let Some(api) = &stack.api else { return Err(second_api_error(id)) };
                let context = EventContext {
                    api,
                    api_is_declared: !self.is_api_implied(),
                    api_id: &scope.resource_reference(&api.logical_id, &place)?,
                };
                let fields = Fields::new(place, &merged)?;
                stack.functions.push(Function::read(id, name, &fields, &context, roles)?);
            }
            ResourceKind::Table => {
                let value = Value::Object(own);
                let fields = Fields::new(place.clone(), &value)?;
                let has_stream = fields.value("StreamSpecification").is_some();
                let names = TableNames {
                    name,
                    arn: scope.attribute(id, "Arn", &place)?,
                    stream_arn: has_stream.then(|| scope.attribute(id, "StreamArn", &place)).transpose()?,
                };
                stack.tables.push(Table::read(id, names, resource.retained, &fields)?);
            }
            ResourceKind::Secret => {
                let arn = scope.attribute(id, "Id", &place)?;
                stack.secrets.push(Secret::read(id, name, arn, &Fields::new(place, &Value::Object(own))?)?);
            }
            ResourceKind::LogGroup => {
                stack.log_groups.push(LogGroup::read(id, name, &Fields::new(place, &Value::Object(own))?)?);
            }
            ResourceKind::EventBus => {
                let arn = scope.attribute(id, "Arn", &place)?;
                stack.event_buses.push(EventBus::read(id, arn, &Fields::new(place, &Value::Object(own))?)?);
            }
            ResourceKind::Queue => {
                let arn = scope.attribute(id, "Arn", &place)?;
                stack.queues.push(Queue::read(id, name, arn, &Fields::new(place, &Value::Object(own))?)?);
            }
            // Read before the loop, because functions refer to them.
            ResourceKind::HttpApi
            | ResourceKind::ManagedPolicy
            | ResourceKind::Policy
            | ResourceKind::Role => {}
            ResourceKind::Bucket => {
                let arn = scope.attribute(id, "Arn", &place)?;
                stack.buckets.push(Bucket::read(id, name, arn, &Fields::new(place, &Value::Object(own))?)?);
            }
            // Read after the loop, because they refer to buckets.
            ResourceKind::BucketPolicy => {}
            ResourceKind::Alarm
            | ResourceKind::ApiMapping
            | ResourceKind::Dashboard
            | ResourceKind::DomainName
            | ResourceKind::MetricFilter
            | ResourceKind::Subscription
            | ResourceKind::Topic => {
                cloud_only::check_properties(resource.kind, &Fields::new(place, &Value::Object(own))?)?;
            }
        }
        Ok(())
    }

    /// The roles, by their ARN.
    fn roles(&self, scope: &Scope<'_>) -> Result<BTreeMap<String, Role>, TemplateError> {
        let mut shared = ManagedPolicies::new();
        for (id, place, own) in self.resolved(scope, ResourceKind::ManagedPolicy)? {
            let arn = scope.attribute(id, "Arn", &place)?;
            shared.insert(arn, role::read_policy(&Fields::new(place, &own)?)?);
        }
        let mut roles = BTreeMap::new();
        for (id, place, own) in self.resolved(scope, ResourceKind::Role)? {
            let arn = scope.attribute(id, "Arn", &place)?;
            roles.insert(arn, Role::read(id, &Fields::new(place, &own)?, &shared)?);
        }
        for (_, place, own) in self.resolved(scope, ResourceKind::Policy)? {
            role::add_policy(&Fields::new(place, &own)?, &mut roles)?;
        }
        Ok(roles)
    }

    /// The resources of a kind whose condition holds: logical id, place, properties.
    fn resolved(
        &self,
        scope: &Scope<'_>,
        kind: ResourceKind,
    ) -> Result<Vec<(&str, String, Value)>, TemplateError> {
        let mut resolved = Vec::new();
        for (id, resource) in self.resources.iter().filter(|(_, resource)| resource.kind == kind) {
            let place = format!("Resources.{id}.Properties");
            let stands = resource.condition.as_ref().map(|condition| scope.condition(condition, &place));
            if stands.transpose()?.unwrap_or(true) {
                let own = Value::Object(properties(scope, resource, &place)?);
                resolved.push((id.as_str(), place, own));
            }
        }
        Ok(resolved)
    }

    /// The one API.
    fn api(&self, scope: &Scope<'_>, globals: &Globals) -> Result<Option<HttpApi>, TemplateError> {
        let mut apis = self.resources.iter().filter(|(_, resource)| resource.kind == ResourceKind::HttpApi);
        let Some((id, resource)) = apis.next() else { return Ok(None) };
        if let Some((second, _)) = apis.next() {
            return Err(second_api_error(second));
        }
        if resource.condition.is_some() {
            return Err(TemplateError::unsupported(
                &format!("Resources.{id}.Condition"),
                "a conditional API",
                &["an API without a condition"],
            ));
        }
        let place = format!("Resources.{id}.Properties");
        let merged = globals.merge_http_api(properties(scope, resource, &place)?);
        HttpApi::read(id, scope.api_endpoint(), &Fields::new(place, &merged)?).map(Some)
    }

    fn is_api_implied(&self) -> bool {
        self.resources.get(api::IMPLIED_API_ID).is_some_and(|resource| resource.kind == ResourceKind::HttpApi)
    }

    fn outputs(&self, scope: &Scope<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
        let Some(section) = self.document.get("Outputs") else { return Ok(BTreeMap::new()) };
        let section = Fields::new("Outputs", section)?;
        let mut outputs = BTreeMap::new();
        for (name, value) in section.entries() {
            let output = Fields::new(section.below(name), value)?;
            output.only(&["Condition", "Value"], &["Description", "Export"])?;
            if let Some(condition) = output.string("Condition")?
                && !scope.condition(&condition, &output.below("Condition"))?
            {
                continue;
            }
            let value = output.value("Value").ok_or_else(|| output.missing("Value"))?;
            outputs.insert(name.to_owned(), scope.resolve_text(value, &output.below("Value"))?);
        }
        Ok(outputs)
    }
}

fn properties(
    scope: &Scope<'_>,
    resource: &RawResource,
    place: &str,
) -> Result<Map<String, Value>, TemplateError> {
    let mut resolved = Map::new();
    for (key, value) in &resource.properties {
        if let Some(value) = scope.resolve(value, &format!("{place}.{key}"))? {
            resolved.insert(key.clone(), value);
        }
    }
    Ok(resolved)
}

/// Adds the API that SAM creates when the template declares none.
fn imply_api(resources: &mut BTreeMap<String, RawResource>) {
    if !resources.values().any(|resource| resource.kind == ResourceKind::HttpApi) {
        let implied = RawResource {
            kind: ResourceKind::HttpApi,
            condition: None,
            retained: false,
            properties: Map::new(),
        };
        resources.entry(api::IMPLIED_API_ID.to_owned()).or_insert(implied);
    }
}

fn second_api_error(id: &str) -> TemplateError {
    TemplateError::unsupported(&format!("Resources.{id}"), "a second API", &["one API for all routes"])
}

fn refuse_duplicate_routes(stack: &Stack) -> Result<(), TemplateError> {
    let mut seen = BTreeMap::new();
    for function in &stack.functions {
        for route in &function.routes {
            let key = (route.method.as_str(), route.path.as_str());
            if let Some(first) = seen.insert(key, &function.logical_id) {
                return Err(TemplateError::Duplicate {
                    place: format!("Resources.{}.Properties.Events", function.logical_id),
                    what: format!("the route {} {}", route.method, route.path),
                    first: format!("Resources.{first}.Properties.Events"),
                });
            }
        }
    }
    Ok(())
}

/// Refuses limits of routes that no function has.
fn refuse_limits_without_route(stack: &Stack) -> Result<(), TemplateError> {
    let Some(api) = &stack.api else { return Ok(()) };
    let routes = || stack.functions.iter().flat_map(|function| &function.routes);
    for limited in api.route_throttling.keys() {
        if !routes().any(|route| format!("{} {}", route.method, route.path) == *limited) {
            let place = format!("Resources.{}.Properties.RouteSettings", api.logical_id);
            return Err(TemplateError::UnknownName { place, name: limited.clone(), hint: String::new() });
        }
    }
    Ok(())
}

/// Refuses roles that no function has, because their permissions serve nothing.
fn refuse_unused_roles(stack: &Stack, roles: &BTreeMap<String, Role>) -> Result<(), TemplateError> {
    for Role { logical_id, .. } in roles.values() {
        if stack.functions.iter().all(|function| function.role.as_ref() != Some(logical_id)) {
            let place = format!("Resources.{logical_id}");
            return Err(TemplateError::unsupported(
                &place,
                "a role that no function has",
                &["Role: !GetAtt …"],
            ));
        }
    }
    Ok(())
}

/// Refuses streams that no table has, which would never deliver, and unknown queues, which would lose discarded records.
fn refuse_unknown_streams_and_queues(stack: &Stack) -> Result<(), TemplateError> {
    for function in &stack.functions {
        for stream in &function.streams {
            let place = format!("Resources.{}.Properties.Events.{}", function.logical_id, stream.name);
            let known =
                stack.tables.iter().any(|table| table.stream_arn.as_ref() == Some(&stream.stream_arn));
            if !known {
                let what = stream.stream_arn.as_str();
                return Err(TemplateError::unsupported(
                    &place,
                    what,
                    &["!GetAtt <table of this template>.StreamArn"],
                ));
            }
            let queue = stream.on_failure.as_ref();
            if let Some(arn) = queue.filter(|arn| stack.queues.iter().all(|queue| queue.arn != **arn)) {
                return Err(TemplateError::unsupported(
                    &place,
                    arn.as_str(),
                    &["!GetAtt <queue of this template>.Arn"],
                ));
            }
        }
    }
    Ok(())
}

const TRANSFORM: &str = "AWS::Serverless-2016-10-31";
