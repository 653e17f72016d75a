//! Secrets Manager.

use serde_json::{Value, json};

use crate::support::{allowed, call, code, denied, start};

const GET: &str = "secretsmanager.GetSecretValue";
const PAY: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:pay-local0";

#[tokio::test]
async fn a_secret_is_read_by_arn_or_name() {
    let dynamo = start().await;
    for id in [PAY, "pay"] {
        let answer = allowed(&dynamo, "Reader", GET, json!({"SecretId": id})).await;
        assert_eq!(answer["SecretString"], "first");
        assert_eq!(answer["ARN"], PAY);
        assert_eq!(answer["VersionStages"], json!(["AWSCURRENT"]));
    }
}

#[tokio::test]
async fn a_new_value_keeps_the_old_one_as_awsprevious() {
    let dynamo = start().await;
    dynamo.set_secret("PaySecret", "second").unwrap();
    let read = |stage: &str| json!({"SecretId": "pay", "VersionStage": stage});
    assert_eq!(allowed(&dynamo, "Reader", GET, read("AWSCURRENT")).await["SecretString"], "second");
    assert_eq!(allowed(&dynamo, "Reader", GET, read("AWSPREVIOUS")).await["SecretString"], "first");
    let (status, answer) = call(&dynamo, "Reader", GET, read("AWSPENDING")).await;
    assert_eq!((status, code(&answer)), (400, "ResourceNotFoundException"));
    assert!(dynamo.set_secret("Nobody", "x").is_err());
}

#[tokio::test]
async fn a_secret_needs_a_permission() {
    let dynamo = start().await;
    assert!(denied(&dynamo, "Writer", GET, json!({"SecretId": "pay"})).await.contains(PAY));
    assert!(
        denied(&dynamo, "Reader", GET, json!({"SecretId": "local-TokenSecret"}))
            .await
            .contains("GetSecretValue")
    );
    assert!(
        denied(&dynamo, "Reader", GET, json!({"SecretId": "unknown"})).await.contains("resource: unknown")
    );
    denied(&dynamo, "Reader", "secretsmanager.PutSecretValue", json!({"SecretId": "pay"})).await;
}

#[tokio::test]
async fn generated_secrets_have_the_same_value_after_a_restart() {
    let read = async || {
        let dynamo = start().await;
        let answer = allowed(&dynamo, "operator", GET, json!({"SecretId": "local-TokenSecret"})).await;
        answer["SecretString"].as_str().unwrap().to_owned()
    };
    let (first, second) = (read().await, read().await);
    assert_eq!(first, second);
    let value: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(value["version"], 1);
    let key = value["key"].as_str().unwrap();
    assert_eq!(key.len(), 40);
    assert!(key.chars().all(|character| character.is_ascii_alphanumeric()));
}
