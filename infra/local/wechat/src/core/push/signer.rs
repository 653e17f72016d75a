//! Signs and encrypts pushes, and reads the answers.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::envelope::{PushKey, signature};
use super::{PushFormat, PushMode, answer, xml};
use crate::core::clock::SECOND;
use crate::core::context::Context;
use crate::core::notices::{NOT_ACKNOWLEDGED, NoticeRequest, NoticeSigner, SignatureMode, SignerKind};
use crate::core::random;

/// Signs the pushes to a user's openid.
#[derive(Clone)]
pub(super) struct PushSigner {
    pub(super) context: Arc<Context>,
    pub(super) mode: PushMode,
    pub(super) format: PushFormat,
    pub(super) openid: String,
}

impl PushSigner {
    /// The message in the form of the console's choice.
    pub(super) fn write(&self, message: &Map<String, Value>) -> String {
        match self.format {
            PushFormat::Json => Value::Object(message.clone()).to_string(),
            PushFormat::Xml => xml::write(message),
        }
    }

    /// A genuine push of exactly this text, in the name of this mini program, at this time (unix seconds).
    pub(super) fn sign_at(&self, message: &str, app_id: &str, at: u64) -> NoticeRequest {
        let account = self.context.account();
        self.request(message, &account.push_token, &self.key(), app_id, at, self.mode)
    }

    fn request(
        &self,
        message: &str,
        token: &str,
        key: &PushKey,
        app_id: &str,
        at: u64,
        mode: PushMode,
    ) -> NoticeRequest {
        let (timestamp, nonce) = (at.to_string(), random::digits(&random::bytes::<9>()));
        let plain = signature([token, &timestamp, &nonce]);
        let query = format!("signature={plain}&timestamp={timestamp}&nonce={nonce}&openid={}", self.openid);
        if mode == PushMode::Plain {
            return NoticeRequest { query, headers: Vec::new(), body: message.to_owned() };
        }
        let encrypted = key.encrypt(&random_letters(), message, app_id);
        let msg_signature = signature([token, &timestamp, &nonce, &encrypted]);
        NoticeRequest {
            query: format!("{query}&encrypt_type=aes&msg_signature={msg_signature}"),
            headers: Vec::new(),
            body: self.envelope(&encrypted),
        }
    }

    fn envelope(&self, encrypted: &str) -> String {
        let to_user_name = &self.context.account().original_id;
        match self.format {
            PushFormat::Json => json!({"ToUserName": to_user_name, "Encrypt": encrypted}).to_string(),
            PushFormat::Xml => xml::write_envelope(to_user_name, encrypted),
        }
    }

    /// The account's key. With an unreadable one nobody can read what is pushed.
    fn key(&self) -> PushKey {
        PushKey::parse(&self.context.account().push_encoding_aes_key).unwrap_or_else(PushKey::random)
    }

    /// Checks and decrypts an answer.
    fn open(&self, answer: &str) -> Result<String, String> {
        let account = self.context.account();
        let fields = answer::parse(self.format, answer)?;
        // Numbers are numbers in JSON and texts in XML.
        let field = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(format!("the answer is not encrypted: it has no {name}")),
        };
        let (encrypted, timestamp, nonce) = (field("Encrypt")?, field("TimeStamp")?, field("Nonce")?);
        if field("MsgSignature")? != signature([&account.push_token, &timestamp, &nonce, &encrypted]) {
            return Err("the answer's MsgSignature is wrong".to_owned());
        }
        let opened = self.key().decrypt(&encrypted).ok_or("the answer cannot be decrypted")?;
        if opened.app_id == account.app_id {
            Ok(opened.message)
        } else {
            Err("the answer is another mini program's".to_owned())
        }
    }
}

impl NoticeSigner for PushSigner {
    fn kind(&self) -> SignerKind {
        SignerKind::Push
    }

    fn sign(&self, mode: SignatureMode, body: &str, skew: i64) -> NoticeRequest {
        let account = self.context.account();
        let at = (self.context.now() / SECOND).saturating_add_signed(skew);
        let app_id = &account.app_id;
        match mode {
            SignatureMode::Forged => {
                self.request(body, "notThisAccountsToken", &PushKey::random(), app_id, at, self.mode)
            }
            SignatureMode::OtherForm => {
                let other = if self.mode == PushMode::Plain { PushMode::Secure } else { PushMode::Plain };
                self.request(body, &account.push_token, &self.key(), app_id, at, other)
            }
            SignatureMode::Genuine | SignatureMode::Probe => self.sign_at(body, app_id, at),
        }
    }

    fn other_body(&self, message: &Value, fields: &Map<String, Value>) -> String {
        let mut message = message.as_object().cloned().unwrap_or_default();
        message.extend(fields.clone());
        let text = self.write(&message);
        match self.mode {
            PushMode::Plain => text,
            // Who replays a push does not have the key.
            PushMode::Secure => self.envelope(&PushKey::random().encrypt(
                &random_letters(),
                &text,
                &self.context.account().app_id,
            )),
        }
    }

    fn read_answer(&self, answer: &str) -> Result<String, String> {
        if answer.is_empty() || answer == answer::SUCCESS {
            return Ok(answer.to_owned());
        }
        if answer.starts_with('<') != (self.format == PushFormat::Xml) {
            return Err(format!("{NOT_ACKNOWLEDGED}: the answer has another form than the push"));
        }
        match self.mode {
            PushMode::Plain => Ok(answer.to_owned()),
            PushMode::Secure => self.open(answer).map_err(|why| format!("{NOT_ACKNOWLEDGED}: {why}")),
        }
    }
}

/// 16 random letters and digits, with which an envelope's plaintext begins.
fn random_letters() -> [u8; 16] {
    let digits = random::nonce();
    let mut letters = [0; 16];
    letters.iter_mut().zip(digits.bytes()).for_each(|(to, from)| *to = from);
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::account::Account;
    use crate::core::clock;

    fn signer(mode: PushMode, format: PushFormat) -> PushSigner {
        let context = Arc::new(Context::new(Account::default(), clock::system()));
        PushSigner { context, mode, format, openid: "o5wQws1FH2FD2uaNtxmrc1jiG4dc".to_owned() }
    }

    fn encrypted_answer(signer: &PushSigner, app_id: &str, token: &str) -> String {
        let encrypted = signer.key().encrypt(&random_letters(), "{\"a\":1}", app_id);
        let signature = signature([token, "1700000000", "n", &encrypted]);
        match signer.format {
            PushFormat::Json => json!({
                "Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": 1_700_000_000, "Nonce": "n",
            })
            .to_string(),
            PushFormat::Xml => format!(
                "<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt><MsgSignature>{signature}</MsgSignature>\
                 <TimeStamp>1700000000</TimeStamp><Nonce>n</Nonce></xml>"
            ),
        }
    }

    #[test]
    fn an_encrypted_answer_is_checked_and_read_in_both_forms() {
        for format in [PushFormat::Json, PushFormat::Xml] {
            let signer = signer(PushMode::Secure, format);
            let Account { app_id, push_token, .. } = Account::default();
            let answer = encrypted_answer(&signer, &app_id, &push_token);
            assert_eq!(signer.read_answer(&answer).unwrap(), "{\"a\":1}");
            for wrong in [
                encrypted_answer(&signer, "wx95e6095a537e33b4", &push_token),
                encrypted_answer(&signer, &app_id, "AAAAA"),
                "{\"MsgType\":\"transfer_customer_service\"}".to_owned(),
                "<xml><MsgType>transfer_customer_service</MsgType></xml>".to_owned(),
            ] {
                assert!(signer.read_answer(&wrong).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn an_answer_in_plain_mode_is_read_as_it_is() {
        let signer = signer(PushMode::Plain, PushFormat::Json);
        for answer in ["", "success", "{\"a\":1}"] {
            assert_eq!(signer.read_answer(answer).unwrap(), answer);
        }
        assert!(signer.read_answer("<xml><a>1</a></xml>").is_err());
    }
}
