//! The processor time of one request of a warm function.

use shared::types::BoxError;

use super::{
    figures::{Figure, Measured, Value, Values},
    requests::Request,
    trees::{Side, Tree, Trees},
};
use crate::{
    deployment, functions::HELLO, merchant, process::Process, progress::Progress, runtime_api::RuntimeApi,
    upstream::Upstream,
};

/// Measures the requests of both builds in turns, each after so many starts with so many requests.
///
/// # Errors
/// A binary does not start, or refuses a request.
pub async fn measure(trees: &Trees, starts: usize, requests: usize) -> Result<Measured, BoxError> {
    let mut measured = Measured::new();
    for (figure, request, without_hello) in [
        (Figure::NoticeV2, Request::NoticeV2, true),
        (Figure::NoticeV3, Request::NoticeV3, true),
        (Figure::Login, Request::Login, false),
        (Figure::Prepay, Request::RepeatedPrepay, false),
    ] {
        if Side::BOTH.iter().any(|side| trees.side(*side).binary(request.function()).is_err()) {
            continue;
        }
        let mut least = [u64::MAX; 2];
        let mut hello = u64::MAX;
        let progress = Progress::new(request.function(), u64::try_from(starts)?);
        for _ in 0..starts {
            progress.step();
            for (side, least) in Side::BOTH.into_iter().zip(&mut least) {
                let tree = trees.side(side);
                *least = (*least).min(cpu(tree, request.function(), request, requests).await?);
            }
            if without_hello {
                hello = hello.min(cpu(&trees.new, HELLO, request, requests).await?);
            }
        }
        let [base, new] = least.map(|cpu| if without_hello { cpu.saturating_sub(hello) } else { cpu });
        let (base, new) = (Value::Time(base), Value::Time(new));
        measured.insert(figure, Values { base, new, note: request.function().to_owned() });
    }
    Ok(measured)
}

/// The processor time of a request to the binary `name`, in nanoseconds.
async fn cpu(tree: &Tree, name: &str, request: Request, requests: usize) -> Result<u64, BoxError> {
    let function = tree.function(request.function(), "http://127.0.0.1:1")?;
    let upstream = Upstream::start_with(&merchant::secret(), request.answers(&function)?).await?;
    let function = tree.function(request.function(), &upstream.url)?;
    let mut environment = deployment::environment(&function, &upstream.url);
    let mut api = RuntimeApi::start().await?;
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let mut events = Vec::new();
    for number in 0..WARM_UP + requests {
        events.push(request.event(u64::try_from(number)?).await?);
    }
    let (warm_up, events) = events.split_at(WARM_UP);
    let process = Process::start(tree.binary(name)?, &environment)?;
    for event in warm_up {
        let answer = api.invoke(event).await?;
        let body = String::from_utf8_lossy(&answer.body);
        if name != HELLO && !body.contains(request.sign_of_success()) {
            return Err(format!("{name} refuses the request: {body}").into());
        }
    }
    let before = process.cpu_time()?;
    for event in events {
        let _ = api.invoke(event).await?;
    }
    let cpu = process.cpu_time()?.saturating_sub(before);
    Ok(cpu.checked_div(u64::try_from(events.len())?).unwrap_or_default())
}

const WARM_UP: usize = 50;
