//! Session tokens.

use http::Request;
use local_bench::deployment::APP_ID;
use shared::{
    service::SessionTokens,
    types::{AppId, Caller, OpenId, UnixSeconds, UserId},
};

use crate::{
    reader::Reader,
    services::{NOW, Services},
};

/// The user of all requests.
pub(crate) const OPENID: &str = "o5wQws1FH2FD2uaNtxmrc1jiG4dc";

/// Any token, and a genuine one whose characters the input has changed. No token is believed but the genuine one.
pub(crate) fn authenticate() -> Reader {
    let services = Services::shared();
    let tokens = SessionTokens::new(&services.host("order", &[])).expect("its settings");
    let genuine = issue(&services);
    Box::new(move |input| {
        let changed: Vec<u8> = genuine
            .bytes()
            .enumerate()
            .map(|(at, byte)| byte ^ (input.get(at).unwrap_or(&0) & 0x7f))
            .collect();
        for token in [input, &changed] {
            let value = [b"Bearer ", token].concat();
            let Ok(request) = Request::builder().header("authorization", value).body(()) else { continue };
            let caller = services.run(tokens.authenticate(&request));
            assert!(
                caller.is_err() || token.trim_ascii() == genuine.as_bytes(),
                "a forged token is believed"
            );
        }
    })
}

/// A genuine token of the user.
pub(crate) fn issue(services: &Services) -> String {
    let tokens = SessionTokens::new(&services.host("order", &[])).expect("its settings");
    services.run(tokens.issue(&caller())).expect("a token")
}

/// The user.
pub(crate) fn caller() -> Caller {
    let openid = OpenId::parse(OPENID).expect("an openid");
    let app_id = AppId::parse(APP_ID).expect("an appid");
    Caller { user_id: UserId::of(&app_id, &openid), openid, issued_at: UnixSeconds::new(NOW) }
}
