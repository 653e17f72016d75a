//! AWS and WeChat as a function meets them: TLS, a time for each round trip, and connections that are closed when they are idle.
//!
//! A function trusts the public certificate authorities and no others. So its binary is copied, and in the copy the public key of one
//! authority, Amazon Root CA 3, is replaced by the key that has signed `keys/server_cert.pem`. Nothing else of the binary changes.
//!
//! What arrives from the function is held back for one round trip, and what arrives first on a connection for another one, because on this
//! machine a connection is opened in no time. That makes three round trips until the first answer over TLS 1.3, as on a real network.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::serve::Listener;
use bytes::Bytes;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use shared::types::BoxError;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    merchant,
    upstream::{self, Answers},
};

/// A server with TLS and latency. Dropping it stops the server.
pub struct Peer {
    /// The server's address.
    pub url: String,
    tasks: [JoinHandle<()>; 2],
}

/// How far away a peer is.
#[derive(Debug, Clone, Copy)]
pub struct Distance {
    /// The time of a round trip.
    pub round_trip: Duration,
    /// After this time without data the peer closes a connection.
    pub idle: Duration,
}

impl Peer {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(distance: Distance, answers: Answers) -> Result<Self, BoxError> {
        let tcp = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://localhost:{}", tcp.local_addr()?.port());
        let acceptor = TlsAcceptor::from(Arc::new(server_config()?));
        let (ready, streams) = mpsc::unbounded_channel();
        let app = upstream::router(&merchant::secret(), answers, Arc::default());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, address)) = tcp.accept().await {
                let (acceptor, ready) = (acceptor.clone(), ready.clone());
                drop(tokio::spawn(async move {
                    let near = delay(stream, distance);
                    if let Ok(stream) = acceptor.accept(near).await {
                        let _ = ready.send((stream, address));
                    }
                }));
            }
        });
        let serving = tokio::spawn(async move {
            let _ = axum::serve(TlsListener { streams }, app).await;
        });
        Ok(Self { url, tasks: [accepting, serving] })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Streams whose handshake is done.
struct TlsListener {
    streams: mpsc::UnboundedReceiver<(TlsStream<DuplexStream>, SocketAddr)>,
}

impl Listener for TlsListener {
    type Io = TlsStream<DuplexStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.streams.recv().await {
            Some(stream) => stream,
            // The accepting task has ended, so there will never be another stream.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// The near end of a connection whose far end is so far away.
fn delay(far: TcpStream, distance: Distance) -> DuplexStream {
    let _ = far.set_nodelay(true);
    let (near, inner) = tokio::io::duplex(BUFFER);
    let (mut from_far, mut to_far) = far.into_split();
    let (mut from_near, mut to_near) = tokio::io::split(inner);
    let (arrived, mut arrivals) = mpsc::unbounded_channel::<(Instant, Bytes)>();
    let opened = Instant::now();
    drop(tokio::spawn(async move {
        let mut buffer = vec![0; BUFFER];
        // A silence is the end: the peer closes idle connections.
        while let Ok(Ok(count @ 1..)) = timeout(distance.idle, from_far.read(&mut buffer)).await {
            let bytes = Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default());
            if arrived.send((Instant::now(), bytes)).is_err() {
                break;
            }
        }
    }));
    drop(tokio::spawn(async move {
        while let Some((at, bytes)) = arrivals.recv().await {
            let connected = opened + distance.round_trip;
            sleep_until(at.max(connected) + distance.round_trip).await;
            if to_near.write_all(&bytes).await.is_err() {
                break;
            }
        }
        let _ = to_near.shutdown().await;
    }));
    drop(tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_near, &mut to_far).await;
        let _ = to_far.shutdown().await;
    }));
    near
}

/// Copies a binary to `folder`; the copy trusts the servers of this module.
///
/// # Errors
/// The binary does not have the key of the authority, or can't be copied.
pub fn trusting_copy(binary: &Path, folder: &Path, name: &str) -> Result<PathBuf, BoxError> {
    let mut bytes = fs::read(binary)?;
    let at = bytes.windows(REAL_KEY.len()).position(|window| window == REAL_KEY);
    let at = at.ok_or_else(|| format!("{} does not trust Amazon Root CA 3", binary.display()))?;
    bytes.iter_mut().skip(at).zip(OUR_KEY).for_each(|(to, from)| *to = *from);
    fs::create_dir_all(folder)?;
    let copy = folder.join(name);
    fs::write(&copy, bytes)?;
    fs::set_permissions(&copy, fs::metadata(binary)?.permissions())?;
    Ok(copy)
}

fn server_config() -> Result<ServerConfig, BoxError> {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("keys/server_cert.pem"))?;
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("keys/server_key.pem"))?;
    Ok(ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?)
}

/// The public key of Amazon Root CA 3: a point of the curve P-256, uncompressed.
const REAL_KEY: &[u8] = b"\x04)\x97\xa7\xc6A\x7f\xc0\r\x9b\xe8\x01\x1bV\xc6\xf2R\xa5\xba-\xb2\x12\xe8\xd2.\xd7\xfa\xc9\xc5\xd8\xaam\x1fs\x81;;\x98k9|3\xa5\xc5N\x86\x8e\x80\x17hbEW}DX\x1d\xb37\xe5g\x08\xebf\xde";
/// The public key that takes its place. Its private key was thrown away once `keys/server_cert.pem` was signed.
const OUR_KEY: &[u8] = include_bytes!("keys/authority_point.bin");
const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_differs_in_the_key_of_one_authority() {
        let folder = std::env::temp_dir().join(format!("local-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let binary = folder.join("binary");
        fs::write(&binary, [b"before".as_slice(), REAL_KEY, b"after"].concat()).expect("a file");
        let copy = trusting_copy(&binary, &folder, "copy").expect("a copy");
        assert_eq!(fs::read(copy).expect("a file"), [b"before".as_slice(), OUR_KEY, b"after"].concat());
        fs::write(&binary, b"other").expect("a file");
        assert!(trusting_copy(&binary, &folder, "copy").is_err());
        fs::remove_dir_all(folder).expect("the folder");
    }
}
