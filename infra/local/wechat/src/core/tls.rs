//! TLS for WeChat Pay: a refund of Pay v2 is believed only from a connection that shows the merchant's
//! certificate.
//!
//! A client certificate is asked for and not required, and any is taken: which merchant it belongs to is
//! judged by the API that needs it. The server's certificate is for `localhost`, `127.0.0.1` and `::1`; who
//! calls must trust [`Simulator::ca_certificate`](crate::Simulator::ca_certificate).

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
    /// A slow caller must not keep the others waiting.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

/// Who called over TLS: what `into_make_service_with_connect_info` is given.
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
    /// Whether the caller showed exactly this certificate (PEM).
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

/// The authority that issued the server's certificate, to be trusted by who calls.
pub(crate) fn ca_certificate() -> CertificateDer<'static> {
    // The built-in file is a certificate; were it not, an empty one would be trusted by nobody.
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

/// Takes every client, with a certificate or without; a certificate's key must be the client's.
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

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
