//! What a large bill costs: how many lines a second `reconcile` compares, and how much memory it takes.
//!
//! ```text
//!   BillServer ── a packed bill of so many lines, made while it is downloaded ──▶ reconcile, as it ships
//!              ◀─ BatchGetItem, Query: rows made from their keys, after 5 ms ───▶
//! ```
//! The bill and our tables differ in one line of each kind, which the run must find. The process has the share of a processor that Lambda
//! gives a function with 512 MB, where this machine can make it so.

mod server;
mod text;

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use shared::{
    host::{Clock, SystemClock},
    types::{BoxError, Day, UnixSeconds},
};

use crate::{
    compare::share::ProcessorShare,
    deployment, merchant,
    process::Process,
    report::{Section, Target},
    runtime_api::RuntimeApi,
    statistics::time,
    table::Table,
};
use server::BillServer;
use text::BillText;

/// The function that compares bills.
pub const FUNCTION: &str = "reconcile";

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct BillRun {
    /// Lines of the bill.
    pub lines: u64,
    /// Nanoseconds from the event to the report.
    pub nanos: u64,
    /// Processor time of the function, in nanoseconds.
    pub cpu_nanos: u64,
    /// The most memory that the process had, in bytes.
    pub peak_memory: u64,
    /// Requests to DynamoDB.
    pub requests: usize,
    /// Whether the run had the share of a processor that belongs to 512 MB.
    pub is_shared: bool,
}

/// Lets the binary of [`FUNCTION`] compare a bill of so many lines.
///
/// # Errors
/// The binary does not start, or does not find exactly the differences that there are.
pub async fn run(binary: &Path, lines: u64) -> Result<BillRun, BoxError> {
    let today = Day::of(UnixSeconds::new(SystemClock.now_millis() / 1000));
    let day = today.before(2);
    let server = BillServer::start(BillText { day, lines }, &merchant::secret()).await?;
    let stack = deployment::stack(&server.url)?;
    let function = stack.functions.iter().find(|function| function.folder == FUNCTION);
    let mut api = RuntimeApi::start().await?;
    let mut environment = deployment::environment(function.ok_or("no such function")?, &server.url);
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let process = Process::start(binary, &environment)?;
    let _ = api.wait_for_next().await?;
    let share = ProcessorShare::of_memory(MEMORY_MB);
    if let Some(share) = &share {
        share.add(process.id())?;
    }
    let before = process.cpu_time()?;
    let event = json!({ "billDate": day.to_string() }).to_string();
    let result = api.invoke_within(&event, LIMIT).await?;
    let cpu_nanos = process.cpu_time()?.saturating_sub(before);
    let report: Value = serde_json::from_slice(&result.body)?;
    let found = report.pointer("/days/0").cloned().unwrap_or_default();
    let expected = json!({ "missingHere": 1, "missingThere": 1, "amount": 1, "state": 0, "fee": 0 });
    if found.get("differences") != Some(&expected) || found.get("lines") != Some(&json!(lines)) {
        return Err(format!("the run says {report}").into());
    }
    Ok(BillRun {
        lines,
        nanos: result.nanos,
        cpu_nanos,
        peak_memory: process.peak_memory()?,
        requests: server.requests(),
        is_shared: share.is_some(),
    })
}

/// Measures a bill of so many lines.
///
/// # Errors
/// As [`run`].
pub async fn measure(binary: &Path, lines: u64) -> Result<Section, BoxError> {
    let run = run(binary, lines.max(text::FEWEST)).await?;
    let BillRun { lines, nanos, cpu_nanos, peak_memory, requests, is_shared } = run;
    let mut table = Table::new(["what", "measured"]);
    let mut row = |what: &str, measured: String| table.add_row([what.to_owned(), measured]);
    row("lines", lines.to_string());
    row("time", time(nanos));
    row("lines a second", per_second(lines, nanos).to_string());
    row("processor time of a line", time(cpu_nanos / lines));
    row("peak memory", format!("{} MB", peak_memory / MEGABYTE));
    row("requests to DynamoDB", requests.to_string());
    let share = if is_shared {
        "the share of a processor of 512 MB"
    } else {
        "a whole processor, because this machine has no control groups"
    };
    let whole = u64::try_from(u128::from(nanos) * u128::from(TARGET_LINES) / u128::from(lines))?;
    let limit = u64::try_from(LIMIT.as_nanos())?;
    let over =
        Vec::from_iter((peak_memory > u64::from(MEMORY_MB) * MEGABYTE).then(|| peak_memory.to_string()));
    Ok(Section {
        title: "A large bill",
        text: format!(
            "`{FUNCTION}` compares a bill whose payments are all in our tables but for three. It has {share}; DynamoDB answers after {} ms.\n",
            server::LATENCY.as_millis()
        ),
        table,
        targets: vec![
            Target::below("ten million lines at this rate", limit, whole),
            Target::none("no more memory than 512 MB", &over),
        ],
        plots: Vec::new(),
    })
}

fn per_second(lines: u64, nanos: u64) -> u64 {
    let per_second = u128::from(lines) * 1_000_000_000 / u128::from(nanos.max(1));
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

/// The memory of the function in the template.
const MEMORY_MB: u32 = 512;
const MEGABYTE: u64 = 1024 * 1024;
/// The timeout of the function in the template.
const LIMIT: Duration = Duration::from_secs(900);
const TARGET_LINES: u64 = 10_000_000;
