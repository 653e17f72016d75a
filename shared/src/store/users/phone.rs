//! A user's phone number.

use aws_sdk_dynamodb::types::Update;
use serde::{Deserialize, Serialize};

use super::{User, Users};
use crate::{
    store::{StoreError, item},
    types::{PhoneNumber, UserId},
};

/// A user's phone number from WeChat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// The number with its country code; without it, if the number is of mainland China.
    pub phone_number: PhoneNumber,
    /// The number without its country code.
    pub pure_phone_number: PhoneNumber,
    /// The country code, such as `86`. Empty if WeChat's texts do not say it.
    pub country_code: String,
}

impl Phone {
    /// Reads the number from WeChat's three texts; `None` if no text has a number.
    ///
    /// No form is refused, because WeChat charges for each number and gives it once. Signs between the digits are removed, and a part
    /// that is missing in one text is taken from the others.
    #[must_use]
    pub fn from_wechat(
        phone_number: Option<&str>,
        pure_phone_number: Option<&str>,
        country_code: Option<&str>,
    ) -> Option<Self> {
        let whole = phone_number.and_then(number);
        let pure = pure_phone_number.and_then(number);
        let country = country_code.map(digits).filter(|digits| (1..=4).contains(&digits.len()));
        let country = country.unwrap_or_else(|| country_of(whole.as_ref(), pure.as_ref()));
        let abroad = format!("+{country}");
        let pure = pure.or_else(|| {
            let text = whole.as_ref()?.as_str();
            number(text.strip_prefix(&abroad).filter(|_| !country.is_empty()).unwrap_or(text))
        })?;
        // `phone_number` has no country code if the number is of mainland China.
        let is_abroad = !country.is_empty() && country != CHINA && !pure.as_str().starts_with('+');
        let whole = whole.or_else(|| number(&format!("{abroad}{}", pure.as_str())).filter(|_| is_abroad));
        Some(Self {
            phone_number: whole.unwrap_or_else(|| pure.clone()),
            pure_phone_number: pure,
            country_code: country,
        })
    }
}

/// Reads a number, without the signs between its digits.
fn number(text: &str) -> Option<PhoneNumber> {
    let sign = |c: char| c.is_whitespace() || c.is_control() || "-()./\u{ad}（）－–—".contains(c);
    PhoneNumber::parse(&text.replace(sign, "")).ok()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The country code that follows from the two numbers: the digits of `whole` before those of `pure`. Empty if it does not follow.
fn country_of(whole: Option<&PhoneNumber>, pure: Option<&PhoneNumber>) -> String {
    let Some(whole) = whole.map(PhoneNumber::as_str) else { return String::new() };
    match (whole.strip_prefix('+'), pure.map(PhoneNumber::as_str)) {
        (None, Some(pure)) if whole == pure => CHINA.to_owned(),
        (Some(abroad), Some(pure)) => {
            let country = abroad.strip_suffix(pure).map(digits).unwrap_or_default();
            if country.len() <= 4 { country } else { String::new() }
        }
        _ => String::new(),
    }
}

/// `phone_given_at` tells a consent that was withdrawn before from one that was withdrawn after.
const SETTING_PHONE: &str = "SET phone = :phone, phone_given_at = :now";
/// The country code of mainland China.
const CHINA: &str = "86";

impl Users {
    /// Stores the user's phone number; the user as it is now. `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn set_phone(&self, user_id: &UserId, phone: &Phone) -> Result<Option<User>, StoreError> {
        let now = item::n(self.host.now().get());
        let values = [(":phone".to_owned(), item::map(phone)?), (":now".to_owned(), now)].into();
        self.update(user_id, SETTING_PHONE, None, values).await
    }

    /// [`Users::set_phone`] as a part of a transaction.
    pub(in crate::store) fn phone_update(
        &self,
        user_id: &UserId,
        phone: &Phone,
    ) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table)
            .key("id", item::s(user_id))
            .update_expression(SETTING_PHONE)
            .condition_expression("attribute_exists(created_at)")
            .expression_attribute_values(":phone", item::map(phone)?)
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .build()
            .map_err(|error| StoreError::new("storing a phone number", error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_read_from_every_form_that_wechat_sends() {
        for (told, read) in [
            ((Some("13800138000"), Some("13800138000"), Some("86")), ("13800138000", "13800138000", "86")),
            ((Some("+85251234567"), Some("51234567"), Some("852")), ("+85251234567", "51234567", "852")),
            ((Some("+1 4155551234"), Some("4155551234"), Some("1")), ("+14155551234", "4155551234", "1")),
            ((Some("+1 (415) 555-1234"), None, Some("+1")), ("+14155551234", "4155551234", "1")),
            ((Some("13800138000"), Some("13800138000"), None), ("13800138000", "13800138000", "86")),
            ((Some("+85251234567"), Some("51234567"), Some("")), ("+85251234567", "51234567", "852")),
            ((Some("+85251234567"), None, None), ("+85251234567", "+85251234567", "")),
            ((None, Some("51234567"), Some("852")), ("+85251234567", "51234567", "852")),
            ((Some(""), Some("13800138000"), Some("86")), ("13800138000", "13800138000", "86")),
            ((Some("+1 242 555 0100"), Some("5550100"), Some("1-242")), ("+12425550100", "5550100", "1242")),
            ((Some("110"), Some("110"), Some("86")), ("110", "110", "86")),
            ((Some("4155551234 ext 5"), None, Some("1")), ("4155551234ext5", "4155551234ext5", "1")),
        ] {
            let (whole, pure, country) = told;
            let phone = Phone::from_wechat(whole, pure, country).unwrap();
            let got =
                (phone.phone_number.as_str(), phone.pure_phone_number.as_str(), phone.country_code.as_str());
            assert_eq!(got, read, "{told:?}");
        }
        for told in [(None, None, Some("86")), (Some(""), Some("-"), None), (Some("none"), None, Some("1"))] {
            assert_eq!(Phone::from_wechat(told.0, told.1, told.2), None, "{told:?}");
        }
    }

    proptest! {
        #[test]
        fn telling_any_texts_never_panics(texts: [Option<String>; 3]) {
            let [whole, pure, country] = texts.each_ref().map(Option::as_deref);
            let _ = Phone::from_wechat(whole, pure, country);
        }
    }
}
