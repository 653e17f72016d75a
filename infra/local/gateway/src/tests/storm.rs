//! Functions that are killed.

use serde_json::json;

use super::{
    streams,
    world::{client, json, start},
};
use crate::CallError;

#[tokio::test]
async fn a_killed_function_costs_an_answer_and_its_instance() {
    let bundle = start().await;
    let url = format!("{}/echo/x", bundle.base_url());
    let before = json(client().get(&url)).await.1["instance"].clone();
    bundle.storm(7, 1000);
    for _ in 0..5 {
        let answer = json(client().get(&url)).await;
        assert_eq!(answer, (500, json!({"message": "Internal Server Error"})));
    }
    assert!(matches!(bundle.run_task("tick").await, Err(CallError::Killed)));
    bundle.calm();
    let (status, after) = json(client().get(&url)).await;
    assert_eq!(status, 200);
    assert_ne!(after["instance"], before, "a cold start");
    assert!(bundle.run_task("tick").await.is_ok());
}

#[tokio::test]
async fn a_storm_is_the_same_for_the_same_seed() {
    let killed = async |seed| {
        let bundle = start().await;
        bundle.storm(seed, 300);
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
async fn a_record_survives_a_storm_or_is_told_to_the_queue() {
    let bundle = streams::start().await;
    for at in 0..30 {
        streams::write(&bundle, &format!("r{at}"), "fine").await;
    }
    bundle.storm(11, 400);
    let responses = bundle.drain_stream("follow").await.unwrap();
    bundle.calm();
    let delivered: usize =
        responses.iter().filter_map(|response| response["records"].as_array()).map(Vec::len).sum();
    let told: u64 = bundle
        .queue("FailedQueue")
        .iter()
        .filter_map(|message| message["DDBStreamBatchInfo"]["batchSize"].as_u64())
        .sum();
    assert!(responses.iter().any(|response| response["errorMessage"] == "the function was killed"));
    assert_eq!(delivered + usize::try_from(told).unwrap(), 30);
}
