//! Resources that exist in the cloud only: alarms, dashboards, domain names, metric filters, topics. Locally only `Ref` and `Fn::GetAtt` of them mean
//! something; their properties are checked by name.

use super::Kind;
use crate::error::TemplateError;
use crate::read::fields::Fields;

pub(crate) fn check(kind: Kind, properties: &Fields<'_>) -> Result<(), TemplateError> {
    let known: &[&str] = match kind {
        Kind::Alarm => &[
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
        Kind::ApiMapping => &["ApiId", "ApiMappingKey", "DomainName", "Stage"],
        Kind::Dashboard => &["DashboardBody", "DashboardName"],
        Kind::DomainName => &["DomainName", "DomainNameConfigurations", "Tags"],
        Kind::MetricFilter => &["FilterName", "FilterPattern", "LogGroupName", "MetricTransformations"],
        Kind::Subscription => &["Endpoint", "FilterPolicy", "Protocol", "RawMessageDelivery", "TopicArn"],
        Kind::Topic => &["DisplayName", "KmsMasterKeyId", "Subscription", "Tags", "TopicName"],
        Kind::EventBus
        | Kind::Function
        | Kind::HttpApi
        | Kind::LogGroup
        | Kind::ManagedPolicy
        | Kind::Queue
        | Kind::Role
        | Kind::Secret
        | Kind::Table => return Ok(()),
    };
    properties.only(&[], known)
}
