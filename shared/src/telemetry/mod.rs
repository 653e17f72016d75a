//! Logs: one JSON line a request, and what may never stand in one.
//!
//! Bodies, headers, tokens, keys, phone numbers, openids in clear and URLs are never formatted: the lines below have typed
//! fields and nothing else. Errors reach a line through their `Display`, which by rule names things and never quotes secrets;
//! an end-to-end test searches every log for the secrets and people of that test.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};

mod line;

use crate::{
    telemetry::line::Lines,
    types::{BoxError, error_chain},
};

/// What the log tells of one request.
pub struct RequestLine<'a> {
    /// The function that answered.
    pub function: &'static str,
    /// The route as the template names it, `GET /api/orders/{orderId}`: no value of a path stands in it.
    pub route: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The failure, if it was one.
    pub failure: Option<Failure<'a>>,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// API Gateway's request id, which a failure's body repeats.
    pub request_id: &'a str,
    /// Who signed it, on a route of operators: the ARN.
    pub operator: Option<&'a str>,
    /// Whether this was the first request of the environment.
    pub cold_start: bool,
}

/// What the log tells of a request's failure.
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
    /// Somebody should look if it happens often.
    Warn,
    /// The fault is in this back end or in its settings.
    Error,
}

/// Writes the line of one request.
pub fn request(line: &RequestLine<'_>) {
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
                "request"
            )
        };
    }
    match line.failure.as_ref().map_or(Severity::Info, |failure| failure.severity) {
        Severity::Info => write!(info),
        Severity::Warn => write!(warn),
        Severity::Error => write!(error),
    }
}

/// What the log tells of one run of a task.
pub struct TaskLine<'a> {
    /// The task.
    pub function: &'static str,
    /// Its report, as JSON, or why it failed.
    pub report: Result<String, &'a BoxError>,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// Lambda's request id.
    pub request_id: &'a str,
    /// Whether this was the first run of the environment.
    pub cold_start: bool,
}

/// Writes the line of one run.
pub fn task(line: &TaskLine<'_>) {
    let TaskLine { function, duration_ms, request_id, cold_start, .. } = line;
    match &line.report {
        Ok(report) => tracing::info!(function, report, duration_ms, request_id, cold_start, "task"),
        Err(error) => {
            let chain = error_chain(error.as_ref());
            tracing::error!(function, error.chain = chain, duration_ms, request_id, cold_start, "task");
        }
    }
}

/// Writes why a function can't start.
pub fn startup_failure(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error.chain = error_chain(error), "startup");
}

/// Something that is not a request's failure and that an operator must look at: `what` in kebab-case, `about` the number of
/// the order, payment or user it is about. Each `what` has an alarm, or leads to a case.
pub fn attention(what: &'static str, about: &dyn std::fmt::Display) {
    tracing::warn!(what, about = %about, "attention");
}

/// Something unusual that needs nobody: it was dealt with, and whoever reads the log can see it. Named as for [`attention`].
pub fn noted(what: &'static str, about: &dyn std::fmt::Display) {
    tracing::info!(what, about = %about, "noted");
}

/// A failure that was survived, and which `step` of the work it was.
pub fn survived(step: &'static str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(step, error.chain = error_chain(error), "survived");
}

/// Something that is counted, and from which CloudWatch makes a metric.
#[derive(Debug, Clone, Copy)]
pub enum Counted<'a> {
    /// An error number or code of WeChat's.
    WeChatError(&'a str),
    /// A notice of WeChat Pay's, by what came of it.
    Notice(&'static str),
    /// A token or ticket that was asked for, by what came of it.
    TokenRefresh(&'static str),
    /// Orders and refunds whose time had come and that a run of the sweep has left.
    SweepBacklog(u64),
    /// Orders and refunds that a run of the sweep has asked about, or has tried to.
    SweepLooks(u64),
    /// Those of them that could not be brought on.
    SweepFailures(u64),
    /// How long the oldest event has waited that could not be acted on, in seconds.
    OutboxAge(u64),
    /// Differences that a bill has shown.
    BillDifferences(u64),
    /// A case that was opened, by its kind.
    CaseOpened(&'static str),
    /// A request that went to a platform's backup address, by the platform.
    BackupCall(&'static str),
}

/// Counts it.
pub fn count(counted: Counted<'_>) {
    macro_rules! write {
        ($metric:literal, $value:expr $(, $name:ident = $word:expr)?) => {
            tracing::info!(metric = $metric, value = $value $(, $name = $word)?, "counted")
        };
    }
    match counted {
        Counted::WeChatError(code) => write!("WeChatErrors", 1_u64, code = code),
        Counted::Notice(outcome) => write!("Notices", 1_u64, outcome = outcome),
        Counted::TokenRefresh(outcome) => write!("TokenRefreshes", 1_u64, outcome = outcome),
        Counted::SweepBacklog(number) => write!("SweepBacklog", number),
        Counted::SweepLooks(number) => write!("SweepLooks", number),
        Counted::SweepFailures(number) => write!("SweepFailures", number),
        Counted::OutboxAge(seconds) => write!("OutboxAge", seconds),
        Counted::BillDifferences(number) => write!("BillDifferences", number),
        Counted::CaseOpened(kind) => write!("CasesOpened", 1_u64, kind = kind),
        Counted::BackupCall(platform) => write!("BackupCalls", 1_u64, outcome = platform),
    }
}

/// Sends all lines to standard output, as Lambda wants them, and panics with their place but without their message. The names of
/// function and stack are the dimensions that tell one deployment's metrics from another's.
pub fn install(function_name: &str, stack_name: &str) {
    subscriber(function_name, stack_name, std::io::stdout).init();
    std::panic::set_hook(Box::new(|info| {
        // The message may quote data; the place is enough to find the bug.
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
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
    // Nothing finer than `info`: what a dependency logs at `debug` can hold a request's headers.
    tracing_subscriber::fmt()
        .event_format(Lines { function_name: function_name.to_owned(), stack_name: stack_name.to_owned() })
        .with_max_level(LevelFilter::INFO)
        .with_writer(writer)
        .finish()
}
