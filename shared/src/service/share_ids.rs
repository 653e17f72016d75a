//! Share ids: what a mini program puts into the address of a page that it shares.
//!
//! An id names the page, the way it was shared in and the day, and is signed with the key ring of session tokens. So an entry is
//! verified without a read, and nobody can invent ids and with them rows. It names no user, because everybody who gets the card can
//! read it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    crypto::{Keyring, equal, hex, hmac_sha256},
    host::{Host, HostError},
    secrets::{CachedSecret, SecretError},
    types::{Day, ShareKind},
};

/// What came of reading a share id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareIdOutcome {
    /// The id is ours.
    Genuine(ShareKind),
    /// The id is older than [`ShareIds::LIFETIME_DAYS`] days, or its key is not known any more.
    Expired,
    /// We have never given this id.
    Forged,
}

/// Makes and reads share ids, and marks visitors, with the key ring in the secret `SESSION_KEYS_ARN`.
pub struct ShareIds {
    host: Host,
    keys: CachedSecret<Keyring>,
}

impl ShareIds {
    /// How many days an id is counted for.
    pub const LIFETIME_DAYS: u16 = 90;

    /// Reads `SESSION_KEYS_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), keys: CachedSecret::new(host, "SESSION_KEYS_ARN")? })
    }

    /// A new id.
    ///
    /// # Errors
    /// [`SecretError`]: the key ring can't be read or used.
    pub async fn issue(&self, kind: &ShareKind, nonce: [u8; NONCE]) -> Result<String, SecretError> {
        let keys = self.keys.get().await?;
        let today = Day::of(self.host.now());
        issue(&keys, kind, today, nonce).ok_or(SecretError::Form { name: "SESSION_KEYS_ARN" })
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`SecretError`]: the key ring can't be read.
    pub async fn read(&self, share_id: &str) -> Result<ShareIdOutcome, SecretError> {
        let keys = self.keys.get().await?;
        Ok(read(&keys, share_id, Day::of(self.host.now())))
    }

    /// The mark of a visitor who comes with this id on this day: 32 hexadecimal digits that say nothing of the visitor, and that are
    /// others on another day and for another id.
    ///
    /// # Errors
    /// [`SecretError`]: the key ring can't be read or used.
    pub async fn mark_visitor(&self, share_id: &str, day: Day, visitor: &str) -> Result<String, SecretError> {
        let keys = self.keys.get().await?;
        let key = keys.key(keys.current_kid()).ok_or(SecretError::Form { name: "SESSION_KEYS_ARN" })?;
        let mark = hmac_sha256(&*key, format!("visitor\0{day}\0{share_id}\0{visitor}").as_bytes());
        Ok(hex(mark.get(..16).unwrap_or_default()))
    }
}

fn issue(keys: &Keyring, kind: &ShareKind, day: Day, nonce: [u8; NONCE]) -> Option<String> {
    let kid = keys.current_kid();
    let body = format!("{}{day}{kind}", hex(&nonce));
    Some(format!("{kid}.{}.{}", URL_SAFE_NO_PAD.encode(&body), sign(keys, kid, &body)?))
}

fn read(keys: &Keyring, share_id: &str, today: Day) -> ShareIdOutcome {
    let Some((kid, body, mac)) = split(share_id) else { return ShareIdOutcome::Forged };
    let Some(right) = sign(keys, kid, &body) else { return ShareIdOutcome::Expired };
    if !equal(right.as_bytes(), mac.as_bytes()) {
        return ShareIdOutcome::Forged;
    }
    let Some((day, kind)) = content(&body) else { return ShareIdOutcome::Forged };
    if day < today.before(ShareIds::LIFETIME_DAYS) {
        return ShareIdOutcome::Expired;
    }
    ShareIdOutcome::Genuine(kind)
}

fn split(share_id: &str) -> Option<(&str, String, &str)> {
    let (kid, rest) = share_id.split_once('.')?;
    let (body, mac) = rest.split_once('.')?;
    let body = String::from_utf8(URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
    Some((kid, body, mac))
}

fn content(body: &str) -> Option<(Day, ShareKind)> {
    let rest = body.get(2 * NONCE..)?;
    let (day, kind) = (rest.get(..DAY)?, rest.get(DAY..)?);
    Some((Day::parse(day).ok()?, ShareKind::parse(kind)?))
}

/// The first half of the HMAC. Its message begins as no session token does, which the same keys sign.
fn sign(keys: &Keyring, kid: &str, body: &str) -> Option<String> {
    let key = keys.key(kid)?;
    let mac = hmac_sha256(&*key, format!("share\0{body}").as_bytes());
    Some(URL_SAFE_NO_PAD.encode(mac.get(..16)?))
}

/// Random bytes of an id, so that no two are alike.
pub const NONCE: usize = 6;
/// The length of a day, `yyyyMMdd`.
const DAY: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{PagePath, ShareType, UnixSeconds};

    fn ring(json: &str) -> Keyring {
        serde_json::from_str(json).unwrap()
    }

    fn first() -> Keyring {
        ring(r#"{"kid":"1","key":"the first key, long enough"}"#)
    }

    fn today() -> Day {
        Day::of(UnixSeconds::new(1_700_000_000))
    }

    fn kind() -> ShareKind {
        ShareKind { share_type: ShareType::AppMessage, page: PagePath::parse("pages/goods/detail").unwrap() }
    }

    fn id() -> String {
        issue(&first(), &kind(), today(), [7; NONCE]).unwrap()
    }

    #[test]
    fn an_id_names_page_and_way_for_90_days() {
        assert_eq!(read(&first(), &id(), today()), ShareIdOutcome::Genuine(kind()));
        assert_eq!(read(&first(), &id(), today().after(90)), ShareIdOutcome::Genuine(kind()));
        assert_eq!(read(&first(), &id(), today().after(91)), ShareIdOutcome::Expired);
        assert!(id().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{}", id());
    }

    #[test]
    fn an_id_outlives_one_rotation_and_is_expired_after_the_next() {
        let second = ring(
            r#"{"kid":"2","key":"the second key, long enough","previous":{"kid":"1","key":"the first key, long enough"}}"#,
        );
        let third = ring(r#"{"kid":"3","key":"the third key, long enough"}"#);
        assert_eq!(read(&second, &id(), today()), ShareIdOutcome::Genuine(kind()));
        assert_eq!(read(&third, &id(), today()), ShareIdOutcome::Expired);
    }

    proptest! {
        #[test]
        fn an_altered_id_is_never_counted(position in 0usize..200, change in 1u8..127) {
            let mut bytes = id().into_bytes();
            let at = position % bytes.len();
            bytes[at] = bytes[at].wrapping_add(change) & 0x7f;
            if let Ok(text) = String::from_utf8(bytes) && text != id() {
                prop_assert!(!matches!(read(&first(), &text, today()), ShareIdOutcome::Genuine(_)));
            }
        }

        #[test]
        fn reading_any_text_never_panics(text in ".{0,200}") {
            let _ = read(&first(), &text, today());
        }
    }
}
