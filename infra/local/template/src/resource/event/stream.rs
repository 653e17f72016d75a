//! `DynamoDB` events: a function that reads a table's stream.

use crate::error::TemplateError;
use crate::read::fields::Fields;
use crate::resource::event::filter::Filter;

/// A function's subscription to a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The event's name.
    pub name: String,
    /// The ARN of the stream.
    pub stream_arn: String,
    /// The position at which reading starts.
    pub starting_position: StartingPosition,
    /// The maximum number of records in a call.
    pub batch_size: u32,
    /// How long Lambda gathers records before a call.
    pub batching_window_seconds: u32,
    /// Whether a failed batch is split into halves.
    pub bisect_on_error: bool,
    /// How often a failed batch is retried; `None` is until its records expire.
    pub retry_attempts: Option<u32>,
    /// Whether the function names the records that failed (`ReportBatchItemFailures`).
    pub reports_item_failures: bool,
    /// A record is delivered when a pattern matches it, or when there are no patterns.
    pub filters: Vec<Filter>,
    /// The ARN of the queue that gets a message about discarded records.
    pub on_failure: Option<String>,
    /// Whether the subscription is enabled.
    pub enabled: bool,
}

/// The position at which reading a stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// At the next record that is written.
    Latest,
    /// At the oldest record.
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
            // Without a meaning locally: a stream has one shard, and its records never expire.
            &["MaximumRecordAgeInSeconds", "MetricsConfig", "ParallelizationFactor"],
        )?;
        Ok(Self {
            name: name.to_owned(),
            stream_arn: fields.required_string("Stream")?,
            starting_position: starting_position(fields)?,
            batch_size: batch_size(fields)?,
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

fn batch_size(fields: &Fields<'_>) -> Result<u32, TemplateError> {
    match fields.number("BatchSize")? {
        None => Ok(100),
        Some(size @ 1..=10_000) => Ok(size),
        Some(other) => Err(TemplateError::unexpected(
            &fields.below("BatchSize"),
            "a number from 1 to 10000",
            &other.into(),
        )),
    }
}

fn retry_attempts(fields: &Fields<'_>) -> Result<Option<u32>, TemplateError> {
    // -1 means "until the record expires", which is also the default.
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

fn filters(fields: &Fields<'_>) -> Result<Vec<Filter>, TemplateError> {
    let Some(criteria) = fields.object("FilterCriteria")? else { return Ok(Vec::new()) };
    criteria.only(&["Filters"], &[])?;
    criteria
        .objects("Filters")?
        .iter()
        .map(|filter| {
            filter.only(&["Pattern"], &[])?;
            Filter::read(&filter.below("Pattern"), &filter.required_string("Pattern")?)
        })
        .collect()
}

fn on_failure(fields: &Fields<'_>) -> Result<Option<String>, TemplateError> {
    let Some(config) = fields.object("DestinationConfig")? else { return Ok(None) };
    config.only(&["OnFailure"], &[])?;
    let Some(target) = config.object("OnFailure")? else { return Ok(None) };
    target.only(&["Destination", "Type"], &[])?;
    // `Type` is required, because SAM grants `sqs:SendMessage` only with it.
    match target.required_string("Type")?.as_str() {
        "SQS" => target.required_string("Destination").map(Some),
        other => Err(TemplateError::unsupported(&target.below("Type"), other, &["SQS"])),
    }
}
