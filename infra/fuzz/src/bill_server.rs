//! A WeChat Pay that has the bill of a day, in any form, and sends as much of it as it is told.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use local_bench::merchant::PRIVATE_KEY;
use serde_json::json;
use shared::crypto::SigningKey;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{notices::v3_headers, services::NOW};

/// The next bill.
#[derive(Default)]
pub(crate) struct ServedBill {
    /// What is sent.
    pub(crate) bytes: Vec<u8>,
    /// How many bytes are sent before the connection ends; `None` is all.
    pub(crate) cut: Option<usize>,
    /// The hash that APIv3 names, in hexadecimal digits.
    pub(crate) sha1: String,
}

/// The server. It lives as long as its runtime.
#[derive(Clone)]
pub(crate) struct BillServer {
    pub(crate) url: String,
    bill: Arc<Mutex<ServedBill>>,
}

impl BillServer {
    /// Listens on a free port of this machine.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, bill: Arc::default() };
        drop(tokio::spawn(server.clone().accept(listener)));
        server
    }

    /// Has this bill from now on.
    pub(crate) fn set_bill(&self, bill: ServedBill) {
        *self.bill() = bill;
    }

    fn bill(&self) -> MutexGuard<'_, ServedBill> {
        self.bill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self, listener: TcpListener) {
        let key = Arc::new(SigningKey::from_pem(PRIVATE_KEY).expect("a key"));
        while let Ok((stream, _)) = listener.accept().await {
            let (server, key) = (self.clone(), Arc::clone(&key));
            // A connection that the client has closed ends its task with an error, which nobody needs.
            drop(tokio::spawn(async move { server.serve(stream, &key).await }));
        }
    }

    /// Answers the requests of a connection until one of them is cut.
    async fn serve(&self, stream: TcpStream, key: &SigningKey) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        loop {
            let (mut target, mut length, mut line) = (String::new(), 0, String::new());
            while stream.read_line(&mut line).await? > 2 {
                if target.is_empty() {
                    target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                }
                let header = line.to_ascii_lowercase();
                if let Some(text) = header.strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap_or_default();
                }
                line.clear();
            }
            if target.is_empty() {
                return Ok(());
            }
            let _ = stream.read_exact(&mut vec![0; length]).await?;
            let (head, body, cut) = if target.starts_with("/v3/bill/") {
                let (head, body) = self.offer(key);
                (head, body, None)
            } else {
                let bill = self.bill();
                (String::new(), bill.bytes.clone(), bill.cut)
            };
            let head = format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n", body.len());
            let sent = body.get(..cut.unwrap_or(body.len())).unwrap_or(&body);
            stream.write_all(&[head.as_bytes(), sent].concat()).await?;
            if sent.len() < body.len() {
                return Ok(());
            }
        }
    }

    /// The signed answer of APIv3 that says where the bill is: headers and body.
    fn offer(&self, key: &SigningKey) -> (String, Vec<u8>) {
        let download_url = format!("{}/v3/billdownload/file?token=t", self.url);
        let hash = self.bill().sha1.clone();
        let body =
            json!({ "hash_type": "SHA1", "hash_value": hash, "download_url": download_url }).to_string();
        let signature = STANDARD.encode(key.sign(format!("{NOW}\nnonce\n{body}\n").as_bytes()));
        let headers = v3_headers(&signature);
        let lines = headers.iter().map(|(name, value)| {
            let value = value.to_str().expect("visible characters");
            format!("{name}: {value}\r\n")
        });
        (lines.collect(), body.into_bytes())
    }
}
