//! Receiving a push: verify it, open it, read it, in this order.

use std::{str::FromStr, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{
    FormError, PushError, envelope,
    fields::text,
    form::{MAX_BYTES, PushForm},
    message::PushedMessage,
    reply::{PushReply, ReplyValue},
    secret::MessagePushSecret,
    signature,
};
use crate::{
    crypto::hex,
    host::{Host, HostError},
    secrets::CachedSecret,
    types::{AppId, UnixSeconds},
};

/// How WeChat's console sends pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushMode {
    /// In clear; the signature does not cover the body.
    Plain,
    /// Encrypted, and the signature covers the body. The console's compatible mode is read as well: only its encrypted part is believed.
    Secure,
}

/// The text is neither `plain` nor `secure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mode must be plain or secure")]
pub struct PushModeError;

impl FromStr for PushMode {
    type Err = PushModeError;
    fn from_str(text: &str) -> Result<Self, PushModeError> {
        match text {
            "plain" => Ok(Self::Plain),
            "secure" => Ok(Self::Secure),
            _ => Err(PushModeError),
        }
    }
}

/// The parameters of a push's query.
#[derive(Debug, Clone, Default)]
pub struct PushQuery {
    /// Over token, timestamp and nonce.
    pub signature: Option<String>,
    /// Over the encrypted part as well.
    pub msg_signature: Option<String>,
    /// Seconds, in digits.
    pub timestamp: Option<String>,
    /// Whatever WeChat drew.
    pub nonce: Option<String>,
}

/// A push whose signature was right. Only [`PushReceiver`] makes one.
#[derive(Debug)]
pub struct VerifiedPush {
    message: PushedMessage,
    form: PushForm,
    secret: Arc<MessagePushSecret>,
}

impl VerifiedPush {
    /// What was pushed.
    #[must_use]
    pub fn message(&self) -> &PushedMessage {
        &self.message
    }

    /// The form of the push, which its answer must have.
    #[must_use]
    pub fn form(&self) -> PushForm {
        self.form
    }
}

/// Receives pushes.
pub struct PushReceiver {
    host: Host,
    app_id: AppId,
    mode: PushMode,
    secret: CachedSecret<MessagePushSecret>,
}

impl PushReceiver {
    /// Reads `MESSAGE_PUSH_MODE`, `MESSAGE_PUSH_SECRET_ARN` and `MINI_PROGRAM_APP_ID`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            mode: host.parsed_var("MESSAGE_PUSH_MODE", "plain or secure", str::parse::<PushMode>)?,
            secret: CachedSecret::new(host, "MESSAGE_PUSH_SECRET_ARN")?,
        })
    }

    /// Checks the query of the request by which the console checks this address. It is signed as in the plain mode, whatever the mode is.
    ///
    /// # Errors
    /// [`PushError`]; nothing was written.
    pub async fn check_url(&self, query: &PushQuery) -> Result<(), PushError> {
        let signed = self.fresh(query, query.signature.as_deref(), "signature")?;
        self.verify(&signed, None).await.map(drop)
    }

    /// Verifies and reads a push from the exact bytes received.
    ///
    /// # Errors
    /// [`PushError`]; nothing was written. Answer with a failure, so that WeChat delivers the push again.
    pub async fn receive(&self, query: &PushQuery, bytes: &[u8]) -> Result<VerifiedPush, PushError> {
        if bytes.len() > MAX_BYTES {
            return Err(FormError::TooLarge.into());
        }
        match self.mode {
            PushMode::Plain => self.receive_plain(query, bytes).await,
            PushMode::Secure => self.receive_secure(query, bytes).await,
        }
    }

    async fn receive_plain(&self, query: &PushQuery, bytes: &[u8]) -> Result<VerifiedPush, PushError> {
        let signed = self.fresh(query, query.signature.as_deref(), "signature")?;
        let secret = self.verify(&signed, None).await?;
        let form = PushForm::of(bytes).map_err(PushError::Content)?;
        let members = form.read(bytes).map_err(PushError::Content)?;
        if members.contains_key(ENCRYPT) {
            return Err(PushError::ConsoleMode);
        }
        let message = PushedMessage::new(members, false, signed.at)?;
        Ok(VerifiedPush { message, form, secret })
    }

    async fn receive_secure(&self, query: &PushQuery, bytes: &[u8]) -> Result<VerifiedPush, PushError> {
        let signed = self.fresh(query, query.msg_signature.as_deref(), "msg_signature")?;
        let form = PushForm::of(bytes)?;
        let wrapper = Value::Object(form.read(bytes)?);
        let encrypted = text(&wrapper, ENCRYPT).ok_or(PushError::Mode)?;
        let secret = self.verify(&signed, Some(&encrypted)).await?;
        let opened = envelope::open(secret.encoding_aes_key()?, &self.app_id, &encrypted)?;
        let inner = PushForm::of(&opened).map_err(PushError::Content)?;
        let members: Map<String, Value> = inner.read(&opened).map_err(PushError::Content)?;
        let message = PushedMessage::new(members, true, signed.at)?;
        Ok(VerifiedPush { message, form, secret })
    }

    /// The answer to a push in its form, encrypted if the push was.
    ///
    /// # Errors
    /// [`PushError`]; another try helps only if there was no randomness.
    pub fn write_reply(&self, push: &VerifiedPush, reply: &PushReply) -> Result<String, PushError> {
        let plain = reply.write(push.form)?;
        if !push.message.is_authenticated() {
            return Ok(plain);
        }
        let random = hex(&self.host.random::<{ envelope::RANDOM / 2 }>()?);
        let random = random.as_bytes().try_into().unwrap_or([0; envelope::RANDOM]);
        let encrypted =
            envelope::seal(push.secret.encoding_aes_key()?, &self.app_id, plain.as_bytes(), random)?;
        let (timestamp, nonce) = (self.host.now().get(), self.host.nonce_str()?);
        let signed = signature::sign(push.secret.token(), &timestamp.to_string(), &nonce, Some(&encrypted));
        let wrapper = PushReply::new(vec![
            (ENCRYPT, ReplyValue::Text(encrypted)),
            ("MsgSignature", ReplyValue::Text(signed)),
            ("TimeStamp", ReplyValue::Number(timestamp)),
            ("Nonce", ReplyValue::Text(nonce)),
        ]);
        Ok(wrapper.write(push.form)?)
    }

    /// What the signature covers of the query, if it is all there and its time is near ours. A push that was overheard can't be sent
    /// again later.
    fn fresh<'q>(
        &self,
        query: &'q PushQuery,
        signature: Option<&'q str>,
        name: &'static str,
    ) -> Result<SignedQuery<'q>, PushError> {
        let signature = signature.ok_or(PushError::Query(name))?;
        let timestamp = query.timestamp.as_deref().ok_or(PushError::Query("timestamp"))?;
        let nonce = query.nonce.as_deref().ok_or(PushError::Query("nonce"))?;
        let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at = timestamp.parse().ok().filter(|_| is_number).map(UnixSeconds::new);
        let at = at.ok_or(PushError::Query("timestamp in digits"))?;
        let now = self.host.now();
        if now.since(at) > MAX_SKEW || at.since(now) > MAX_SKEW {
            return Err(PushError::Stale);
        }
        Ok(SignedQuery { signature, timestamp, nonce, at })
    }

    /// The secret that the push is signed with. One that does not fit is read again, at most once every few seconds, because the console's
    /// token may have changed since.
    async fn verify(
        &self,
        signed: &SignedQuery<'_>,
        encrypted: Option<&str>,
    ) -> Result<Arc<MessagePushSecret>, PushError> {
        let secret = self.secret.get().await?;
        if signed.is_by(secret.token(), encrypted) {
            return Ok(secret);
        }
        let secret = self.secret.refresh().await?;
        if signed.is_by(secret.token(), encrypted) { Ok(secret) } else { Err(PushError::Signature) }
    }
}

/// The query of a push, whose time is right.
struct SignedQuery<'q> {
    signature: &'q str,
    timestamp: &'q str,
    nonce: &'q str,
    at: UnixSeconds,
}

impl SignedQuery<'_> {
    fn is_by(&self, token: &str, encrypted: Option<&str>) -> bool {
        signature::is_genuine(self.signature, token, self.timestamp, self.nonce, encrypted)
    }
}

const ENCRYPT: &str = "Encrypt";
/// How far the time of a push may be from ours.
const MAX_SKEW: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        host::{Clock, SystemRandomness},
        wechat::push::EnvelopeError,
    };

    const NOW: u64 = 1_700_000_010;
    const TOKEN: &str = "GDXypdOFO0qL";
    const KEY: &str = "kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G";

    struct FixedClock;

    impl Clock for FixedClock {
        fn now_millis(&self) -> u64 {
            NOW * 1000
        }
    }

    fn receiver(mode: PushMode) -> PushReceiver {
        let env = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let host = Host::new(env, Arc::new(FixedClock), Arc::new(SystemRandomness), Vec::new());
        let secret = serde_json::json!({ "token": TOKEN, "encoding_aes_key": KEY });
        let secret = CachedSecret::holding(&host, serde_json::from_value(secret).unwrap()).unwrap();
        PushReceiver { host, app_id: AppId::parse("wx95e6095a537e33b4").unwrap(), mode, secret }
    }

    fn receive(mode: PushMode, query: &PushQuery, bytes: &[u8]) -> Result<VerifiedPush, PushError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(receiver(mode).receive(query, bytes))
    }

    fn query(timestamp: u64, encrypted: Option<&str>) -> PushQuery {
        let timestamp = timestamp.to_string();
        let sign = |encrypted| Some(signature::sign(TOKEN, &timestamp, "148201722", encrypted));
        PushQuery {
            signature: sign(None),
            msg_signature: encrypted.and_then(|encrypted| sign(Some(encrypted))),
            timestamp: Some(timestamp.clone()),
            nonce: Some("148201722".to_owned()),
        }
    }

    /// The body and the query of a push in the secure mode.
    fn secure(plain: &str, app_id: &str) -> (String, PushQuery) {
        let key = crate::types::EncodingAesKey::parse(KEY).unwrap();
        let app_id = AppId::parse(app_id).unwrap();
        let encrypted = envelope::seal(&key, &app_id, plain.as_bytes(), *b"SHFmfyNdOIjxZEo0").unwrap();
        let body = if plain.starts_with('<') {
            format!(
                "<xml><ToUserName><![CDATA[gh]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
            )
        } else {
            format!(r#"{{"ToUserName":"gh","Encrypt":"{encrypted}"}}"#)
        };
        (body, query(NOW, Some(&encrypted)))
    }

    const TEXT: &str = r#"{"FromUserName":"o1","CreateTime":1,"MsgType":"text","Content":"hi","MsgId":7}"#;
    const APP_ID: &str = "wx95e6095a537e33b4";

    #[test]
    fn a_push_of_the_secure_mode_is_read_in_either_form() {
        let xml = "<xml><FromUserName>o1</FromUserName><MsgType>text</MsgType><MsgId>7</MsgId></xml>";
        for (plain, form) in [(TEXT, PushForm::Json), (xml, PushForm::Xml)] {
            let (body, query) = secure(plain, APP_ID);
            let push = receive(PushMode::Secure, &query, body.as_bytes()).unwrap();
            assert_eq!(push.form(), form);
            assert!(push.message().is_authenticated());
            assert_eq!(text(push.message().body(), "MsgId").unwrap(), "7");
        }
    }

    #[test]
    fn only_the_encrypted_part_of_a_compatible_push_is_believed() {
        let (body, query) = secure(TEXT, APP_ID);
        let body = body.replacen('{', r#"{"FromUserName":"o2","MsgType":"event","#, 1);
        let push = receive(PushMode::Secure, &query, body.as_bytes()).unwrap();
        assert_eq!(push.message().from_user().unwrap().as_str(), "o1");
        assert_eq!(push.message().msg_type(), "text");
    }

    #[test]
    fn a_push_of_the_plain_mode_says_that_its_body_is_not_authenticated() {
        let push = receive(PushMode::Plain, &query(NOW, None), TEXT.as_bytes()).unwrap();
        assert!(!push.message().is_authenticated());
        assert!(receive(PushMode::Plain, &query(NOW, None), TEXT.replace("o1", "o2").as_bytes()).is_ok());
    }

    #[test]
    fn a_push_of_the_other_mode_is_refused() {
        let refused =
            |mode, query: &PushQuery, body: &str| receive(mode, query, body.as_bytes()).unwrap_err();
        let (body, secure_query) = secure(TEXT, APP_ID);
        assert!(matches!(refused(PushMode::Plain, &secure_query, &body), PushError::ConsoleMode));
        let plain = query(NOW, None);
        assert!(matches!(refused(PushMode::Secure, &plain, TEXT), PushError::Query("msg_signature")));
        assert!(matches!(refused(PushMode::Secure, &secure_query, TEXT), PushError::Mode));
    }

    #[test]
    fn a_push_of_another_app_is_refused() {
        let (body, query) = secure(TEXT, "wx95e6095a537e33b5");
        let error = receive(PushMode::Secure, &query, body.as_bytes()).unwrap_err();
        assert!(matches!(error, PushError::Envelope(EnvelopeError::AppId)));
    }

    #[test]
    fn a_time_that_is_five_minutes_away_is_refused() {
        for (timestamp, is_fresh) in
            [(NOW, true), (NOW - 300, true), (NOW + 300, true), (NOW - 301, false), (NOW + 301, false)]
        {
            let received = receive(PushMode::Plain, &query(timestamp, None), TEXT.as_bytes());
            assert_eq!(received.is_ok(), is_fresh, "{timestamp}");
        }
        for timestamp in ["", "now", "+1700000010", "-1", " 1700000010", "99999999999999999999"] {
            let timestamp = Some(timestamp.to_owned());
            let query = PushQuery { timestamp, ..query(NOW, None) };
            let error = receive(PushMode::Plain, &query, TEXT.as_bytes()).unwrap_err();
            assert!(matches!(error, PushError::Query(_)), "{query:?}");
        }
    }

    #[test]
    fn a_query_without_one_of_its_parts_is_refused() {
        let (body, query) = secure(TEXT, APP_ID);
        for (query, name) in [
            (PushQuery { msg_signature: None, ..query.clone() }, "msg_signature"),
            (PushQuery { timestamp: None, ..query.clone() }, "timestamp"),
            (PushQuery { nonce: None, ..query }, "nonce"),
        ] {
            let error = receive(PushMode::Secure, &query, body.as_bytes()).unwrap_err();
            assert!(matches!(error, PushError::Query(missing) if missing == name), "{error}");
        }
    }

    #[test]
    fn an_answer_is_encrypted_and_signed_if_the_push_was() {
        let reply =
            PushReply::new(vec![("MsgType", ReplyValue::Text("transfer_customer_service".to_owned()))]);
        let (body, query) = secure(TEXT, APP_ID);
        let push = receive(PushMode::Secure, &query, body.as_bytes()).unwrap();
        let written = receiver(PushMode::Secure).write_reply(&push, &reply).unwrap();
        let wrapper: Value = serde_json::from_str(&written).unwrap();
        let encrypted = text(&wrapper, "Encrypt").unwrap();
        let nonce = text(&wrapper, "Nonce").unwrap();
        let signed = signature::sign(TOKEN, &NOW.to_string(), &nonce, Some(&encrypted));
        assert_eq!(text(&wrapper, "MsgSignature").unwrap(), signed);
        assert_eq!(wrapper["TimeStamp"], NOW);
        let key = crate::types::EncodingAesKey::parse(KEY).unwrap();
        let opened = envelope::open(&key, &AppId::parse(APP_ID).unwrap(), &encrypted).unwrap();
        assert_eq!(String::from_utf8_lossy(&opened), r#"{"MsgType":"transfer_customer_service"}"#);
    }

    proptest! {
        #[test]
        fn a_push_with_any_byte_changed_is_never_another_push(at: prop::sample::Index, flip in 1..=255_u8) {
            let (body, query) = secure(TEXT, APP_ID);
            let original = receive(PushMode::Secure, &query, body.as_bytes()).unwrap();
            let mut bytes = body.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let encrypted = body.find("Encrypt").unwrap()..body.len();
            match receive(PushMode::Secure, &query, &bytes) {
                // What stands outside of the encrypted part is not looked at.
                Ok(push) => {
                    prop_assert!(!encrypted.contains(&at), "a changed byte of the encrypted part");
                    prop_assert_eq!(push.message(), original.message());
                }
                Err(error) => prop_assert!(!matches!(error, PushError::Secret(_)), "{}", error),
            }
        }

        #[test]
        fn receiving_any_bytes_never_panics(bytes: Vec<u8>, signature in "[0-9a-f]{0,40}") {
            let signed = Some(signature);
            let query = PushQuery { signature: signed.clone(), msg_signature: signed, ..query(NOW, None) };
            prop_assert!(receive(PushMode::Secure, &query, &bytes).is_err());
            prop_assert!(receive(PushMode::Plain, &query, &bytes).is_err());
        }
    }
}
