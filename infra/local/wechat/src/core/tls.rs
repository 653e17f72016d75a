//! TLS for WeChat Pay, which accepts a refund of Pay v2 only over a connection with the merchant's certificate.
//!
//! The server asks for a client certificate, requires none and accepts any; the API that needs one checks whose it is. The
//! server's certificate is for `localhost`, `127.0.0.1` and `::1`; clients must trust
//! [`Simulator::ca_certificate`](crate::Simulator::ca_certificate).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Accepts TLS connections for [`Simulator::upstream`](crate::Simulator::upstream).
pub struct PayListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    /// The handshakes in progress, so that a slow client does not delay the others.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

/// The client of a TLS connection, as `into_make_service_with_connect_info` passes it on.
#[derive(Debug, Clone)]
pub struct TlsPeer {
    certificate: Option<CertificateDer<'static>>,
}

impl PayListener {
    pub(crate) fn new(tcp: TcpListener) -> Result<Self, Error> {
        let config = Arc::new(server_config()?);
        Ok(Self { tcp, acceptor: TlsAcceptor::from(config), handshakes: JoinSet::new() })
    }
}

impl std::fmt::Debug for PayListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PayListener").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

impl Listener for PayListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.tcp) => {
                    let acceptor = self.acceptor.clone();
                    self.handshakes.spawn(async move {
                        let accepted = timeout(HANDSHAKE, acceptor.accept(stream)).await;
                        Some((accepted.ok()?.ok()?, address))
                    });
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl TlsPeer {
    /// Whether the client showed exactly this certificate (PEM).
    pub(crate) fn shows(&self, pem: &str) -> bool {
        self.certificate.is_some() && self.certificate == certificate(pem)
    }
}

impl Connected<IncomingStream<'_, PayListener>> for TlsPeer {
    fn connect_info(stream: IncomingStream<'_, PayListener>) -> Self {
        let certificates = stream.io().get_ref().1.peer_certificates().unwrap_or_default();
        Self { certificate: certificates.first().map(|certificate| certificate.clone().into_owned()) }
    }
}

/// The first certificate of a PEM file.
pub(crate) fn certificate(pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

/// The certificate authority of the server's certificate, which clients must trust.
pub(crate) fn ca_certificate() -> CertificateDer<'static> {
    // The built-in file is a certificate. If it were damaged, no client would trust the empty certificate.
    certificate(CA).unwrap_or_else(|| CertificateDer::from(Vec::new()))
}

fn server_config() -> Result<ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificate(SERVER_CERTIFICATE).into_iter().collect();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes())
        .map_err(|error| Error::General(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(AnyClient(provider)))
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts every client, with or without a certificate. A client must prove that it has the certificate's key.
#[derive(Debug)]
struct AnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

const CA: &str = include_str!("../../keys/ca.pem");
const SERVER_CERTIFICATE: &str = include_str!("../../keys/server_cert.pem");
const SERVER_KEY: &str = include_str!("../../keys/server_key.pem");

/// The time limit of a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
