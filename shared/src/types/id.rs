//! Identifiers, WeChat's and ours.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{IdError, OutTradeNo};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the text.
            ///
            /// # Errors
            /// [`IdError`]: the text breaks a rule, which the error names.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(IdError { what: $what, rule: $rule }) }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }
    };
}

macro_rules! plain {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! personal {
    ($name:ident) => {
        /// Shows a short hash, by which one person can be followed through a log without knowing who it is.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digest = Sha256::new().chain_update("wechat log ").chain_update(&self.0).finalize();
                write!(f, "{}#", stringify!($name))?;
                digest.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

identifier!(
    /// A user's id within one mini program. Case-sensitive. WeChat's have 28 characters today, but no code relies on that.
    OpenId, "openid", "must be 1 to 128 letters, digits, '-' or '_'", |text| is_token(text, 1..=128)
);
personal!(OpenId);

identifier!(
    /// A person's id across all applications of one Open Platform account.
    UnionId, "unionid", "must be 1 to 128 letters, digits, '-' or '_'", |text| is_token(text, 1..=128)
);
personal!(UnionId);

identifier!(
    /// Our own id of a user.
    UserId, "userId", "must be 1 to 64 letters, digits, '-' or '_'", |text| is_token(text, 1..=64)
);
plain!(UserId);

impl UserId {
    /// The id of the user who first logged in with `openid`.
    ///
    /// The id is computed from the appid and the openid, so that two concurrent first logins name the same user.
    #[must_use]
    pub fn of(app_id: &AppId, openid: &OpenId) -> Self {
        let digest = Sha256::new()
            .chain_update(app_id.as_str())
            .chain_update([0])
            .chain_update(openid.as_str())
            .finalize();
        Self(format!("u{}", hex(digest.iter().take(ID_BYTES))))
    }

    /// A new id that follows from nothing, for the next user of an openid whose user was erased: an id is used once.
    #[must_use]
    pub fn from_random(random: [u8; ID_BYTES]) -> Self {
        Self(format!("u{}", hex(random.iter())))
    }
}

fn hex<'b>(bytes: impl Iterator<Item = &'b u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// How many bytes a user id has, in hexadecimal.
const ID_BYTES: usize = 13;

identifier!(
    /// A mini program or an official account, `wx` and 16 hexadecimal digits.
    AppId, "appid", "must be 3 to 32 letters or digits", |text| is_token(text, 3..=32)
);
plain!(AppId);

identifier!(
    /// A merchant of WeChat Pay.
    MchId, "mch_id", "must be 1 to 32 digits", |text| (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
);
plain!(MchId);

identifier!(
    /// A payment's number at WeChat Pay.
    TransactionId, "transaction_id", "must be 1 to 32 letters, digits, '-' or '_'", |text| is_token(text, 1..=32)
);
plain!(TransactionId);

identifier!(
    /// A complaint's number at WeChat Pay.
    ComplaintId, "complaint_id", "must be 1 to 64 letters, digits, '-' or '_'", |text| is_token(text, 1..=64)
);
plain!(ComplaintId);

identifier!(
    /// The merchant's number of a refund: ours, or one that was made in the merchant console.
    OutRefundNo, "out_refund_no", "must be 1 to 64 letters, digits or any of _-|*@",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-|*@".contains(&b))
);
plain!(OutRefundNo);

impl OutRefundNo {
    /// The number of the refund that was requested with the idempotency key `key`. The same request again names the same refund.
    #[must_use]
    pub fn of(out_trade_no: OutTradeNo, key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        let hex: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{out_trade_no}R{hex}"))
    }

    /// Reads the number from a path: unchanged, or with a full stop and two hexadecimal digits for each `|`, `*` and `@`. That
    /// second form exists because those characters must be percent-encoded in a path, and signers of AWS requests encode them
    /// differently. Ids of cases have the same form.
    ///
    /// # Errors
    /// [`IdError`]: the text breaks a rule, which the error names.
    pub fn parse_path(text: &str) -> Result<Self, IdError> {
        Self::parse(&text.replace(".7C", "|").replace(".2A", "*").replace(".40", "@"))
    }

    /// The number, percent-encoded for a path.
    #[must_use]
    pub fn percent_encoded(&self) -> String {
        self.0.replace('|', "%7C").replace('*', "%2A").replace('@', "%40")
    }
}

identifier!(
    /// WeChat Pay's id of a prepaid attempt, with which the phone pays. It is valid for two hours.
    PrepayId, "prepay_id", "must be 1 to 64 visible ASCII characters",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);
plain!(PrepayId);

identifier!(
    /// A product of the catalogue.
    ProductId, "productId", "must be 1 to 64 letters, digits, '-' or '_'", |text| is_token(text, 1..=64)
);
plain!(ProductId);

identifier!(
    /// A kind of card, `p` and 27 characters.
    CardId, "cardId", "must be 1 to 64 letters, digits, '-' or '_'", |text| is_token(text, 1..=64)
);
plain!(CardId);

identifier!(
    /// The code of one card of one person. Whoever shows the code can use the card, so it is personal data.
    CardCode, "code", "must be 1 to 20 visible ASCII characters",
    |text| (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);
personal!(CardCode);

identifier!(
    /// A picture that WeChat keeps for three days.
    MediaId, "mediaId", "must be 1 to 256 visible ASCII characters",
    |text| (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);
plain!(MediaId);

identifier!(
    /// A template of subscribe messages of the mini program.
    TemplateId, "templateId", "must be 1 to 64 letters, digits, '-' or '_'", |text| is_token(text, 1..=64)
);
plain!(TemplateId);

identifier!(
    /// WeChat's number of a check of a picture or a sound.
    TraceId, "traceId", "must be 1 to 128 letters, digits, '-' or '_'", |text| is_token(text, 1..=128)
);
plain!(TraceId);

identifier!(
    /// A phone number from WeChat: digits, perhaps after a plus sign, seldom with other characters.
    PhoneNumber, "phoneNumber", "must be 1 to 40 characters with a digit and no control character",
    |text| (1..=40).contains(&text.chars().count())
        && text.contains(|c: char| c.is_ascii_digit())
        && !text.contains(char::is_control)
);
personal!(PhoneNumber);

impl PhoneNumber {
    /// The number with most digits hidden, as other people may see it: `138****8000`.
    #[must_use]
    pub fn masked(&self) -> String {
        let length = self.0.chars().count();
        let (head, tail) = if length >= 11 { (3, 4) } else { (0, 2) };
        let shown = |from, count| self.0.chars().skip(from).take(count).collect::<String>();
        format!("{}****{}", shown(0, head), shown(length.saturating_sub(tail), tail))
    }
}

identifier!(
    /// The ARN of the operator who signed a request: an AWS user, or a session of a role.
    OperatorArn, "userArn", "must be an ARN of at most 2048 visible ASCII characters",
    |text| text.starts_with("arn:") && text.len() <= 2048 && text.bytes().all(|b| b.is_ascii_graphic())
);
plain!(OperatorArn);

fn is_token(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_openid_is_not_printed() {
        let openid = OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap();
        let shown = format!("{openid:?}");
        assert!(shown.starts_with("OpenId#") && shown.len() == 15, "{shown}");
        assert!(!shown.contains("o5wQ"));
    }

    #[test]
    fn a_user_id_follows_from_application_and_openid() {
        let openid = OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap();
        let here = AppId::parse("wx95e6095a537e33b4").unwrap();
        let elsewhere = AppId::parse("wx0000000000000000").unwrap();
        assert_eq!(UserId::of(&here, &openid), UserId::of(&here, &openid));
        assert_ne!(UserId::of(&here, &openid), UserId::of(&elsewhere, &openid));
        assert_eq!(UserId::of(&here, &openid).as_str().len(), 27);
    }

    #[test]
    fn a_refund_number_is_read_from_a_path_in_either_form() {
        let number = OutRefundNo::parse("R-1|2*3@4").unwrap();
        for path in ["R-1|2*3@4", "R-1.7C2.2A3.404"] {
            assert_eq!(OutRefundNo::parse_path(path), Ok(number.clone()));
        }
        for wrong in ["R.1", "R.", "R.7c1", "", "R%7C1"] {
            assert!(OutRefundNo::parse_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_phone_number_is_masked() {
        for (number, masked) in
            [("13800138000", "138****8000"), ("+85251234567", "+85****4567"), ("51234567", "****67")]
        {
            let number = PhoneNumber::parse(number).unwrap();
            assert_eq!(number.masked(), masked);
            assert!(!format!("{number:?}").contains(number.as_str()), "{number:?}");
        }
        for text in ["", "+", "none", "1\n2", &"1".repeat(41)] {
            assert!(PhoneNumber::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_identifier_with_other_characters_is_refused() {
        for text in ["", "a b", "a\n", "张", "a;b"] {
            assert!(OpenId::parse(text).is_err(), "{text:?}");
            assert!(ProductId::parse(text).is_err(), "{text:?}");
        }
        assert!(MchId::parse("19168x").is_err());
        for text in ["", "root", "arn:aws:iam::1:user/a b", "arn:aws:iam::1:user/张"] {
            assert!(OperatorArn::parse(text).is_err(), "{text:?}");
        }
        assert!(OperatorArn::parse("arn:aws:sts::1:assumed-role/ops/li.lei+on-call@example.com").is_ok());
    }
}
