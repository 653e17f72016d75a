//! First answers: of a function that has just started, and of one that had no request for a minute.
//!
//! The function meets AWS and WeChat as [`peers`](super::peers) says. Once it has started it gets the processor time that Lambda gives a
//! function with 256 MB. While it has no request it is stopped, as Lambda stops it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use shared::types::BoxError;

use super::{
    figures::{Figure, Measured, Value, Values},
    peers::{Distance, Peer, trusting_copy},
    requests::Request,
    share::ProcessorShare,
    trees::{Side, Tree, Trees},
};
use crate::{
    binaries::root, clock, deployment, process::Process, progress::Progress, runtime_api::RuntimeApi,
};

/// The time of a round trip to AWS.
pub const AWS_ROUND_TRIP: Duration = Duration::from_millis(2);
/// The time of a round trip to WeChat.
pub const WECHAT_ROUND_TRIP: Duration = Duration::from_millis(40);

/// The first answers of a function.
struct FirstAnswers {
    /// From the start of the process to its first answer.
    cold: u64,
    /// From the event after a minute without requests to the answer.
    idle: u64,
}

/// Measures both functions of both builds. Says in words how much of a processor they had.
///
/// # Errors
/// A binary does not start or answer, or waits for more round trips than `EXPECTED` says.
pub async fn measure(trees: &Trees, starts: usize) -> Result<(Measured, &'static str), BoxError> {
    let share = ProcessorShare::of_memory(256);
    let mut measured = Measured::new();
    for (cold, idle, request) in [
        (Figure::ColdLogin, Figure::IdleLogin, Request::Login),
        (Figure::ColdPrepay, Figure::IdlePrepay, Request::FirstPrepay),
    ] {
        if Side::BOTH.iter().any(|side| trees.side(*side).binary(request.function()).is_err()) {
            continue;
        }
        let mut least = [(u64::MAX, u64::MAX); 2];
        let mut copies = Vec::new();
        for side in Side::BOTH {
            copies.push(trusting(trees.side(side), side, request.function())?);
        }
        let mut running = Vec::new();
        // A step for each start and for each second of the idle minute.
        let progress = Progress::new(request.function(), u64::try_from(starts)? + IDLE.as_secs());
        for _ in 0..starts {
            progress.step();
            for (index, side) in Side::BOTH.into_iter().enumerate() {
                let copy = copies.get(index).ok_or("no copy")?;
                running.push((index, Run::start(trees.side(side), copy, request, share.as_ref()).await?));
            }
        }
        // All of them have their minute at the same time.
        for _ in 0..IDLE.as_secs() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            progress.step();
        }
        for (index, run) in running {
            let FirstAnswers { cold, idle } = run.again(request).await?;
            if let Some(least) = least.get_mut(index) {
                *least = (least.0.min(cold), least.1.min(idle));
            }
        }
        let mut trips = Vec::new();
        for (side, copy) in Side::BOTH.into_iter().zip(&copies) {
            trips.push(sequential_round_trips(trees.side(side), copy, request).await?);
        }
        let [(base_cold, base_idle), (new_cold, new_idle)] = least;
        let shown: Vec<String> = trips.iter().map(|(aws, wechat)| format!("{aws} + {wechat}")).collect();
        let note = format!("round trips to AWS + WeChat: {}", shown.join("; "));
        measured.insert(cold, Values { base: Value::Time(base_cold), new: Value::Time(new_cold), note });
        let (base, new) = (Value::Time(base_idle), Value::Time(new_idle));
        measured.insert(idle, Values { base, new, note: String::new() });
        check_round_trips(request, trips.get(1).copied().unwrap_or_default())?;
    }
    let said = match share {
        Some(_) => "once started, a function had 2.9 of every 20 ms of a processor, by a control group",
        None => "there are no control groups here, so functions had a whole processor",
    };
    Ok((measured, said))
}

/// A copy of the binary that trusts the peers.
fn trusting(tree: &Tree, side: Side, name: &str) -> Result<PathBuf, BoxError> {
    let folder = root().join("target/compare/trusting");
    trusting_copy(tree.binary(name)?, &folder, &format!("{name}-{side:?}"))
}

/// A function that has answered once.
struct Run {
    api: RuntimeApi,
    process: Process,
    cold: u64,
    /// The peers that it keeps calling.
    _peers: [Peer; 3],
}

impl Run {
    async fn start(
        tree: &Tree,
        copy: &Path,
        request: Request,
        share: Option<&ProcessorShare>,
    ) -> Result<Self, BoxError> {
        let distances = [
            Distance { round_trip: AWS_ROUND_TRIP, idle: AWS_IDLE },
            Distance { round_trip: WECHAT_ROUND_TRIP, idle: WECHAT_IDLE },
        ];
        let (api, process, peers, cold) = first_answer(tree, copy, request, distances, share).await?;
        signal(&process, "-STOP")?;
        Ok(Self { api, process, cold, _peers: peers })
    }

    async fn again(mut self, request: Request) -> Result<FirstAnswers, BoxError> {
        let event = request.event(2).await?;
        let started = clock::now();
        signal(&self.process, "-CONT")?;
        check(&self.api.invoke(&event).await?.body, request)?;
        Ok(FirstAnswers { cold: self.cold, idle: clock::nanos_since(started) })
    }
}

/// Starts the function and sends it an event. Returns the time to the answer, from the start of the process.
async fn first_answer(
    tree: &Tree,
    copy: &Path,
    request: Request,
    [aws, wechat]: [Distance; 2],
    share: Option<&ProcessorShare>,
) -> Result<(RuntimeApi, Process, [Peer; 3], u64), BoxError> {
    let function = tree.function(request.function(), "https://localhost:1")?;
    let answers = request.answers(&function)?;
    // Each service of AWS has a host of its own, so that none uses another's connection.
    let dynamodb = Peer::start(aws, answers.clone()).await?;
    let secrets = Peer::start(aws, answers.clone()).await?;
    let wechat = Peer::start(wechat, answers).await?;
    let function = tree.function(request.function(), &wechat.url)?;
    let mut environment = deployment::environment(&function, &secrets.url);
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.url.clone());
    let mut api = RuntimeApi::start().await?;
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let event = request.event(1).await?;
    let process = Process::start(copy, &environment)?;
    let _ = api.wait_for_next().await?;
    if let Some(share) = share {
        share.add(process.id())?;
    }
    let answer = api.invoke(&event).await?;
    let cold = clock::nanos_since(process.started);
    check(&answer.body, request)?;
    Ok((api, process, [dynamodb, secrets, wechat], cold))
}

/// How many round trips to AWS and to WeChat follow one another from the start to the first answer. Each peer in turn is so far away that
/// nothing else takes time.
async fn sequential_round_trips(tree: &Tree, copy: &Path, request: Request) -> Result<(u64, u64), BoxError> {
    let (near, far) = (Duration::ZERO, Duration::from_millis(150));
    let mut trips = [0; 2];
    for (trips, [aws, wechat]) in trips.iter_mut().zip([[far, near], [near, far]]) {
        let distance = |round_trip| Distance { round_trip, idle: WECHAT_IDLE };
        let distances = [distance(aws), distance(wechat)];
        let (.., cold) = first_answer(tree, copy, request, distances, None).await?;
        *trips = cold / u64::try_from(far.as_nanos())?;
    }
    let [aws, wechat] = trips;
    Ok((aws, wechat))
}

/// Fails when this tree waits for another number of round trips than expected.
fn check_round_trips(request: Request, trips: (u64, u64)) -> Result<(), BoxError> {
    let expected = EXPECTED.iter().find(|(name, _)| *name == request.function());
    match expected {
        Some((name, expected)) if *expected != trips => Err(format!(
            "{name} waits for {} round trips to AWS and {} to WeChat, and not for {} and {}",
            trips.0, trips.1, expected.0, expected.1
        )
        .into()),
        _ => Ok(()),
    }
}

fn check(body: &[u8], request: Request) -> Result<(), BoxError> {
    let body = String::from_utf8_lossy(body);
    if body.contains(request.sign_of_success()) {
        return Ok(());
    }
    Err(format!("{} refuses the request: {body}", request.function()).into())
}

fn signal(process: &Process, signal: &str) -> Result<(), BoxError> {
    let status = Command::new("kill").args([signal, &process.id().to_string()]).status()?;
    if status.success() { Ok(()) } else { Err("the function has ended".into()) }
}

/// For each function, the round trips to AWS and to WeChat that follow one another from the start to the first answer.
const EXPECTED: [(&str, (u64, u64)); 2] = [("login", (6, 3)), ("unified-order", (6, 3))];
/// The time without requests.
const IDLE: Duration = Duration::from_secs(60);
/// AWS does not say when it closes an idle connection. After this minute both builds take theirs for closed.
const AWS_IDLE: Duration = Duration::from_secs(55);
/// api.mch.weixin.qq.com closes an idle connection after 8 seconds.
const WECHAT_IDLE: Duration = Duration::from_secs(8);
