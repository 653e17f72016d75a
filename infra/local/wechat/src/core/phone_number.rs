//! Phone numbers in WeChat's form: `phoneNumber` has the country code only if the number is foreign.
//!
//! Documentation: "Get phone number" (获取手机号).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html>

use serde_json::{Value, json};
use thiserror::Error;

use crate::core::random;

/// A phone number with its country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhoneNumber {
    country_code: String,
    pure: String,
}

/// The text is no phone number.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a phone number is 11 digits that begin with 1, or + and the digits of a foreign one with its country code"
)]
pub(crate) struct PhoneNumberError;

impl PhoneNumber {
    /// A random mobile number of China.
    pub(crate) fn random() -> Self {
        Self { country_code: CHINA.to_owned(), pure: format!("13{}", random::digits(&random::bytes::<9>())) }
    }

    /// Parses `13800138000` or `+85251234567`.
    pub(crate) fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let (country_code, pure) = match text.strip_prefix('+') {
            None => (CHINA, text),
            Some(digits) => digits.split_at_checked(country_code_length(digits)).ok_or(PhoneNumberError)?,
        };
        let is_number = pure.bytes().all(|b| b.is_ascii_digit())
            && if country_code == CHINA {
                pure.len() == 11 && pure.starts_with('1')
            } else {
                (4..=13).contains(&pure.len()) && country_code.bytes().all(|b| b.is_ascii_digit())
            };
        let number = Self { country_code: country_code.to_owned(), pure: pure.to_owned() };
        if is_number { Ok(number) } else { Err(PhoneNumberError) }
    }

    /// The number, with the country code if it is foreign.
    pub(crate) fn full(&self) -> String {
        if self.country_code == CHINA {
            self.pure.clone()
        } else {
            format!("+{}{}", self.country_code, self.pure)
        }
    }

    /// The number without the country code.
    pub(crate) fn pure(&self) -> &str {
        &self.pure
    }

    /// The JSON that the server gets, without the watermark.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "phoneNumber": self.full(),
            "purePhoneNumber": self.pure,
            "countryCode": self.country_code,
        })
    }
}

/// The number of digits of the country code. No country code is the beginning of another.
fn country_code_length(digits: &str) -> usize {
    if digits.starts_with(['1', '7']) {
        1
    } else if digits.get(..2).is_some_and(|two| TWO_DIGIT_CODES.contains(&two)) {
        2
    } else {
        3
    }
}

const CHINA: &str = "86";

/// The two-digit country codes of ITU-T E.164; 1 and 7 have one digit, all others three.
const TWO_DIGIT_CODES: [&str; 43] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "93", "94", "95",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_foreign_number_shows_its_country() {
        for (text, full, pure, country_code) in [
            ("13800138000", "13800138000", "13800138000", "86"),
            ("+8613800138000", "13800138000", "13800138000", "86"),
            ("+85251234567", "+85251234567", "51234567", "852"),
            ("+12025550123", "+12025550123", "2025550123", "1"),
            ("+442079460123", "+442079460123", "2079460123", "44"),
        ] {
            let number = PhoneNumber::parse(text).unwrap();
            let json = json!({"phoneNumber": full, "purePhoneNumber": pure, "countryCode": country_code});
            assert_eq!(number.to_json(), json);
        }
    }

    #[test]
    fn a_text_that_is_no_phone_number_is_refused() {
        for text in
            ["", "+", "+852", "1380013800", "23800138000", "+85x1234567", "+86138", "138 0013 8000", "+８５2"]
        {
            assert_eq!(PhoneNumber::parse(text), Err(PhoneNumberError), "{text}");
        }
    }

    #[test]
    fn a_random_number_is_a_phone_number() {
        let number = PhoneNumber::random();
        assert_eq!(PhoneNumber::parse(&number.full()), Ok(number));
    }
}
