//! The token: a JWT signed with HS256 (RFC 7515, RFC 7519). Every other kind of JWT is refused.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    crypto::{Keyring, equal, hmac_sha256},
    types::{Caller, OpenId, UnixSeconds, UserId},
};

/// Why a token is not accepted. The caller gets UNAUTHORIZED for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not three parts of URL-safe Base64 with our header and claims.
    #[error("the token is malformed")]
    Malformed,
    /// The token names another algorithm than HS256.
    #[error("the token's algorithm is not HS256")]
    Algorithm,
    /// The key ring has no key of the token's `kid`.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token was issued in the future, by more than clocks differ.
    #[error("the token is not valid yet")]
    NotYet,
}

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    openid: OpenId,
    iat: UnixSeconds,
    exp: UnixSeconds,
}

pub(super) fn issue(keys: &Keyring, caller: &Caller, lifetime: Duration) -> Result<String, TokenError> {
    let header = Header { alg: ALGORITHM, typ: "JWT", kid: keys.current_kid() };
    let claims = Claims {
        sub: caller.user_id.clone(),
        openid: caller.openid.clone(),
        iat: caller.issued_at,
        exp: caller.issued_at.plus(lifetime),
    };
    let signed = format!("{}.{}", encode(&header)?, encode(&claims)?);
    let signature = sign(keys, keys.current_kid(), &signed)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

pub(super) fn check(keys: &Keyring, token: &str, now: UnixSeconds) -> Result<Caller, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header = decode(header)?;
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
    // Only our own algorithm is accepted, whatever the token names, because accepting `none` or a public-key algorithm lets attackers
    // forge tokens.
    if header.alg != ALGORITHM {
        return Err(TokenError::Algorithm);
    }
    if !equal(&sign(keys, header.kid, signed)?, &decode(signature)?) {
        return Err(TokenError::Signature);
    }
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)?;
    if now >= claims.exp {
        return Err(TokenError::Expired);
    }
    if claims.iat > now.plus(SKEW) {
        return Err(TokenError::NotYet);
    }
    Ok(Caller { user_id: claims.sub, openid: claims.openid, issued_at: claims.iat })
}

fn sign(keys: &Keyring, kid: &str, signed: &str) -> Result<[u8; 32], TokenError> {
    let key = keys.key(kid).ok_or(TokenError::UnknownKey)?;
    Ok(hmac_sha256(&*key, signed.as_bytes()))
}

fn encode(part: &impl Serialize) -> Result<String, TokenError> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| TokenError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

const ALGORITHM: &str = "HS256";
const SKEW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);
    const WEEK: Duration = Duration::from_secs(604_800);

    fn ring(json: &str) -> Keyring {
        serde_json::from_str(json).unwrap()
    }

    fn first() -> Keyring {
        ring(r#"{"kid":"1","key":"the first key, long enough"}"#)
    }

    fn caller() -> Caller {
        Caller {
            user_id: UserId::parse("u1").unwrap(),
            openid: OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap(),
            issued_at: NOW,
        }
    }

    fn token() -> String {
        issue(&first(), &caller(), WEEK).unwrap()
    }

    #[test]
    fn a_token_says_who_it_was_issued_to() {
        let who = check(&first(), &token(), NOW).unwrap();
        assert_eq!((who.user_id, who.openid, who.issued_at), (caller().user_id, caller().openid, NOW));
    }

    #[test]
    fn a_token_lives_seven_days_and_not_a_second_more() {
        assert!(check(&first(), &token(), UnixSeconds::new(NOW.get() + 604_799)).is_ok());
        assert_eq!(
            check(&first(), &token(), UnixSeconds::new(NOW.get() + 604_800)).unwrap_err(),
            TokenError::Expired
        );
    }

    #[test]
    fn a_clock_a_minute_behind_is_forgiven_and_more_is_not() {
        assert!(check(&first(), &token(), UnixSeconds::new(NOW.get() - 60)).is_ok());
        assert_eq!(
            check(&first(), &token(), UnixSeconds::new(NOW.get() - 61)).unwrap_err(),
            TokenError::NotYet
        );
    }

    #[test]
    fn tokens_of_the_previous_key_are_accepted_and_older_ones_are_not() {
        let second = ring(
            r#"{"kid":"2","key":"the second key, long enough","previous":{"kid":"1","key":"the first key, long enough"}}"#,
        );
        let third = ring(
            r#"{"kid":"3","key":"the third key, long enough","previous":{"kid":"2","key":"the second key, long enough"}}"#,
        );
        assert!(check(&second, &token(), NOW).is_ok());
        assert_eq!(check(&third, &token(), NOW).unwrap_err(), TokenError::UnknownKey);
    }

    #[test]
    fn no_other_algorithm_is_accepted_even_with_a_right_signature() {
        for algorithm in ["none", "None", "hs256", "HS512", "RS256", ""] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"1"}}"#));
            let claims = token().split('.').nth(1).unwrap().to_owned();
            let signed = format!("{header}.{claims}");
            let signature = URL_SAFE_NO_PAD.encode(sign(&first(), "1", &signed).unwrap());
            let forged = format!("{signed}.{signature}");
            assert_eq!(check(&first(), &forged, NOW).unwrap_err(), TokenError::Algorithm);
            assert_eq!(check(&first(), &format!("{signed}."), NOW).unwrap_err(), TokenError::Algorithm);
        }
    }

    proptest! {
        #[test]
        fn an_altered_token_is_refused(position in 0usize..400, change in 1u8..127) {
            let mut bytes = token().into_bytes();
            let at = position % bytes.len();
            bytes[at] = bytes[at].wrapping_add(change) & 0x7f;
            if let Ok(text) = String::from_utf8(bytes) && text != token() {
                prop_assert!(check(&first(), &text, NOW).is_err());
            }
        }

        #[test]
        fn checking_any_text_never_panics(text in ".{0,200}") {
            let _ = check(&first(), &text, NOW);
        }
    }
}
