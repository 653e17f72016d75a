//! What a resource is called once it is deployed: the values of `Ref` and `Fn::GetAtt`.

use super::scope::Scope;
use crate::error::TemplateError;
use crate::resource::{Kind, RawResource};

impl Scope<'_> {
    /// `Ref` of a resource.
    pub(crate) fn resource_reference(&self, target: &str, place: &str) -> Result<String, TemplateError> {
        let Some(resource) = self.find(target, place)? else {
            return Ok(self.role_name(target));
        };
        match resource.kind {
            Kind::HttpApi => Ok(API_ID.to_owned()),
            Kind::Queue => self.attribute(target, "QueueUrl", place),
            Kind::ManagedPolicy | Kind::Secret | Kind::Subscription | Kind::Topic => {
                self.attribute(target, ARN, place)
            }
            Kind::Alarm
            | Kind::ApiMapping
            | Kind::Dashboard
            | Kind::DomainName
            | Kind::EventBus
            | Kind::Function
            | Kind::LogGroup
            | Kind::MetricFilter
            | Kind::Role
            | Kind::Table => self.physical_name(target, resource),
        }
    }

    /// `Ref` of `<api>.Stage`: the stage that SAM makes for an API.
    pub(crate) fn stage(&self, api: &str, place: &str) -> Result<String, TemplateError> {
        let found = self.find(api, place)?.filter(|resource| resource.kind == Kind::HttpApi);
        let Some(resource) = found else {
            return Err(TemplateError::unsupported(place, format!("{api}.Stage"), &["<HTTP API>.Stage"]));
        };
        match resource.properties.get("StageName") {
            None => Ok(DEFAULT_STAGE.to_owned()),
            Some(name) => self.deeper(place)?.resolve_text(name, place),
        }
    }

    /// `Fn::GetAtt` of a resource.
    pub(crate) fn attribute(&self, target: &str, name: &str, place: &str) -> Result<String, TemplateError> {
        let Some(resource) = self.find(target, place)? else {
            return match name {
                "Arn" => Ok(self.pseudo.iam_arn("role", &self.role_name(target))),
                _ => Err(TemplateError::unsupported(place, format!("{target}.{name}"), &["Arn"])),
            };
        };
        let kind = resource.kind;
        if name != ARN && !kind.attributes().contains(&name) {
            return Err(TemplateError::unsupported(place, format!("{target}.{name}"), kind.attributes()));
        }
        let own = self.physical_name(target, resource)?;
        let pseudo = self.pseudo;
        Ok(match (kind, name) {
            (Kind::Alarm, _) => pseudo.arn("cloudwatch", &format!("alarm:{own}")),
            (Kind::EventBus, "Name") | (Kind::Topic, "TopicName") | (Kind::Queue, "QueueName") => own,
            (Kind::EventBus, _) => pseudo.arn("events", &format!("event-bus/{own}")),
            (Kind::Function, _) => pseudo.arn("lambda", &format!("function:{own}")),
            (Kind::HttpApi, _) => self.api_endpoint(),
            (Kind::LogGroup, _) => pseudo.arn("logs", &format!("log-group:{own}:*")),
            (Kind::ManagedPolicy, _) => pseudo.iam_arn("policy", &own),
            (Kind::Role, _) => pseudo.iam_arn("role", &own),
            (Kind::DomainName, "RegionalDomainName") => {
                format!("d-{API_ID}.execute-api.{}.{}", pseudo.region, pseudo.url_suffix)
            }
            (Kind::ApiMapping | Kind::Dashboard | Kind::DomainName | Kind::MetricFilter, _) => {
                return Err(TemplateError::unsupported(place, format!("{target}.{name}"), kind.attributes()));
            }
            (Kind::Queue, "QueueUrl") => {
                format!("https://sqs.{}.{}/{}/{own}", pseudo.region, pseudo.url_suffix, pseudo.account)
            }
            (Kind::Queue, _) => pseudo.arn("sqs", &own),
            (Kind::Secret, _) => pseudo.arn("secretsmanager", &format!("secret:{own}-local0")),
            (Kind::Table, "StreamArn") => {
                if resource.properties.get("StreamSpecification").is_none_or(serde_json::Value::is_null) {
                    return Err(TemplateError::Missing {
                        place: format!("Resources.{target}.Properties"),
                        property: "StreamSpecification".to_owned(),
                    });
                }
                format!("{}/stream/{STREAM_LABEL}", pseudo.arn("dynamodb", &format!("table/{own}")))
            }
            (Kind::Table, _) => pseudo.arn("dynamodb", &format!("table/{own}")),
            (Kind::Subscription, _) => pseudo.arn("sns", &format!("{own}:local")),
            (Kind::Topic, _) => pseudo.arn("sns", &own),
        })
    }

    /// The name given in the template, or the one that is made from the logical id.
    pub(crate) fn physical_name(
        &self,
        target: &str,
        resource: &RawResource,
    ) -> Result<String, TemplateError> {
        let property = match resource.kind {
            Kind::Alarm => "AlarmName",
            Kind::Dashboard => "DashboardName",
            Kind::DomainName => "DomainName",
            Kind::EventBus | Kind::HttpApi | Kind::Secret => "Name",
            Kind::Function => "FunctionName",
            Kind::LogGroup => "LogGroupName",
            Kind::ManagedPolicy => "ManagedPolicyName",
            Kind::MetricFilter => "FilterName",
            Kind::Queue => "QueueName",
            Kind::Role => "RoleName",
            Kind::ApiMapping | Kind::Subscription => return Ok(self.pseudo.name(target)),
            Kind::Table => "TableName",
            Kind::Topic => "TopicName",
        };
        let place = format!("Resources.{target}.Properties.{property}");
        let Some(value) = resource.properties.get(property) else { return Ok(self.pseudo.name(target)) };
        match self.deeper(&place)?.resolve(value, &place)? {
            Some(value) => crate::read::fields::text(&place, &value),
            None => Ok(self.pseudo.name(target)),
        }
    }

    /// Where the API answers when it is deployed.
    pub(crate) fn api_endpoint(&self) -> String {
        format!("https://{API_ID}.execute-api.{}.{}", self.pseudo.region, self.pseudo.url_suffix)
    }

    /// The resource, or `None` for the role that SAM makes for a function.
    fn find(&self, target: &str, place: &str) -> Result<Option<&RawResource>, TemplateError> {
        let unknown = |hint: &str| TemplateError::UnknownName {
            place: place.to_owned(),
            name: target.to_owned(),
            hint: hint.to_owned(),
        };
        match self.resources.get(target) {
            Some(resource) => match &resource.condition {
                Some(condition) if !self.condition(condition, place)? => {
                    Err(unknown(&format!("; its condition {condition} does not hold")))
                }
                _ => Ok(Some(resource)),
            },
            None => match target.strip_suffix("Role").and_then(|function| self.resources.get(function)) {
                Some(resource) if resource.kind == Kind::Function => Ok(None),
                _ => Err(unknown("")),
            },
        }
    }

    fn role_name(&self, target: &str) -> String {
        self.pseudo.name(target)
    }
}

/// The identifier of the local API.
pub(crate) const API_ID: &str = "local";
/// The stage of an API that names none; it has no path of its own.
pub(crate) const DEFAULT_STAGE: &str = "$default";
/// Streams of the local world start here, whenever the database was made.
pub(crate) const STREAM_LABEL: &str = "2024-01-01T00:00:00.000";
/// The ARN of a resource whatever its own attributes are called.
const ARN: &str = "Arn";
