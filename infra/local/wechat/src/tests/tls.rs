//! Tests of TLS for WeChat Pay, with and without the certificate that a refund of Pay v2 requires.

use std::sync::Arc;

use reqwest::Client;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};

use super::fixture::Fixture;
use crate::pay::v2::{Fields, xml};
use crate::{Account, Simulator, TlsPeer};

/// Serves the fixture's router over TLS as well; returns the base URL.
pub(super) async fn serve(fixture: &Fixture) -> String {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
    let tls = fixture.wechat.pay_listener(tcp);
    let service = fixture.wechat.upstream().into_make_service_with_connect_info::<TlsPeer>();
    tokio::spawn(async move { axum::serve(tls, service).await });
    base
}

/// A client that trusts the simulator and shows this certificate and key (PEM), if any.
pub(super) fn client(wechat: &Simulator, shown: Option<(&str, &str)>) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(wechat.ca_certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            config
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap()
}

/// A client that shows the merchant's certificate.
pub(super) fn merchant(fixture: &Fixture) -> Client {
    let account = fixture.wechat.account();
    client(&fixture.wechat, Some((&account.merchant_certificate, &account.merchant_private_key)))
}

/// Posts a signed v2 message over TLS.
pub(super) async fn post(client: &Client, url: &str, body: String) -> Fields {
    let answer = client.post(url).body(body).send().await.unwrap();
    xml::parse(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_refund_requires_the_merchants_certificate() {
    let fixture = Fixture::new().await;
    fixture.buy("order-0001").await;
    let base = serve(&fixture).await;
    let refund = || fixture.signed(fixture.refund(&[]));
    let account = Account::default();
    let other =
        (include_str!("../../keys/platform_1_cert.pem"), include_str!("../../keys/platform_1_key.pem"));
    for stranger in [client(&fixture.wechat, None), client(&fixture.wechat, Some(other))] {
        let answer = post(&stranger, &format!("{base}/secapi/pay/refund"), refund()).await;
        assert_eq!((answer["return_code"].as_str(), answer.get("sign")), ("FAIL", None));
        assert!(answer["return_msg"].starts_with("证书错误"));
    }
    let plain = fixture.post_xml("/secapi/pay/refund", &refund()).await;
    assert!(plain["return_msg"].starts_with("证书错误"));
    assert!(fixture.wechat.refunds().is_empty());

    let shown = (account.merchant_certificate.as_str(), account.merchant_private_key.as_str());
    let merchant = client(&fixture.wechat, Some(shown));
    for base in [base.clone(), base.replace("localhost", "127.0.0.1")] {
        let answer = post(&merchant, &format!("{base}/secapi/pay/refund"), refund()).await;
        assert_eq!(answer["result_code"], "SUCCESS", "{answer:?}");
    }
    assert_eq!(fixture.wechat.refunds().len(), 1);
}

#[tokio::test]
async fn every_other_api_is_served_over_tls_without_a_certificate() {
    let fixture = Fixture::new().await;
    let base = serve(&fixture).await;
    let client = client(&fixture.wechat, None);
    let answer = post(&client, &format!("{base}/pay/unifiedorder"), fixture.signed(fixture.order(&[]))).await;
    assert_eq!(answer["result_code"], "SUCCESS");
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_cannot_connect() {
    let fixture = Fixture::new().await;
    let base = serve(&fixture).await;
    assert!(fixture.client.get(format!("{base}/v3/certificates")).send().await.is_err());
}

#[tokio::test]
async fn a_silent_client_does_not_delay_the_others() {
    let fixture = Fixture::new().await;
    let base = serve(&fixture).await;
    let _silent = TcpStream::connect(base.trim_start_matches("https://")).await.unwrap();
    let client = client(&fixture.wechat, None);
    assert_eq!(client.get(format!("{base}/v3/certificates")).send().await.unwrap().status(), 400);
}
