//! `DynamoDB` events: a function that reads a table's stream.

use serde_json::Value;

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A function's subscription to a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The event's name.
    pub name: String,
    /// The ARN of the stream.
    pub stream_arn: String,
    /// Where reading begins.
    pub starting_position: StartingPosition,
    /// How many records one call gets at most.
    pub batch_size: u32,
    /// How long records are gathered before a call.
    pub batching_window_seconds: u32,
    /// Whether a failed batch is cut in two.
    pub bisect_on_error: bool,
    /// How often a failed batch is tried again; `None` is until it expires.
    pub retry_attempts: Option<u32>,
    /// Whether the function names the records that failed (`ReportBatchItemFailures`).
    pub reports_item_failures: bool,
    /// Patterns; a record is delivered when there is none or one matches it.
    pub filters: Vec<Value>,
    /// Where records go that were given up.
    pub on_failure: Option<String>,
    /// Whether it runs at all.
    pub enabled: bool,
}

/// Where reading a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// With what is written from now on.
    Latest,
    /// With the oldest record there is.
    TrimHorizon,
}

impl Stream {
    pub(crate) fn read(name: &str, fields: &Fields<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &[
                "BatchSize",
                "BisectBatchOnFunctionError",
                "DestinationConfig",
                "Enabled",
                "FilterCriteria",
                "FunctionResponseTypes",
                "MaximumBatchingWindowInSeconds",
                "MaximumRetryAttempts",
                "StartingPosition",
                "Stream",
            ],
            &[
                "MaximumRecordAgeInSeconds",
                "MetricsConfig",
                "ParallelizationFactor",
                "TumblingWindowInSeconds",
            ],
        )?;
        Ok(Self {
            name: name.to_owned(),
            stream_arn: fields.required_string("Stream")?,
            starting_position: starting_position(fields)?,
            batch_size: fields.number("BatchSize")?.unwrap_or(100),
            batching_window_seconds: fields.number("MaximumBatchingWindowInSeconds")?.unwrap_or(0),
            bisect_on_error: fields.bool("BisectBatchOnFunctionError")?.unwrap_or(false),
            retry_attempts: retry_attempts(fields)?,
            reports_item_failures: reports_item_failures(fields)?,
            filters: filters(fields)?,
            on_failure: on_failure(fields)?,
            enabled: fields.bool("Enabled")?.unwrap_or(true),
        })
    }
}

fn starting_position(fields: &Fields<'_>) -> Result<StartingPosition, TemplateError> {
    match fields.required_string("StartingPosition")?.as_str() {
        "LATEST" => Ok(StartingPosition::Latest),
        "TRIM_HORIZON" => Ok(StartingPosition::TrimHorizon),
        other => {
            let place = fields.below("StartingPosition");
            Err(TemplateError::unsupported(&place, other, &["LATEST", "TRIM_HORIZON"]))
        }
    }
}

fn retry_attempts(fields: &Fields<'_>) -> Result<Option<u32>, TemplateError> {
    // -1 says "until the record expires", which is the default as well.
    match fields.number::<i64>("MaximumRetryAttempts")? {
        None | Some(-1) => Ok(None),
        Some(_) => fields.number("MaximumRetryAttempts"),
    }
}

fn reports_item_failures(fields: &Fields<'_>) -> Result<bool, TemplateError> {
    let kinds = fields.strings("FunctionResponseTypes")?;
    match kinds.iter().find(|kind| *kind != "ReportBatchItemFailures") {
        None => Ok(!kinds.is_empty()),
        Some(other) => {
            let place = fields.below("FunctionResponseTypes");
            Err(TemplateError::unsupported(&place, other, &["ReportBatchItemFailures"]))
        }
    }
}

fn filters(fields: &Fields<'_>) -> Result<Vec<Value>, TemplateError> {
    let Some(criteria) = fields.object("FilterCriteria")? else { return Ok(Vec::new()) };
    criteria.only(&["Filters"], &[])?;
    criteria
        .objects("Filters")?
        .iter()
        .map(|filter| {
            filter.only(&["Pattern"], &[])?;
            let pattern = filter.required_string("Pattern")?;
            serde_json::from_str(&pattern)
                .map_err(|_| TemplateError::wrong(&filter.below("Pattern"), "JSON as text", &pattern.into()))
        })
        .collect()
}

fn on_failure(fields: &Fields<'_>) -> Result<Option<String>, TemplateError> {
    let Some(config) = fields.object("DestinationConfig")? else { return Ok(None) };
    config.only(&["OnFailure"], &[])?;
    let Some(target) = config.object("OnFailure")? else { return Ok(None) };
    target.only(&["Destination"], &["Type"])?;
    target.string("Destination")
}
