//! A genuine payment notice: one round trip to DynamoDB, and how much processor time of our own.
//!
//! The shipped binary gets notices that are signed here, while everything it calls answers at once. Hello world gets the same
//! events, so that the difference is what we do with a notice: verify it, read it, and write it in one signed request.

use std::{collections::BTreeMap, path::PathBuf};

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
    report::{Section, Target},
    runtime_api::{Answered, RuntimeApi},
    statistics::{Sample, time},
    table::Table,
    upstream::Upstream,
};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Starts of each binary for each kind of notice.
    pub starts: usize,
    /// Notices that count, after each start.
    pub notices: usize,
}

/// Which interface a notice comes by.
#[derive(Clone, Copy)]
enum Kind {
    V2,
    V3,
}

/// A binary that gets notices of one kind.
struct Subject {
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    kind: Kind,
    ours: bool,
    /// Per notice, of each start, in nanoseconds.
    cpu: Vec<u64>,
    wall: Vec<u64>,
    /// Calls to the outside in all.
    calls: usize,
}

/// Measures.
///
/// # Errors
/// The function does not build or start, or does not take a notice.
pub async fn measure(effort: Effort) -> Result<Section, BoxError> {
    let upstream = Upstream::start(&merchant::secret()).await?;
    let mut subjects = subjects(&upstream)?;
    for _ in 0..effort.starts {
        for subject in &mut subjects {
            start(subject, effort.notices, &upstream).await?;
        }
    }
    let mut table =
        Table::new(["notice", "round trips", "p50", "p99", "CPU", "CPU of hello world", "our own CPU"]);
    let mut targets = Vec::new();
    for pair in subjects.chunks(2) {
        let [hello, ours] = pair else { return Err("a notice without its hello world".into()) };
        let cpu = |subject: &Subject| subject.cpu.iter().copied().collect::<Sample>().median();
        let wall: Sample = ours.wall.iter().copied().collect();
        let own = cpu(ours).saturating_sub(cpu(hello));
        let trips = ours.calls.checked_div(ours.wall.len()).unwrap_or_default();
        let name = ours.kind.name();
        table.row([
            name.to_owned(),
            trips.to_string(),
            time(wall.median()),
            time(wall.percentile(99)),
            time(cpu(ours)),
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
    })
}

/// For each kind hello world, then ours.
fn subjects(upstream: &Upstream) -> Result<Vec<Subject>, BoxError> {
    let stack = deployment::stack(&upstream.url)?;
    let ours = stack
        .functions
        .iter()
        .find(|function| function.folder == NOTIFY)
        .ok_or("no function of that name")?;
    let mut binaries = binaries::build([HELLO])?;
    binaries.extend(binaries::build([NOTIFY])?);
    let mut subjects = Vec::new();
    for kind in [Kind::V2, Kind::V3] {
        for (name, environment) in
            [(HELLO, deployment::lambda(HELLO)), (NOTIFY, deployment::environment(ours, &upstream.url))]
        {
            let binary = binaries.get(name).ok_or_else(|| format!("there is no binary {name}"))?.clone();
            let ours = name == NOTIFY;
            subjects.push(Subject {
                binary,
                environment,
                kind,
                ours,
                cpu: Vec::new(),
                wall: Vec::new(),
                calls: 0,
            });
        }
    }
    Ok(subjects)
}

async fn start(subject: &mut Subject, notices: usize, upstream: &Upstream) -> Result<(), BoxError> {
    let events = (0..WARM_UP + notices).map(|number| subject.kind.event(u64::try_from(number)?));
    let events = events.collect::<Result<Vec<_>, BoxError>>()?;
    let (warm_up, events) = events.split_at(WARM_UP);
    let mut api = RuntimeApi::start().await?;
    let mut environment = subject.environment.clone();
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let process = Process::start(&subject.binary, &environment)?;
    for event in warm_up {
        subject.check(&api.invoke(event).await?)?;
    }
    let (before, calls) = (process.cpu_time()?, upstream.calls());
    for event in events {
        let answered = api.invoke(event).await?;
        subject.check(&answered)?;
        subject.wall.push(answered.nanos);
    }
    let cpu = process.cpu_time()?.saturating_sub(before);
    subject.cpu.push(cpu.checked_div(u64::try_from(events.len())?).unwrap_or_default());
    subject.calls += upstream.calls().saturating_sub(calls);
    Ok(())
}

impl Subject {
    /// A notice that was refused would be cheap.
    fn check(&self, answered: &Answered) -> Result<(), BoxError> {
        let accepted = String::from_utf8_lossy(&answered.body);
        if !self.ours || self.kind.accepts().iter().any(|part| accepted.contains(part)) {
            return Ok(());
        }
        Err(format!("the notice was not accepted: {accepted}").into())
    }
}

impl Kind {
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
        Ok(event::http("POST /api/pay/notify", &headers, Some(&body)))
    }
}

const NOTIFY: &str = "pay-notify";
const WARM_UP: usize = 50;
/// Nanoseconds.
const OWN_CPU: u64 = 150_000;
