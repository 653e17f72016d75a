//! The cost of a genuine payment notice: round trips to DynamoDB, and processor time.
//!
//! The release binary gets notices that this crate signs, and everything it calls answers at once. Hello world gets the same
//! events. The difference is the work for a notice: to verify it, read it, and write it in one signed request.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use shared::{
    crypto::SigningKey,
    host::{Clock, SystemClock},
    types::BoxError,
};

use crate::{
    binaries, deployment, event,
    functions::HELLO,
    merchant::{self, Notice},
    process::Process,
    progress::Progress,
    report::{Section, Target},
    runtime_api::{InvocationResult, RuntimeApi},
    statistics::{Sample, time},
    table::Table,
    upstream::Upstream,
};

/// The number of starts and notices.
#[derive(Clone, Copy)]
pub struct NoticeEffort {
    /// Starts of each binary for each kind of notice.
    pub starts: usize,
    /// The measured notices after each start.
    pub notices: usize,
}

/// The interface of WeChat Pay by which a notice comes.
#[derive(Clone, Copy)]
enum NoticeInterface {
    V2,
    V3,
}

/// A binary that gets notices of one kind.
struct NoticeReceiver {
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    kind: NoticeInterface,
    is_pay_notify: bool,
    /// The processor time per notice of each start, in nanoseconds.
    cpu: Vec<u64>,
    wall: Vec<u64>,
    /// The number of calls to the upstream.
    calls: usize,
}

/// Builds `pay-notify` and hello world and measures them.
///
/// # Errors
/// A binary does not build or start, or refuses a notice.
pub async fn measure(built: Option<&Path>, effort: NoticeEffort) -> Result<Section, BoxError> {
    let upstream = Upstream::start(&merchant::secret()).await?;
    let mut subjects = subjects(built, &upstream)?;
    let progress = Progress::new("notices", u64::try_from(effort.starts * subjects.len())?);
    for _ in 0..effort.starts {
        for subject in &mut subjects {
            progress.step();
            start(subject, effort.notices, &upstream).await?;
        }
    }
    let mut table =
        Table::new(["notice", "round trips", "p50", "p99", "CPU", "CPU of hello world", "our own CPU"]);
    let mut targets = Vec::new();
    for pair in subjects.chunks(2) {
        let [hello, pay_notify] = pair else { return Err("a notice without its hello world".into()) };
        let cpu = |subject: &NoticeReceiver| subject.cpu.iter().copied().collect::<Sample>().median();
        let wall: Sample = pay_notify.wall.iter().copied().collect();
        let own = cpu(pay_notify).saturating_sub(cpu(hello));
        let trips = pay_notify.calls.checked_div(pay_notify.wall.len()).unwrap_or_default();
        let name = pay_notify.kind.name();
        table.add_row([
            name.to_owned(),
            trips.to_string(),
            time(wall.median()),
            time(wall.percentile(99)),
            time(cpu(pay_notify)),
            time(cpu(hello)),
            time(own),
        ]);
        targets.push(Target::below(&format!("own CPU of a notice, {name}"), OWN_CPU, own));
        targets.push(Target::equal(&format!("round trips of a notice, {name}"), 1, trips));
    }
    Ok(Section {
        title: "A payment notice",
        text: format!(
            "`pay-notify` with genuine notices, every one another payment: medians of {} starts with {} notices each once warm. \
             What it calls answers at once, so the times are ours, the connection's on this machine, and Lambda's runtime's. Hello \
             world gets the same events.\n",
            effort.starts, effort.notices
        ),
        table,
        targets,
        plots: Vec::new(),
    })
}

/// For each interface hello world, then `pay-notify`.
fn subjects(built: Option<&Path>, upstream: &Upstream) -> Result<Vec<NoticeReceiver>, BoxError> {
    let stack = deployment::stack(&upstream.url)?;
    let function = stack
        .functions
        .iter()
        .find(|function| function.folder == NOTIFY)
        .ok_or("no function of that name")?;
    let mut binaries = binaries::find_or_build(built, [HELLO])?;
    binaries.extend(binaries::find_or_build(built, [NOTIFY])?);
    let mut subjects = Vec::new();
    for kind in [NoticeInterface::V2, NoticeInterface::V3] {
        for (name, environment) in [
            (HELLO, deployment::lambda_variables(HELLO)),
            (NOTIFY, deployment::environment(function, &upstream.url)),
        ] {
            let binary = binaries.get(name).ok_or_else(|| format!("there is no binary {name}"))?.clone();
            let is_pay_notify = name == NOTIFY;
            subjects.push(NoticeReceiver {
                binary,
                environment,
                kind,
                is_pay_notify,
                cpu: Vec::new(),
                wall: Vec::new(),
                calls: 0,
            });
        }
    }
    Ok(subjects)
}

async fn start(subject: &mut NoticeReceiver, notices: usize, upstream: &Upstream) -> Result<(), BoxError> {
    let events = (0..WARM_UP + notices).map(|number| subject.kind.event(u64::try_from(number)?));
    let events = events.collect::<Result<Vec<_>, BoxError>>()?;
    let (warm_up, events) = events.split_at(WARM_UP);
    let mut api = RuntimeApi::start().await?;
    let mut environment = subject.environment.clone();
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let process = Process::start(&subject.binary, &environment)?;
    for event in warm_up {
        subject.check_accepted(&api.invoke(event).await?)?;
    }
    let (before, calls) = (process.cpu_time()?, upstream.calls());
    for event in events {
        let result = api.invoke(event).await?;
        subject.check_accepted(&result)?;
        subject.wall.push(result.nanos);
    }
    let cpu = process.cpu_time()?.saturating_sub(before);
    subject.cpu.push(cpu.checked_div(u64::try_from(events.len())?).unwrap_or_default());
    subject.calls += upstream.calls().saturating_sub(calls);
    Ok(())
}

impl NoticeReceiver {
    /// Fails when the notice was refused, because a refusal costs less.
    fn check_accepted(&self, result: &InvocationResult) -> Result<(), BoxError> {
        let accepted = String::from_utf8_lossy(&result.body);
        if !self.is_pay_notify || self.kind.accepts().iter().any(|part| accepted.contains(part)) {
            return Ok(());
        }
        Err(format!("the notice was not accepted: {accepted}").into())
    }
}

impl NoticeInterface {
    fn name(self) -> &'static str {
        match self {
            Self::V2 => "APIv2: XML, HMAC-SHA256",
            Self::V3 => "APIv3: JSON, RSA, AES-GCM",
        }
    }

    fn accepts(self) -> &'static [&'static str] {
        match self {
            Self::V2 => &["<![CDATA[SUCCESS]]>"],
            Self::V3 => &[r#""statusCode":204"#],
        }
    }

    fn event(self, number: u64) -> Result<String, BoxError> {
        let Notice { headers, body } = match self {
            Self::V2 => merchant::v2_notice(number)?,
            Self::V3 => {
                let key = SigningKey::from_pem(merchant::PRIVATE_KEY)?;
                merchant::v3_notice(number, &key, SystemClock.now_millis() / 1000)?
            }
        };
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(event::http_event("POST /api/pay/notify", &headers, Some(&body)))
    }
}

const NOTIFY: &str = "pay-notify";
const WARM_UP: usize = 50;
/// The target for the processor time of a notice, in nanoseconds.
const OWN_CPU: u64 = 150_000;
