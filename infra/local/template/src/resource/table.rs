//! `AWS::DynamoDB::Table`: the template's form becomes the body of a `CreateTable` request.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The body of the `CreateTable` request that makes it.
    pub create: Value,
    /// The attribute that says when an item expires.
    pub ttl_attribute: Option<String>,
    /// The ARN of its stream, if it has one.
    pub stream_arn: Option<String>,
    /// Whether the table outlives the stack.
    pub retained: bool,
    /// Whether it can be restored to any second of the last days.
    pub point_in_time_recovery: bool,
    /// Whether it can only be deleted after somebody has turned this off.
    pub deletion_protected: bool,
    /// Whether it is encrypted with a key of Key Management Service.
    pub encrypted: bool,
}

/// The names that the deployed table has.
pub(crate) struct TableNames {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) stream_arn: Option<String>,
}

impl Table {
    /// The ARN of one of its indexes, which is what a permission to query the index names.
    pub fn index_arn(&self, index: &str) -> String {
        format!("{}/index/{index}", self.arn)
    }

    pub(crate) fn read(
        logical_id: &str,
        names: TableNames,
        retained: bool,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        properties.only(
            &[
                "AttributeDefinitions",
                "BillingMode",
                "DeletionProtectionEnabled",
                "GlobalSecondaryIndexes",
                "KeySchema",
                "LocalSecondaryIndexes",
                "PointInTimeRecoverySpecification",
                "SSESpecification",
                "StreamSpecification",
                "TableName",
                "TimeToLiveSpecification",
            ],
            &["ContributorInsightsSpecification", "OnDemandThroughput", "TableClass", "Tags"],
        )?;
        let TableNames { name, arn, stream_arn } = names;
        let mut create = Map::from_iter([
            ("TableName".to_owned(), json!(name)),
            ("BillingMode".to_owned(), json!("PAY_PER_REQUEST")),
            ("AttributeDefinitions".to_owned(), attributes(properties)?),
            ("KeySchema".to_owned(), key_schema(properties)?),
        ]);
        match properties.required_string("BillingMode")?.as_str() {
            "PAY_PER_REQUEST" => {}
            other => {
                let place = properties.below("BillingMode");
                return Err(TemplateError::unsupported(&place, other, &["PAY_PER_REQUEST"]));
            }
        }
        for key in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
            let indexes: Vec<Value> = properties.objects(key)?.iter().map(index).collect::<Result<_, _>>()?;
            if !indexes.is_empty() {
                create.insert(key.to_owned(), indexes.into());
            }
        }
        if let Some(stream) = properties.object("StreamSpecification")? {
            stream.only(&["StreamViewType"], &["ResourcePolicy"])?;
            let view = stream.required_string("StreamViewType")?;
            if !VIEWS.contains(&view.as_str()) {
                return Err(TemplateError::unsupported(&stream.below("StreamViewType"), view, &VIEWS));
            }
            create.insert(
                "StreamSpecification".to_owned(),
                json!({"StreamEnabled": true, "StreamViewType": view}),
            );
        }
        Ok(Self {
            logical_id: logical_id.to_owned(),
            name,
            arn,
            create: Value::Object(create),
            ttl_attribute: ttl(properties)?,
            stream_arn,
            retained,
            point_in_time_recovery: switch(
                properties,
                "PointInTimeRecoverySpecification",
                "PointInTimeRecoveryEnabled",
                &["RecoveryPeriodInDays"],
            )?,
            deletion_protected: properties.bool("DeletionProtectionEnabled")?.unwrap_or(false),
            encrypted: switch(properties, "SSESpecification", "SSEEnabled", &["KMSMasterKeyId", "SSEType"])?,
        })
    }
}

fn attributes(properties: &Fields<'_>) -> Result<Value, TemplateError> {
    let definitions = properties.objects("AttributeDefinitions")?;
    if definitions.is_empty() {
        return Err(properties.missing("AttributeDefinitions"));
    }
    definitions
        .iter()
        .map(|one| {
            one.only(&["AttributeName", "AttributeType"], &[])?;
            let (name, kind) = (one.required_string("AttributeName")?, one.required_string("AttributeType")?);
            Ok(json!({"AttributeName": name, "AttributeType": kind}))
        })
        .collect()
}

fn key_schema(fields: &Fields<'_>) -> Result<Value, TemplateError> {
    let elements = fields.objects("KeySchema")?;
    if elements.is_empty() {
        return Err(fields.missing("KeySchema"));
    }
    elements
        .iter()
        .map(|one| {
            one.only(&["AttributeName", "KeyType"], &[])?;
            let (name, kind) = (one.required_string("AttributeName")?, one.required_string("KeyType")?);
            Ok(json!({"AttributeName": name, "KeyType": kind}))
        })
        .collect()
}

fn index(fields: &Fields<'_>) -> Result<Value, TemplateError> {
    fields.only(
        &["IndexName", "KeySchema", "Projection"],
        &["ContributorInsightsSpecification", "OnDemandThroughput"],
    )?;
    let projection = fields.object("Projection")?.ok_or_else(|| fields.missing("Projection"))?;
    projection.only(&["NonKeyAttributes", "ProjectionType"], &[])?;
    let mut project = json!({"ProjectionType": projection.required_string("ProjectionType")?});
    let attributes = projection.strings("NonKeyAttributes")?;
    if let (false, Some(project)) = (attributes.is_empty(), project.as_object_mut()) {
        project.insert("NonKeyAttributes".to_owned(), attributes.into());
    }
    Ok(json!({
        "IndexName": fields.required_string("IndexName")?,
        "KeySchema": key_schema(fields)?,
        "Projection": project,
    }))
}

fn ttl(properties: &Fields<'_>) -> Result<Option<String>, TemplateError> {
    let Some(ttl) = properties.object("TimeToLiveSpecification")? else { return Ok(None) };
    ttl.only(&["AttributeName", "Enabled"], &[])?;
    let attribute = ttl.required_string("AttributeName")?;
    let enabled = ttl.bool("Enabled")?.ok_or_else(|| ttl.missing("Enabled"))?;
    Ok(enabled.then_some(attribute))
}

fn switch(properties: &Fields<'_>, key: &str, flag: &str, ignored: &[&str]) -> Result<bool, TemplateError> {
    let Some(fields) = properties.object(key)? else { return Ok(false) };
    fields.only(&[flag], ignored)?;
    fields.bool(flag)?.ok_or_else(|| fields.missing(flag))
}

const VIEWS: [&str; 4] = ["KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE"];
