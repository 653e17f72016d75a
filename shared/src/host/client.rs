//! The HTTP clients and the one TLS stack, used for AWS and for WeChat.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use tokio::sync::oneshot;

use super::{Host, HostError, HttpClient};
use crate::types::Secret;

/// A service that is called over HTTP. Each has an HTTP client of its own, because each keeps idle connections for another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteService {
    /// AWS's services.
    Aws,
    /// WeChat's open platform.
    OpenPlatform,
    /// WeChat Pay.
    Pay,
}

impl RemoteService {
    /// The name of the service in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::OpenPlatform => "open-platform",
            Self::Pay => "pay",
        }
    }

    /// How long an idle connection is used again. This is shorter than the service keeps it open, because a request that is sent on a
    /// connection which the service is just closing is lost.
    const fn idle(self) -> Duration {
        match self {
            Self::Aws => Duration::from_secs(20),
            // api.mch.weixin.qq.com closes an idle connection after 8 seconds. WeChat does not say when api.weixin.qq.com does, so it
            // gets the same time.
            Self::OpenPlatform | Self::Pay => Duration::from_secs(5),
        }
    }
}

/// The HTTP clients. Each is made at its first use, so that a function does not spend time on a client that it never uses.
#[derive(Default)]
pub(super) struct Clients {
    aws: OnceLock<HttpClient>,
    open_platform: OnceLock<HttpClient>,
    pay: OnceLock<HttpClient>,
    /// The addresses to which connections can be opened early.
    addresses: Mutex<Vec<(RemoteService, String)>>,
}

/// Connections that are being opened.
pub struct OpeningConnections(Vec<oneshot::Receiver<()>>);

impl OpeningConnections {
    /// Waits until each is open or has failed.
    pub async fn ended(self) {
        for connection in self.0 {
            // Nothing is sent: the other end is dropped when the connection is open or has failed.
            let _ = connection.await;
        }
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Host {
    /// The HTTP client for AWS: ring, the public certificate authorities, no redirects, no proxies.
    ///
    /// # Errors
    /// [`HostError::Client`]: the TLS configuration is not accepted.
    pub fn http(&self) -> Result<HttpClient, HostError> {
        self.http_to(RemoteService::Aws)
    }

    /// The HTTP client for `service`, otherwise like [`Host::http`]'s.
    ///
    /// # Errors
    /// [`HostError::Client`]: the TLS configuration is not accepted.
    pub fn http_to(&self, service: RemoteService) -> Result<HttpClient, HostError> {
        let clients = &self.0.http;
        let cell = match service {
            RemoteService::Aws => &clients.aws,
            RemoteService::OpenPlatform => &clients.open_platform,
            RemoteService::Pay => &clients.pay,
        };
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let client = self.new_client(None, service.idle())?;
        Ok(cell.get_or_init(|| client).clone())
    }

    /// A client for WeChat Pay that authenticates with a client certificate: `cert` is the certificate chain, `key` its private
    /// key, both in PEM.
    ///
    /// # Errors
    /// [`HostError::Client`]: the texts are not a certificate chain and its key, or the TLS configuration is not accepted.
    pub fn http_as(&self, cert: &Secret, key: &Secret) -> Result<HttpClient, HostError> {
        let chain = CertificateDer::pem_slice_iter(cert.expose().as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| HostError::Client(error.into()))?;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|error| HostError::Client(error.into()))?;
        self.new_client(Some((chain, key)), RemoteService::Pay.idle())
    }

    /// Begins to open connections to these services, of AWS's to DynamoDB, for the requests that will follow: while the first one waits for
    /// its answer, the connection for the next one is made. A service that no client was made for is left out. A failure shows in the
    /// request that needs the connection.
    pub fn open_connections(&self, services: &[RemoteService]) -> OpeningConnections {
        let addresses = self.0.http.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = addresses.iter().filter(|(service, _)| services.contains(service));
        let opening =
            wanted.filter_map(|(service, address)| self.http_to(*service).ok()?.open_early(address));
        OpeningConnections(opening.collect())
    }

    /// Notes the address to which [`Host::open_connections`] connects.
    pub(super) fn note_address(&self, service: RemoteService, address: &str) {
        let mut addresses = self.0.http.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = (service, address.to_owned());
        if !addresses.contains(&noted) {
            addresses.push(noted);
        }
    }

    fn new_client(&self, identity: Option<Identity>, idle: Duration) -> Result<HttpClient, HostError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &self.0.roots {
            roots.add(root.clone()).map_err(|error| HostError::Client(error.into()))?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| HostError::Client(error.into()))?
            .with_root_certificates(roots);
        let tls = match identity {
            None => tls.with_no_client_auth(),
            Some((chain, key)) => {
                tls.with_client_auth_cert(chain, key).map_err(|error| HostError::Client(error.into()))?
            }
        };
        Ok(HttpClient::new(tls, idle))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::{super::http::CONNECT, *};
    use crate::host::{SystemClock, SystemRandomness};

    fn host() -> Host {
        Host::new(BTreeMap::new(), Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())
    }

    /// A server that keeps connections and tells in each answer how many it has accepted.
    async fn server() -> String {
        async fn keep(mut socket: TcpStream, number: u32) {
            let mut buffer = [0; 4096];
            while socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {
                let body = number.to_string();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                if socket.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(tokio::spawn(async move {
            for number in 1.. {
                let (socket, _) = listener.accept().await.unwrap();
                drop(tokio::spawn(keep(socket, number)));
            }
        }));
        address
    }

    async fn connection(client: &HttpClient, url: &str) -> String {
        let body = client.get(url).send().await.unwrap().bytes().await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn no_connection_is_used_when_wechat_pay_may_be_closing_it() {
        const KEPT_BY_WECHAT_PAY: Duration = Duration::from_secs(8);
        assert!(RemoteService::Pay.idle() + CONNECT <= KEPT_BY_WECHAT_PAY);
        assert!(RemoteService::OpenPlatform.idle() <= RemoteService::Pay.idle());
    }

    #[tokio::test]
    async fn a_connection_that_was_idle_for_too_long_is_not_used_again() {
        let (host, url) = (host(), server().await);
        let client = host.new_client(None, Duration::from_millis(100)).unwrap();
        assert_eq!([connection(&client, &url).await, connection(&client, &url).await], ["1", "1"]);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(connection(&client, &url).await, "2");
    }

    #[tokio::test]
    async fn a_connection_that_was_opened_early_is_used_once() {
        let (host, url) = (host(), server().await);
        let idle = Duration::from_millis(200);
        let client = host.new_client(None, idle).unwrap();
        assert!(client.open_early(&url).is_some());
        assert!(client.open_early(&url).is_none());
        assert_eq!([connection(&client, &url).await, connection(&client, &url).await], ["1", "1"]);
        // The connection is kept, so none is opened.
        assert!(client.open_early(&url).is_none());
        assert_eq!(connection(&client, &url).await, "1");
        tokio::time::sleep(idle * 2).await;
        assert!(client.open_early(&url).is_some());
        tokio::time::sleep(idle * 2).await;
        assert_eq!(connection(&client, &url).await, "3", "the second one, opened early, is too old");
    }

    #[tokio::test]
    async fn a_connection_that_can_not_be_opened_early_fails_the_request() {
        let (host, url) = (host(), "http://127.0.0.1:1");
        let client = host.new_client(None, Duration::from_secs(1)).unwrap();
        OpeningConnections(client.open_early(url).into_iter().collect()).ended().await;
        let error = client.get(url).send().await.err().unwrap();
        assert!(error.is_connect(), "{error}");
    }

    #[tokio::test]
    async fn each_remote_service_has_a_pool_of_its_own() {
        let (host, url) = (host(), server().await);
        for (service, number) in [
            (RemoteService::Aws, "1"),
            (RemoteService::Pay, "2"),
            (RemoteService::OpenPlatform, "3"),
            (RemoteService::Pay, "2"),
        ] {
            assert_eq!(connection(&host.http_to(service).unwrap(), &url).await, number, "{service:?}");
        }
    }
}
