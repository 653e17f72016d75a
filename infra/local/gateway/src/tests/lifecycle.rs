//! Start, restart, tasks and stop of a bundle.

use local_wechat::PushMode;
use serde_json::json;

use super::support::{REGISTRY, client, json, start, start_with, template};
use crate::{Bundle, BundleOptions, CallError, Config, StartError};

#[tokio::test]
async fn an_instance_lives_until_it_is_restarted() {
    let bundle = start().await;
    let url = format!("{}/echo/x", bundle.base_url());
    let instance = async || json(client().get(&url)).await.1["instance"].clone();
    let first = instance().await;
    assert_eq!(instance().await, first);
    assert!(bundle.restart_function("echo").await);
    assert_ne!(instance().await, first);
    assert!(!bundle.restart_function("nothing").await);
}

#[tokio::test]
async fn run_task_gives_a_task_the_schedulers_event() {
    let bundle = start().await;
    assert_eq!(bundle.run_task("tick").await.unwrap(), json!({"source": "aws.scheduler"}));
    assert!(matches!(bundle.run_task("echo").await, Err(CallError::Unknown { .. })));
    assert!(matches!(bundle.run_task("nothing").await, Err(CallError::Unknown { .. })));
}

#[tokio::test]
async fn two_bundles_can_run_and_a_stopped_one_frees_its_port() {
    let (one, other) = tokio::join!(start(), start());
    assert_ne!(one.base_url(), other.base_url());
    let listen = one.base_url().trim_start_matches("http://").parse().unwrap();
    one.stop().await;
    let options = BundleOptions { listen, ..BundleOptions::default() };
    let again = Bundle::deploy(options.clone(), &template(), &REGISTRY).await.unwrap();
    let taken = Bundle::deploy(options, &template(), &REGISTRY).await.err().unwrap();
    assert!(matches!(taken, StartError::PortInUse(_)), "{taken}");
    again.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn template_and_registry_must_agree_in_both_directions() {
    let [echo, flaky, tick] = REGISTRY;
    let deploy = async |registry: &[_]| {
        let error = Bundle::deploy(BundleOptions::default(), &template(), registry).await.err().unwrap();
        error.to_string()
    };
    assert!(deploy(&[flaky, tick]).await.contains("EchoFunction"));
    let none = local_template::Template::parse(&SHOP.replace("functions/echo", "functions/other")).unwrap();
    let error = Bundle::deploy(BundleOptions::default(), &none, &[echo, flaky, tick]).await.err().unwrap();
    assert!(error.to_string().contains("functions/other"), "{error}");
    let swapped = local_template::Template::parse(
        &SHOP.replace("functions/tick", "functions/x").replace("functions/flaky", "functions/tick"),
    );
    let error =
        Bundle::deploy(BundleOptions::default(), &swapped.unwrap(), &[echo, tick]).await.err().unwrap();
    assert!(matches!(error, StartError::KindMismatch { .. }), "{error}");
    let fewer = local_template::Template::parse(SHOP.split("  FlakyFunction:").next().unwrap()).unwrap();
    let error = Bundle::deploy(BundleOptions::default(), &fewer, &[echo, tick]).await.err().unwrap();
    assert!(matches!(&error, StartError::Undeclared(folder) if folder == "tick"), "{error}");
}

#[tokio::test]
async fn no_simulator_runs_when_the_configuration_names_other_servers() {
    let text = "[upstream]\nwechat_api_base = \"http://a.example\"\npay_api_base = \"http://b.example\"";
    let bundle = start_with(Config::parse(text, std::path::Path::new("")).unwrap()).await;
    assert!(bundle.wechat().is_none());
    let answer = json(client().post(format!("{}/_wechat/users", bundle.base_url()))).await;
    assert_eq!(answer.0, 404);
    assert!(!bundle.quickstart().contains("_wechat"));
}

#[tokio::test]
async fn pushes_go_to_the_public_address_of_their_route_if_there_is_one() {
    assert_eq!(start().await.wechat().unwrap().push_settings().url, None);
    let text = "[message_push]\nmode = \"plain\"\n[public]\nbase_url = \"https://shop.example\"";
    let config = Config::parse(text, std::path::Path::new("")).unwrap();
    let with_route = SHOP.replace("Path: /panic", "Path: /api/message/callback");
    let with_route = local_template::Template::parse(&with_route).unwrap();
    let options = BundleOptions { config, push_subscribe_events: false, ..BundleOptions::default() };
    let bundle = Bundle::deploy(options, &with_route, &REGISTRY).await.unwrap();
    let settings = bundle.wechat().unwrap().push_settings();
    assert_eq!(settings.url.as_deref(), Some("https://shop.example/api/message/callback"));
    assert_eq!((settings.mode, settings.subscribe_events), (PushMode::Plain, false));
}

const SHOP: &str = include_str!("shop.yaml");
