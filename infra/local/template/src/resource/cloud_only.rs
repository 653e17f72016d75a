//! Resources without a local counterpart: alarms, dashboards, domain names, metric filters, topics. `Ref` and `Fn::GetAtt` of them
//! work, and the names of their properties are checked.

use super::ResourceKind;
use crate::error::TemplateError;
use crate::read::fields::Fields;

/// Checks the names of a resource's properties.
pub(crate) fn check_properties(kind: ResourceKind, properties: &Fields<'_>) -> Result<(), TemplateError> {
    let known: &[&str] = match kind {
        ResourceKind::Alarm => &[
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "AlarmName",
            "ComparisonOperator",
            "DatapointsToAlarm",
            "Dimensions",
            "EvaluateLowSampleCountPercentile",
            "EvaluationPeriods",
            "ExtendedStatistic",
            "InsufficientDataActions",
            "MetricName",
            "Metrics",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "Tags",
            "Threshold",
            "TreatMissingData",
            "Unit",
        ],
        ResourceKind::ApiMapping => &["ApiId", "ApiMappingKey", "DomainName", "Stage"],
        ResourceKind::Dashboard => &["DashboardBody", "DashboardName"],
        ResourceKind::DomainName => &["DomainName", "DomainNameConfigurations", "Tags"],
        ResourceKind::MetricFilter => {
            &["FilterName", "FilterPattern", "LogGroupName", "MetricTransformations"]
        }
        ResourceKind::Subscription => {
            &["Endpoint", "FilterPolicy", "Protocol", "RawMessageDelivery", "TopicArn"]
        }
        ResourceKind::Topic => &["DisplayName", "KmsMasterKeyId", "Subscription", "Tags", "TopicName"],
        ResourceKind::Bucket
        | ResourceKind::BucketPolicy
        | ResourceKind::EventBus
        | ResourceKind::Function
        | ResourceKind::HttpApi
        | ResourceKind::LogGroup
        | ResourceKind::ManagedPolicy
        | ResourceKind::Policy
        | ResourceKind::Queue
        | ResourceKind::Role
        | ResourceKind::Secret
        | ResourceKind::Table => return Ok(()),
    };
    properties.only(&[], known)
}
