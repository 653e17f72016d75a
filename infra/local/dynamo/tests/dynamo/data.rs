//! Tables, expiry, the database file, the dump, the shutdown.

use serde_json::json;

use crate::support::{allowed, options, order, stack, start, start_in};

#[tokio::test]
async fn a_file_keeps_its_items() {
    let folder = tempfile::tempdir().unwrap();
    let dynamo = start_in(folder.path()).await.unwrap();
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    dynamo.shutdown().await;
    drop(dynamo);
    let dynamo = start_in(folder.path()).await.unwrap();
    assert!(dynamo.dump_tables().unwrap().contains("\"o1\""));
}

#[tokio::test]
async fn a_file_with_another_key_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    start_in(folder.path()).await.unwrap().shutdown().await;
    let mut other = stack();
    let notes = other.tables.iter_mut().find(|table| table.logical_id == "Notes").unwrap();
    notes.create["AttributeDefinitions"][0]["AttributeName"] = "noteId".into();
    notes.create["KeySchema"][0]["AttributeName"] = "noteId".into();
    let error =
        local_dynamo::Dynamo::start(&other, options(Some(folder.path().to_owned()))).await.err().unwrap();
    assert!(
        error.to_string().starts_with("the table local-Notes in the file has another key schema"),
        "{error}"
    );
}

#[tokio::test]
async fn a_sweep_deletes_expired_items() {
    let dynamo = start().await;
    let mut expired = order("old");
    expired["Item"]["expiresAt"] = json!({"N": "1000000000"});
    allowed(&dynamo, "Writer", "PutItem", expired).await;
    allowed(&dynamo, "Writer", "PutItem", order("new")).await;
    assert!(dynamo.dump_tables().unwrap().contains("old"), "expiry is not at once");
    assert_eq!(dynamo.sweep_expired().unwrap(), 1);
    assert!(!dynamo.dump_tables().unwrap().contains("old"));
}

#[tokio::test]
async fn a_dump_has_every_table_and_page() {
    let dynamo = start().await;
    let text = "x".repeat(300_000);
    for id in ["a", "b", "c", "d", "e"] {
        let mut big = order(id);
        big["Item"]["text"] = json!({"S": text});
        dynamo.call_as_operator("PutItem", big).await.unwrap();
    }
    let dump: serde_json::Value = serde_json::from_str(&dynamo.dump_tables().unwrap()).unwrap();
    assert_eq!(dump["local-Orders"].as_array().unwrap().len(), 5);
    assert_eq!(dump["local-Notes"], json!([]));
}

#[tokio::test]
async fn a_stopped_endpoint_refuses_connections() {
    let dynamo = start().await;
    let address = dynamo.url().replace("http://", "");
    dynamo.shutdown().await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    let dynamo = start().await;
    let address = dynamo.url().replace("http://", "");
    drop(dynamo);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err(), "the last handle is gone");
}
