//! The log: one JSON line a request or run of a task, and lines for operators; metrics are made from those lines.
//!
//! Bodies, headers, tokens, keys, phone numbers, openids in clear and URLs are never formatted: the lines below have typed
//! fields and nothing else. Errors reach a line through their `Display`, which by rule names things and never quotes secrets.
//! An end-to-end test searches every log for the secrets and people of that test.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};

mod json_formatter;

use crate::{
    telemetry::json_formatter::JsonFormatter,
    types::{BoxError, error_chain},
};

/// The log line of one request.
pub struct RequestLine<'a> {
    /// The function that answered.
    pub function: &'static str,
    /// The route as the template names it, such as `GET /api/orders/{orderId}`. It holds no value of a path.
    pub route: &'a str,
    /// The HTTP status of the response.
    pub status: u16,
    /// The failure; `None` for a success.
    pub failure: Option<Failure<'a>>,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// API Gateway's request id, which the body of a failure repeats.
    pub request_id: &'a str,
    /// The ARN of the operator who signed the request, on a route of operators.
    pub operator: Option<&'a str>,
    /// Whether this was the first request of the Lambda environment.
    pub cold_start: bool,
}

/// The failure of a request, for its log line.
pub struct Failure<'a> {
    /// The error code, as the caller gets it.
    pub code: &'a str,
    /// The log level of the line.
    pub severity: Severity,
    /// The cause and its sources, as [`error_chain`] writes them; `None` if the code says all.
    pub chain: Option<String>,
}

/// The log level of a failed request's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The caller made a mistake.
    Info,
    /// An operator should look if it happens often.
    Warn,
    /// The fault is in this back end or in its settings.
    Error,
}

/// Writes the log line of one request.
pub fn log_request(line: &RequestLine<'_>) {
    let code = line.failure.as_ref().map_or("OK", |failure| failure.code);
    let chain = line.failure.as_ref().and_then(|failure| failure.chain.as_deref());
    macro_rules! write {
        ($level:ident) => {
            tracing::$level!(
                function = line.function,
                route = line.route,
                status = line.status,
                code,
                error.chain = chain,
                duration_ms = line.duration_ms,
                request_id = line.request_id,
                operator = line.operator,
                cold_start = line.cold_start,
                "request handled"
            )
        };
    }
    match line.failure.as_ref().map_or(Severity::Info, |failure| failure.severity) {
        Severity::Info => write!(info),
        Severity::Warn => write!(warn),
        Severity::Error => write!(error),
    }
}

/// The log line of one run of a task.
pub struct TaskLine<'a> {
    /// The task.
    pub function: &'static str,
    /// The report of the run, as JSON, or the error that it ended with.
    pub report: Result<String, &'a BoxError>,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// Lambda's request id.
    pub request_id: &'a str,
    /// Whether this was the first run of the Lambda environment.
    pub cold_start: bool,
}

/// Writes the log line of one run of a task.
pub fn log_task(line: &TaskLine<'_>) {
    let TaskLine { function, duration_ms, request_id, cold_start, .. } = line;
    match &line.report {
        Ok(report) => tracing::info!(function, report, duration_ms, request_id, cold_start, "task completed"),
        Err(error) => {
            let chain = error_chain(error.as_ref());
            tracing::error!(
                function,
                error.chain = chain,
                duration_ms,
                request_id,
                cold_start,
                "task failed"
            );
        }
    }
}

/// Writes why a function can't start.
pub fn log_start_failure(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error.chain = error_chain(error), "function failed to start");
}

/// Tells operators of something that they must look at and that is not the failure of a request.
///
/// `alert` names it in kebab-case. Each alert has a CloudWatch alarm or opens a case. `subject` says what it is about: most often
/// the number of an order, payment, refund or user.
pub fn operator_alert(alert: &'static str, subject: &dyn std::fmt::Display) {
    tracing::warn!(alert, subject = %subject, "operator alert: {alert}");
}

/// Logs something unusual that was dealt with, so that an operator who reads the log can see it. No alarm watches it.
///
/// `event` and `subject` are as for [`operator_alert`].
pub fn unusual_event(event: &'static str, subject: &dyn std::fmt::Display) {
    tracing::info!(event, subject = %subject, "unusual event: {event}");
}

/// Logs an error that does not make the request or run fail. `step` names, in kebab-case, the step that failed.
pub fn handled_error(step: &'static str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(step, error.chain = error_chain(error), "step failed, error handled: {step}");
}

/// A measured value, from whose log line CloudWatch makes a metric.
#[derive(Debug, Clone, Copy)]
pub enum Metric<'a> {
    /// An error number or code of WeChat's.
    WeChatError(&'a str),
    /// A notice of WeChat Pay's, by its outcome. A repeated notice is recorded as `paid` and as `already-recorded`, so the sum over the
    /// outcomes is more than the number of notices.
    Notice(&'static str),
    /// A push of the message push, by what became of it.
    Push(&'static str),
    /// A token or ticket that WeChat was asked for, by the outcome.
    TokenRefresh(&'static str),
    /// Due orders and refunds that a run of the sweep has not begun, and those that failed.
    SweepBacklog(u64),
    /// Orders and refunds that a run of the sweep has processed, with or without success. Most are queries to WeChat Pay; orders
    /// that were never prepaid are only closed.
    SweepQueries(u64),
    /// Orders and refunds among those that failed, and shards that could not be read.
    SweepFailures(u64),
    /// The age of the oldest event that could not be processed, in seconds.
    OutboxAge(u64),
    /// The age of the oldest push that could not be processed, in seconds.
    InboxAge(u64),
    /// Differences between a bill and our tables.
    BillDifferences(u64),
    /// A case that was opened, by its kind.
    CaseOpened(&'static str),
    /// A request that went to a platform's backup address, by the platform.
    BackupCall(&'static str),
}

/// Writes the log line that CloudWatch makes the metric of.
pub fn record_metric(metric: Metric<'_>) {
    macro_rules! write {
        ($metric:literal, $value:expr $(, $name:ident = $word:expr)?) => {
            tracing::info!(metric = $metric, value = $value $(, $name = $word)?, concat!("metric recorded: ", $metric))
        };
    }
    match metric {
        Metric::WeChatError(code) => write!("WeChatErrors", 1_u64, code = code),
        Metric::Notice(outcome) => write!("Notices", 1_u64, outcome = outcome),
        Metric::Push(outcome) => write!("Pushes", 1_u64, outcome = outcome),
        Metric::TokenRefresh(outcome) => write!("TokenRefreshes", 1_u64, outcome = outcome),
        Metric::SweepBacklog(number) => write!("SweepBacklog", number),
        Metric::SweepQueries(number) => write!("SweepQueries", number),
        Metric::SweepFailures(number) => write!("SweepFailures", number),
        Metric::OutboxAge(seconds) => write!("OutboxAge", seconds),
        Metric::InboxAge(seconds) => write!("InboxAge", seconds),
        Metric::BillDifferences(number) => write!("BillDifferences", number),
        Metric::CaseOpened(kind) => write!("CasesOpened", 1_u64, kind = kind),
        Metric::BackupCall(platform) => write!("BackupCalls", 1_u64, outcome = platform),
    }
}

/// Writes all log lines to standard output, from where Lambda takes them. A panic is logged by its place, without its message. The names
/// of function and stack are the dimensions that tell one deployment's metrics from another's.
pub fn install(function_name: &str, stack_name: &str) {
    subscriber(function_name, stack_name, std::io::stdout).init();
    std::panic::set_hook(Box::new(|info| {
        // The message is left out because it may quote data. The place is enough to find the bug.
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "code panicked");
    }));
}

/// The subscriber of [`install`] for the deployed function and stack of these names, writing to `writer`.
pub fn subscriber<W>(
    function_name: &str,
    stack_name: &str,
    writer: W,
) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // No level below `info`, because a dependency's `debug` lines can hold a request's headers.
    tracing_subscriber::fmt()
        .event_format(JsonFormatter {
            function_name: function_name.to_owned(),
            stack_name: stack_name.to_owned(),
        })
        .with_max_level(LevelFilter::INFO)
        .with_writer(writer)
        .finish()
}
