//! The parts that requests are made of, through the public parts of `shared`.
//!
//! What is private there is reached through what uses it: verifying a notice through [`NoticeReceiver`], session tokens through [`Sessions`],
//! both with the secret in their cache, as on a warm instance.

#![expect(clippy::unwrap_used, reason = "a bench that can't go on has failed")]

use std::{collections::BTreeMap, hint::black_box, sync::Arc, time::Duration};

use aes::Aes128;
use cbc::{
    Encryptor,
    cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};
use local_bench::{
    deployment::{self, APP_ID},
    merchant::{self, API_V2_KEY, API_V3_KEY, NONCE, Notice, PRIVATE_KEY, PUBLIC_KEY},
    upstream::Upstream,
};
use shared::{
    crypto::{SigningKey, VerifyingKey, decrypt_cbc, hmac_sha256, open_gcm},
    host::{Clock, Host, SystemRandomness},
    pay::v2::{self, SignType},
    runtime::{Body, Request},
    service::{SessionTokens, notice_receiver},
    types::{AppId, Caller, OpenId, Secret, UnixSeconds, UserId},
};
use tokio::runtime::Runtime;

fn v2_parts(criterion: &mut Criterion) {
    let (fields, key) = (merchant::v2_fields(1), Secret::new(API_V2_KEY.to_owned()));
    criterion.bench_function("v2 sign MD5", |bench| {
        bench.iter(|| v2::sign(black_box(&fields), SignType::Md5, &key));
    });
    criterion.bench_function("v2 sign HMAC-SHA256", |bench| {
        bench.iter(|| v2::sign(black_box(&fields), SignType::HmacSha256, &key));
    });
    let text = v2::write("xml", &fields).unwrap();
    criterion.bench_function("v2 XML read", |bench| {
        bench.iter(|| v2::read("xml", black_box(text.as_bytes())).unwrap());
    });
    criterion.bench_function("v2 XML write", |bench| {
        bench.iter(|| v2::write("xml", black_box(&fields)).unwrap());
    });
}

fn notices(criterion: &mut Criterion) {
    let setup = BenchSetup::start();
    let receiver = notice_receiver(&setup.host("pay-notify")).unwrap();
    let key = SigningKey::from_pem(PRIVATE_KEY).unwrap();
    for (name, notice) in [
        ("v2 notice verify and read", merchant::v2_notice(1).unwrap()),
        ("v3 notice verify decrypt and read", merchant::v3_notice(1, &key, NOW / 1000).unwrap()),
    ] {
        let Notice { headers, body } = notice;
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap()))
            .collect();
        criterion.bench_function(name, |bench| {
            bench.iter(|| {
                let received = receiver.receive(black_box(&headers), black_box(body.as_bytes()));
                setup.runtime.block_on(received).unwrap()
            });
        });
    }
}

fn ciphers(criterion: &mut Criterion) {
    let plain = [b'x'; 1024];
    let (key, iv) = ([1; 16], [2; 16]);
    let open_data = Encryptor::<Aes128>::new(&key.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(&plain);
    criterion.bench_function("AES-128-CBC open data 1 KiB", |bench| {
        bench.iter(|| decrypt_cbc(&key, &iv, black_box(&open_data)).unwrap());
    });
    let sealed = merchant::seal(&plain).unwrap();
    criterion.bench_function("AES-256-GCM open 1 KiB", |bench| {
        bench.iter(|| {
            open_gcm(API_V3_KEY.as_bytes(), NONCE.as_bytes(), b"transaction", black_box(&sealed)).unwrap()
        });
    });
    criterion.bench_function("HMAC-SHA256 1 KiB", |bench| {
        bench.iter(|| hmac_sha256(API_V2_KEY.as_bytes(), black_box(&plain)));
    });
}

fn rsa(criterion: &mut Criterion) {
    let (private, public) =
        (SigningKey::from_pem(PRIVATE_KEY).unwrap(), VerifyingKey::from_pem(PUBLIC_KEY).unwrap());
    let message = [b'x'; 512];
    criterion.bench_function("RSA-2048 sign", |bench| bench.iter(|| private.sign(black_box(&message))));
    let signature = private.sign(&message);
    assert!(public.verifies(&message, &signature));
    criterion.bench_function("RSA-2048 verify", |bench| {
        bench.iter(|| public.verifies(black_box(&message), &signature));
    });
}

fn tokens(criterion: &mut Criterion) {
    let setup = BenchSetup::start();
    let sessions = SessionTokens::new(&setup.host("user")).unwrap();
    let openid = OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap();
    let user_id = UserId::of(&AppId::parse(APP_ID).unwrap(), &openid);
    let caller = Caller { user_id, openid, issued_at: UnixSeconds::new(NOW / 1000) };
    criterion.bench_function("session token issue", |bench| {
        bench.iter(|| setup.runtime.block_on(sessions.issue(black_box(&caller))).unwrap());
    });
    let token = setup.runtime.block_on(sessions.issue(&caller)).unwrap();
    let mut request = Request::new(Body::Empty);
    let header = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request.headers_mut().insert("authorization", header);
    criterion.bench_function("session token check", |bench| {
        bench.iter(|| setup.runtime.block_on(sessions.authenticate(black_box(&request))).unwrap());
    });
}

/// The environment of the clients in `shared`: an endpoint for secrets and a runtime.
struct BenchSetup {
    runtime: Runtime,
    upstream: Upstream,
}

/// A clock with a fixed time.
struct FixedClock;

impl Clock for FixedClock {
    fn now_millis(&self) -> u64 {
        NOW
    }
}

impl BenchSetup {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let upstream = runtime.block_on(Upstream::start(&merchant::secret())).unwrap();
        Self { runtime, upstream }
    }

    /// The host of the function in `functions/<folder>`, with a fixed clock.
    fn host(&self, folder: &str) -> Host {
        let stack = deployment::stack(&self.upstream.url).unwrap();
        let function = stack.functions.iter().find(|function| function.folder == folder).unwrap();
        let environment: BTreeMap<String, String> = deployment::environment(function, &self.upstream.url);
        Host::new(environment, Arc::new(FixedClock), Arc::new(SystemRandomness), Vec::new())
    }
}

const NOW: u64 = 1_795_262_400_000;

criterion_group! {
    name = primitives;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50);
    targets = v2_parts, notices, ciphers, rsa, tokens
}
criterion_main!(primitives);
