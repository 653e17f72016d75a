//! The rules for a request's fields: required or not, length and format.

use serde_json::Value;

use super::error::V2Error;
use super::request::V2Request;
use crate::core::clock;

/// The rule for one field.
#[derive(Clone, Copy)]
pub(crate) struct FieldRule {
    name: &'static str,
    required: bool,
    limit: LengthLimit,
    format: fn(&str) -> bool,
}

#[derive(Clone, Copy)]
enum LengthLimit {
    Chars(usize),
    Bytes(usize),
}

/// An optional field of at most `chars` characters.
pub(crate) const fn field(name: &'static str, chars: usize) -> FieldRule {
    FieldRule { name, required: false, limit: LengthLimit::Chars(chars), format: |_| true }
}

impl FieldRule {
    /// Counts the length in bytes instead of characters.
    pub(crate) const fn in_bytes(self) -> Self {
        let (LengthLimit::Chars(n) | LengthLimit::Bytes(n)) = self.limit;
        Self { limit: LengthLimit::Bytes(n), ..self }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn with_format(self, format: fn(&str) -> bool) -> Self {
        Self { format, ..self }
    }

    fn check(&self, value: Option<&str>) -> Result<(), V2Error> {
        let Self { name, .. } = self;
        let Some(value) = value else {
            return if self.required {
                Err(V2Error::new("LACK_PARAMS", format!("缺少参数{name}")))
            } else {
                Ok(())
            };
        };
        let fits = match self.limit {
            LengthLimit::Chars(limit) => value.chars().count() <= limit,
            LengthLimit::Bytes(limit) => value.len() <= limit,
        };
        if !fits {
            return Err(V2Error::new("PARAM_ERROR", format!("{name}参数长度有误")));
        }
        if !(self.format)(value) {
            return Err(V2Error::new("PARAM_ERROR", format!("{name}参数格式错误")));
        }
        Ok(())
    }
}

/// The fields of every request. `mch_id`, `sign_type` and `sign` are checked with the signature.
pub(crate) const COMMON: [FieldRule; 2] = [field("appid", 32).required(), field("nonce_str", 32).required()];

/// Checks all rules; the error names the first broken one. Fields without a rule may have any value.
pub(crate) fn check(request: &V2Request, rules: &[FieldRule]) -> Result<(), V2Error> {
    rules.iter().try_for_each(|rule| rule.check(request.get(rule.name)))
}

/// Whether the text is a whole number of fen, at least 1, without sign and leading zeros.
pub(crate) fn is_fee(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit())
        && !value.starts_with('0')
        && value.parse::<i32>().is_ok_and(|fen| fen >= 1)
}

pub(crate) fn is_pay_time(value: &str) -> bool {
    clock::parse_pay_time(value).is_some()
}

pub(crate) fn is_json_object(value: &str) -> bool {
    serde_json::from_str::<Value>(value).is_ok_and(|json| json.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_a_whole_number_of_fen() {
        assert!(is_fee("1") && is_fee("101") && is_fee("2147483647"));
        for bad in ["0", "-1", "+1", "01", "1.0", "1e2", " 1", "", "2147483648", "１"] {
            assert!(!is_fee(bad), "{bad}");
        }
    }

    #[test]
    fn limits_count_characters_or_bytes() {
        let four = "四个汉字";
        assert!(field("a", 4).check(Some(four)).is_ok());
        assert!(field("a", 11).in_bytes().check(Some(four)).is_err());
        assert!(field("a", 12).in_bytes().check(Some(four)).is_ok());
        assert_eq!(field("a", 4).required().check(None).unwrap_err().err_code, "LACK_PARAMS");
    }
}
