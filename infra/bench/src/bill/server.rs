//! WeChat Pay and AWS for one large bill. No row is kept: each is made when it is asked for.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use futures_util::stream;
use serde_json::{Value, json};
use shared::types::BoxError;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use super::text::BillText;

/// The server. Dropping it stops it.
pub(super) struct BillServer {
    pub(super) url: String,
    requests: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

struct ServerState {
    bill: BillText,
    secret: Value,
    requests: Arc<AtomicUsize>,
}

impl BillServer {
    /// Listens on a free port of this machine. `secret` is the value of every secret.
    ///
    /// # Errors
    /// No port is free.
    pub(super) async fn start(bill: BillText, secret: &str) -> Result<Self, BoxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let requests = Arc::new(AtomicUsize::new(0));
        let secret = json!({ "Name": "bench", "SecretString": secret, "VersionStages": ["AWSCURRENT"] });
        let state = ServerState { bill, secret, requests: Arc::clone(&requests) };
        let app = Router::new()
            .route("/pay/downloadbill", post(send_bill))
            .fallback(answer_aws)
            .with_state(Arc::new(state));
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { url, requests, server })
    }

    /// The number of requests to DynamoDB so far.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for BillServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Sends the bill while a thread writes it, so that neither side holds more than a few pieces.
async fn send_bill(State(state): State<Arc<ServerState>>, _: Bytes) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES);
    let bill = state.bill;
    // The thread ends early when the download does.
    drop(tokio::task::spawn_blocking(move || bill.write(PieceWriter { sender, piece: Vec::new() })));
    let pieces = stream::unfold(receiver, async |mut receiver| {
        let piece: Option<Bytes> = receiver.recv().await;
        piece.map(|piece| (Ok::<_, io::Error>(piece), receiver))
    });
    Body::from_stream(pieces)
}

/// Collects what is written into pieces, and sends them.
struct PieceWriter {
    sender: mpsc::Sender<Bytes>,
    piece: Vec<u8>,
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.sender.blocking_send(piece).map_err(io::Error::other)
    }
}

async fn answer_aws(State(state): State<Arc<ServerState>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = if operation == "GetSecretValue" {
        state.secret.clone()
    } else {
        state.requests.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(LATENCY).await;
        dynamodb_answer(state.bill, operation, &request)
    };
    ([(CONTENT_TYPE, "application/x-amz-json-1.0")], answer.to_string()).into_response()
}

fn dynamodb_answer(bill: BillText, operation: &str, request: &Value) -> Value {
    let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str);
    match operation {
        "BatchGetItem" => batch(bill, request),
        "GetItem" => match text("/Key/transaction_id/S").and_then(|id| bill.row(id)) {
            Some(row) => json!({ "Item": row }),
            None => json!({}),
        },
        "Query" if text("/IndexName") == Some("by_unbilled") && is_payments(text("/TableName")) => {
            let of = text("/ExpressionAttributeValues/:part/S").unwrap_or_default();
            let shard = of.rsplit('#').next().and_then(|shard| shard.parse().ok()).unwrap_or_default();
            let limit = request.get("Limit").and_then(Value::as_u64).unwrap_or(5000);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let ids = bill.page(shard, text("/ExclusiveStartKey/transaction_id/S"), limit);
            let last = ids.last().filter(|_| ids.len() == limit).cloned();
            let items: Vec<_> = ids.into_iter().map(|id| json!({ "transaction_id": { "S": id } })).collect();
            let mut page = json!({ "Count": items.len(), "Items": items });
            if let (Some(last), Some(page)) = (last, page.as_object_mut()) {
                let key = json!({ "transaction_id": { "S": last }, "unbilled": { "S": of } });
                page.insert("LastEvaluatedKey".to_owned(), key);
            }
            page
        }
        "Query" => json!({ "Count": 0, "Items": [] }),
        _ => json!({}),
    }
}

/// The rows of payments with the attributes that are asked for; no rows of other tables.
fn batch(bill: BillText, request: &Value) -> Value {
    let tables = request.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
    let responses = tables.map(|(table, keys)| {
        let attributes = keys.get("ProjectionExpression").and_then(Value::as_str);
        let keys = keys.get("Keys").and_then(Value::as_array).into_iter().flatten();
        let ids = keys.filter_map(|key| key.pointer("/transaction_id/S").and_then(Value::as_str));
        let rows = ids.filter_map(|id| {
            let mut row = bill.row(id)?;
            if let (Some(attributes), Some(row)) = (attributes, row.as_object_mut()) {
                row.retain(|name, _| attributes.split(", ").any(|one| one == name));
            }
            Some(row)
        });
        (table.clone(), rows.collect::<Vec<_>>().into())
    });
    json!({ "Responses": Value::Object(responses.collect()), "UnprocessedKeys": {} })
}

fn is_payments(table: Option<&str>) -> bool {
    table.is_some_and(|table| table.contains("PaymentsTable"))
}

/// What DynamoDB takes for an answer.
pub(super) const LATENCY: Duration = Duration::from_millis(5);
const PIECE: usize = 64 * 1024;
const PIECES: usize = 16;
