//! What goes to the open platform's backup address, and what never does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Client, WeChatCall};
use crate::host::{Host, RetryPolicy, SystemClock, SystemRandomness};

/// A server that gives each request this answer, or none, and counts them.
async fn server(answer: Option<&'static str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    drop(tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            count.fetch_add(1, Ordering::Relaxed);
            if let Some(answer) = answer {
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    }));
    (base, asked)
}

fn client(primary: &str, backup: &str) -> Client {
    let env = BTreeMap::from([("WECHAT_API_BASE".to_owned(), format!("{primary},{backup}"))]);
    Client::new(&Host::new(env, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())).unwrap()
}

fn call(retry: RetryPolicy) -> WeChatCall<'static> {
    WeChatCall { retry, ..WeChatCall::get("/x", &[]) }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
const GATEWAY: &str = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// Where nobody listens.
const DEAD: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn a_repeatable_call_goes_to_the_backup_when_the_address_is_silent() {
    for down in [None, Some(GATEWAY)] {
        let ((primary, first), (backup, second)) = (server(down).await, server(Some(OK)).await);
        let client = client(&primary, &backup);
        for _ in 0..3 {
            // One call may not be tried often enough to come there by itself.
            let _ = client.json(&call(RetryPolicy::AnyFailure)).await;
        }
        assert!(client.json(&call(RetryPolicy::AnyFailureOneRetry)).await.is_ok());
        assert_eq!(first.load(Ordering::Relaxed), 2, "it rests then");
        assert!(second.load(Ordering::Relaxed) >= 2);
    }
}

#[tokio::test]
async fn a_call_that_uses_something_up_goes_there_only_if_it_never_arrived() {
    let ((primary, first), (backup, second)) = (server(None).await, server(Some(OK)).await);
    let lost = client(&primary, &backup);
    for _ in 0..4 {
        assert!(lost.json(&call(RetryPolicy::UnlessOutcomeUnknown)).await.is_err());
    }
    assert_eq!((first.load(Ordering::Relaxed), second.load(Ordering::Relaxed)), (4, 0));
    let unreachable = client(DEAD, &backup);
    for _ in 0..2 {
        let _ = unreachable.json(&call(RetryPolicy::UnlessOutcomeUnknown)).await;
    }
    assert!(unreachable.json(&call(RetryPolicy::UnlessOutcomeUnknown)).await.is_ok());
    assert!(second.load(Ordering::Relaxed) > 0);
}
