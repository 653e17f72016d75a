//! Calls of functions that are killed at random.

use serde_json::json;

use super::{
    streams,
    support::{client, json, start},
};
use crate::CallError;

#[tokio::test]
async fn a_killed_call_has_no_answer_and_loses_its_instance() {
    let bundle = start().await;
    let url = format!("{}/echo/x", bundle.base_url());
    let before = json(client().get(&url)).await.1["instance"].clone();
    bundle.start_random_kills(7, 1000);
    for _ in 0..5 {
        let answer = json(client().get(&url)).await;
        assert_eq!(answer, (500, json!({"message": "Internal Server Error"})));
    }
    assert!(matches!(bundle.run_task("tick").await, Err(CallError::Killed)));
    bundle.stop_random_kills();
    let (status, after) = json(client().get(&url)).await;
    assert_eq!(status, 200);
    assert_ne!(after["instance"], before, "a cold start");
    assert!(bundle.run_task("tick").await.is_ok());
}

#[tokio::test]
async fn random_kills_repeat_for_the_same_seed() {
    let killed = async |seed| {
        let bundle = start().await;
        bundle.start_random_kills(seed, 300);
        let mut killed = Vec::new();
        for _ in 0..40 {
            killed.push(bundle.run_task("tick").await.is_err());
        }
        killed
    };
    let first = killed(3).await;
    assert_eq!(first, killed(3).await);
    assert_ne!(first, killed(4).await);
    let count = first.iter().filter(|killed| **killed).count();
    assert!((4..25).contains(&count), "{count}");
}

#[tokio::test]
async fn a_record_is_delivered_or_sent_to_the_queue_despite_random_kills() {
    let bundle = streams::start().await;
    for at in 0..30 {
        streams::write(&bundle, &format!("r{at}"), "fine").await;
    }
    bundle.start_random_kills(11, 400);
    let responses = bundle.drain_stream("follow").await.unwrap();
    bundle.stop_random_kills();
    let delivered: usize =
        responses.iter().filter_map(|response| response["records"].as_array()).map(Vec::len).sum();
    let discarded: u64 = bundle
        .queue("FailedQueue")
        .iter()
        .filter_map(|message| message["DDBStreamBatchInfo"]["batchSize"].as_u64())
        .sum();
    assert!(responses.iter().any(|response| response["errorMessage"] == "the function was killed"));
    assert_eq!(delivered + usize::try_from(discarded).unwrap(), 30);
}
