//! The resources of a template: the section `Resources` in raw form, and a file per type that means something here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::read::fields::Fields;

pub(crate) mod api;
pub(crate) mod bucket;
pub(crate) mod cloud_only;
pub(crate) mod event;
pub(crate) mod event_bus;
pub(crate) mod function;
pub(crate) mod log_group;
pub(crate) mod policy;
pub(crate) mod queue;
pub(crate) mod role;
pub(crate) mod secret;
pub(crate) mod table;

/// A resource before its intrinsics are resolved.
pub(crate) struct RawResource {
    pub(crate) kind: ResourceKind,
    pub(crate) condition: Option<String>,
    pub(crate) retained: bool,
    pub(crate) properties: Map<String, Value>,
}

impl RawResource {
    pub(crate) fn read_all(section: &Value) -> Result<BTreeMap<String, Self>, TemplateError> {
        let section = Fields::new("Resources", section)?;
        let resources: BTreeMap<String, Self> = section
            .entries()
            .map(|(id, value)| Ok((id.to_owned(), Self::read(&Fields::new(section.below(id), value)?)?)))
            .collect::<Result<_, TemplateError>>()?;
        for (id, value) in section.entries() {
            let place = section.below(id);
            for name in Fields::new(place.clone(), value)?.strings("DependsOn")? {
                if !resources.contains_key(&name) {
                    let place = format!("{place}.DependsOn");
                    return Err(TemplateError::UnknownName { place, name, hint: String::new() });
                }
            }
        }
        Ok(resources)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &["Condition", "DeletionPolicy", "DependsOn", "Properties", "Type"],
            // Metadata says how to build; an update replaces nothing here.
            &["Metadata", "UpdateReplacePolicy"],
        )?;
        let kind = fields.required_string("Type")?;
        let Some(kind) = ResourceKind::ALL.iter().find(|known| known.name() == kind).copied() else {
            let known: Vec<&str> = ResourceKind::ALL.iter().map(|kind| kind.name()).collect();
            return Err(TemplateError::unsupported(&fields.below("Type"), kind, &known));
        };
        let retained = match fields.string("DeletionPolicy")?.as_deref() {
            None | Some("Delete") => false,
            Some("Retain" | "RetainExceptOnCreate") => true,
            Some(other) => {
                let place = fields.below("DeletionPolicy");
                return Err(TemplateError::unsupported(
                    &place,
                    other,
                    &["Delete", "Retain", "RetainExceptOnCreate"],
                ));
            }
        };
        let properties = match fields.value("Properties") {
            None => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(other) => {
                return Err(TemplateError::unexpected(&fields.below("Properties"), "a mapping", other));
            }
        };
        Ok(Self { kind, condition: fields.string("Condition")?, retained, properties })
    }
}

/// The known resource types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    Alarm,
    ApiMapping,
    Bucket,
    BucketPolicy,
    Dashboard,
    DomainName,
    EventBus,
    Function,
    HttpApi,
    LogGroup,
    ManagedPolicy,
    MetricFilter,
    Policy,
    Queue,
    Role,
    Secret,
    Subscription,
    Table,
    Topic,
}

impl ResourceKind {
    const ALL: [Self; 19] = [
        Self::Alarm,
        Self::ApiMapping,
        Self::Bucket,
        Self::BucketPolicy,
        Self::Dashboard,
        Self::DomainName,
        Self::EventBus,
        Self::Function,
        Self::HttpApi,
        Self::LogGroup,
        Self::ManagedPolicy,
        Self::MetricFilter,
        Self::Policy,
        Self::Queue,
        Self::Role,
        Self::Secret,
        Self::Subscription,
        Self::Table,
        Self::Topic,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alarm => "AWS::CloudWatch::Alarm",
            Self::ApiMapping => "AWS::ApiGatewayV2::ApiMapping",
            Self::Bucket => "AWS::S3::Bucket",
            Self::BucketPolicy => "AWS::S3::BucketPolicy",
            Self::Dashboard => "AWS::CloudWatch::Dashboard",
            Self::DomainName => "AWS::ApiGatewayV2::DomainName",
            Self::EventBus => "AWS::Events::EventBus",
            Self::Function => "AWS::Serverless::Function",
            Self::HttpApi => "AWS::Serverless::HttpApi",
            Self::LogGroup => "AWS::Logs::LogGroup",
            Self::ManagedPolicy => "AWS::IAM::ManagedPolicy",
            Self::MetricFilter => "AWS::Logs::MetricFilter",
            Self::Policy => "AWS::IAM::Policy",
            Self::Queue => "AWS::SQS::Queue",
            Self::Role => "AWS::IAM::Role",
            Self::Secret => "AWS::SecretsManager::Secret",
            Self::Subscription => "AWS::SNS::Subscription",
            Self::Table => "AWS::DynamoDB::Table",
            Self::Topic => "AWS::SNS::Topic",
        }
    }

    /// The attributes that `Fn::GetAtt` may ask for.
    pub(crate) fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Alarm | Self::Function | Self::LogGroup | Self::Role => &["Arn"],
            Self::ApiMapping | Self::BucketPolicy | Self::Dashboard | Self::MetricFilter | Self::Policy => {
                &[]
            }
            Self::Bucket => &["Arn", "DomainName", "RegionalDomainName"],
            Self::DomainName => &["RegionalDomainName"],
            Self::EventBus => &["Arn", "Name"],
            Self::HttpApi => &["ApiEndpoint"],
            Self::ManagedPolicy => &["PolicyArn"],
            Self::Queue => &["Arn", "QueueName", "QueueUrl"],
            Self::Secret => &["Id"],
            Self::Subscription => &["Arn"],
            Self::Table => &["Arn", "StreamArn"],
            Self::Topic => &["TopicArn", "TopicName"],
        }
    }
}
