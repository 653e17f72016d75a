//! The one HTTP client and the one TLS stack, used for AWS and for WeChat.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{Host, HostError};
use crate::types::Secret;

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Host {
    /// The HTTP client: ring, the public certificate authorities, no redirects, no proxies.
    ///
    /// # Errors
    /// The TLS configuration is not accepted.
    pub fn http(&self) -> Result<reqwest::Client, HostError> {
        // Made at first use: a function that never leaves the machine pays nothing for it.
        if let Some(client) = self.0.http.get() {
            return Ok(client.clone());
        }
        let client = self.new_client(None)?;
        Ok(self.0.http.get_or_init(|| client).clone())
    }

    /// A client like [`Host::http`]'s that shows who it is: a certificate chain and its private key, both in PEM.
    ///
    /// # Errors
    /// They are none, or the TLS configuration is not accepted.
    pub fn http_as(&self, cert: &Secret, key: &Secret) -> Result<reqwest::Client, HostError> {
        let chain = CertificateDer::pem_slice_iter(cert.expose().as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| HostError::Client(error.into()))?;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|error| HostError::Client(error.into()))?;
        self.new_client(Some((chain, key)))
    }

    fn new_client(&self, identity: Option<Identity>) -> Result<reqwest::Client, HostError> {
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
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            // A frozen function wakes up with connections that the other side has given up.
            .pool_idle_timeout(IDLE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("wechat-mini-program-backend/0.1")
            .build()
            .map_err(|error| HostError::Client(error.into()))
    }
}

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(8);
const IDLE: Duration = Duration::from_secs(20);
