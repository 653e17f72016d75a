//! The names and ARNs of deployed resources, which are the values of `Ref` and `Fn::GetAtt`.

use super::scope::Scope;
use crate::error::TemplateError;
use crate::pseudo_parameters::DEFAULT_STAGE;
use crate::resource::{RawResource, ResourceKind};

impl Scope<'_> {
    /// `Ref` of a resource.
    pub(crate) fn resource_reference(&self, target: &str, place: &str) -> Result<String, TemplateError> {
        let Some(resource) = self.find(target, place)? else {
            return Ok(self.role_name(target));
        };
        match resource.kind {
            ResourceKind::HttpApi => Ok(API_ID.to_owned()),
            ResourceKind::Queue => self.attribute(target, "QueueUrl", place),
            ResourceKind::ManagedPolicy
            | ResourceKind::Secret
            | ResourceKind::Subscription
            | ResourceKind::Topic => self.attribute(target, ARN, place),
            ResourceKind::Alarm
            | ResourceKind::ApiMapping
            | ResourceKind::Bucket
            | ResourceKind::BucketPolicy
            | ResourceKind::Dashboard
            | ResourceKind::DomainName
            | ResourceKind::EventBus
            | ResourceKind::Function
            | ResourceKind::LogGroup
            | ResourceKind::MetricFilter
            | ResourceKind::Policy
            | ResourceKind::Role
            | ResourceKind::Table => self.physical_name(target, resource),
        }
    }

    /// `Ref` of `<api>.Stage`, the stage that SAM creates for an API.
    pub(crate) fn stage(&self, api: &str, place: &str) -> Result<String, TemplateError> {
        let found = self.find(api, place)?.filter(|resource| resource.kind == ResourceKind::HttpApi);
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
            (ResourceKind::Alarm, _) => pseudo.arn("cloudwatch", &format!("alarm:{own}")),
            (ResourceKind::Bucket, "DomainName") => format!("{own}.s3.{}", pseudo.url_suffix),
            (ResourceKind::Bucket, "RegionalDomainName") => {
                format!("{own}.s3.{}.{}", pseudo.region, pseudo.url_suffix)
            }
            // The name of a bucket is unique, so its ARN has no region and no account.
            (ResourceKind::Bucket, _) => format!("arn:{}:s3:::{own}", pseudo.partition),
            (ResourceKind::EventBus, "Name")
            | (ResourceKind::Topic, "TopicName")
            | (ResourceKind::Queue, "QueueName") => own,
            (ResourceKind::EventBus, _) => pseudo.arn("events", &format!("event-bus/{own}")),
            (ResourceKind::Function, _) => pseudo.arn("lambda", &format!("function:{own}")),
            (ResourceKind::HttpApi, _) => self.api_endpoint(),
            (ResourceKind::LogGroup, _) => pseudo.arn("logs", &format!("log-group:{own}:*")),
            (ResourceKind::ManagedPolicy, _) => pseudo.iam_arn("policy", &own),
            (ResourceKind::Role, _) => pseudo.iam_arn("role", &own),
            (ResourceKind::DomainName, "RegionalDomainName") => {
                format!("d-{API_ID}.execute-api.{}.{}", pseudo.region, pseudo.url_suffix)
            }
            (
                ResourceKind::ApiMapping
                | ResourceKind::BucketPolicy
                | ResourceKind::Dashboard
                | ResourceKind::DomainName
                | ResourceKind::MetricFilter
                | ResourceKind::Policy,
                _,
            ) => {
                return Err(TemplateError::unsupported(place, format!("{target}.{name}"), kind.attributes()));
            }
            (ResourceKind::Queue, "QueueUrl") => {
                format!("https://sqs.{}.{}/{}/{own}", pseudo.region, pseudo.url_suffix, pseudo.account)
            }
            (ResourceKind::Queue, _) => pseudo.arn("sqs", &own),
            (ResourceKind::Secret, _) => pseudo.arn("secretsmanager", &format!("secret:{own}-local0")),
            (ResourceKind::Table, "StreamArn") => {
                if resource.properties.get("StreamSpecification").is_none_or(serde_json::Value::is_null) {
                    return Err(TemplateError::Missing {
                        place: format!("Resources.{target}.Properties"),
                        property: "StreamSpecification".to_owned(),
                    });
                }
                format!("{}/stream/{STREAM_LABEL}", pseudo.arn("dynamodb", &format!("table/{own}")))
            }
            (ResourceKind::Table, _) => pseudo.arn("dynamodb", &format!("table/{own}")),
            (ResourceKind::Subscription, _) => pseudo.arn("sns", &format!("{own}:local")),
            (ResourceKind::Topic, _) => pseudo.arn("sns", &own),
        })
    }

    /// The name in the template, or the one that CloudFormation derives from the logical id.
    pub(crate) fn physical_name(
        &self,
        target: &str,
        resource: &RawResource,
    ) -> Result<String, TemplateError> {
        let property = match resource.kind {
            ResourceKind::Alarm => "AlarmName",
            ResourceKind::Bucket => "BucketName",
            ResourceKind::Dashboard => "DashboardName",
            ResourceKind::DomainName => "DomainName",
            ResourceKind::EventBus | ResourceKind::HttpApi | ResourceKind::Secret => "Name",
            ResourceKind::Function => "FunctionName",
            ResourceKind::LogGroup => "LogGroupName",
            ResourceKind::ManagedPolicy => "ManagedPolicyName",
            ResourceKind::MetricFilter => "FilterName",
            ResourceKind::Policy => "PolicyName",
            ResourceKind::Queue => "QueueName",
            ResourceKind::Role => "RoleName",
            ResourceKind::ApiMapping | ResourceKind::BucketPolicy | ResourceKind::Subscription => {
                return Ok(self.pseudo.default_name(target));
            }
            ResourceKind::Table => "TableName",
            ResourceKind::Topic => "TopicName",
        };
        let place = format!("Resources.{target}.Properties.{property}");
        let Some(value) = resource.properties.get(property) else {
            let name = self.pseudo.default_name(target);
            // S3 knows no upper-case letters.
            return Ok(if resource.kind == ResourceKind::Bucket { name.to_lowercase() } else { name });
        };
        match self.deeper(&place)?.resolve(value, &place)? {
            Some(value) => crate::read::fields::text(&place, &value),
            None => Ok(self.pseudo.default_name(target)),
        }
    }

    /// The address that the deployed API would have.
    pub(crate) fn api_endpoint(&self) -> String {
        format!("https://{API_ID}.execute-api.{}.{}", self.pseudo.region, self.pseudo.url_suffix)
    }

    /// The resource; `None` for the role that SAM creates for a function.
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
                Some(resource) if resource.kind == ResourceKind::Function => Ok(None),
                _ => Err(unknown("")),
            },
        }
    }

    fn role_name(&self, target: &str) -> String {
        self.pseudo.default_name(target)
    }
}

/// The identifier of the local API.
pub(crate) const API_ID: &str = "local";
/// The label of every stream in the local world, whenever the database was created.
pub(crate) const STREAM_LABEL: &str = "2024-01-01T00:00:00.000";
/// The ARN of any resource, also of those whose ARN has another attribute name.
const ARN: &str = "Arn";
