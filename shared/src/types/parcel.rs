//! How goods get to the user, and the parcels in which they travel.

use serde::{Deserialize, Serialize};

/// How goods get to the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// There are no goods to move.
    Virtual,
    /// The user fetches them.
    Pickup,
    /// The shop brings them, within the city.
    City,
    /// A courier company carries them, each parcel with a number.
    #[default]
    Express,
}

impl Delivery {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Virtual, Self::Pickup, Self::City, Self::Express];

    /// The name that is stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Pickup => "pickup",
            Self::City => "city",
            Self::Express => "express",
        }
    }

    /// The way of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|delivery| delivery.as_str() == name)
    }

    /// WeChat's `logistics_type`.
    #[must_use]
    pub fn logistics_type(self) -> u8 {
        match self {
            Self::Express => 1,
            Self::City => 2,
            Self::Virtual => 3,
            Self::Pickup => 4,
        }
    }

    /// The way with this `logistics_type`.
    #[must_use]
    pub fn of_logistics_type(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|delivery| delivery.logistics_type() == number)
    }

    /// Whether nothing is to be done by staff: such an order is shipped as soon as it is paid.
    #[must_use]
    pub fn ships_itself(self) -> bool {
        matches!(self, Self::Virtual | Self::Pickup)
    }

    /// Whether it is [`Delivery::Express`], which is not stored because older rows have no way.
    #[must_use]
    pub fn is_express(&self) -> bool {
        *self == Self::Express
    }
}

/// A parcel, or all goods of an order that no courier company carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The courier company's number of the parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_no: Option<String>,
    /// WeChat's code of the courier company (`delivery_id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub express_company: Option<String>,
    /// The goods, in words for the user.
    pub item_desc: String,
    /// The receiver's phone number, masked but for its last four digits, which some courier companies need; empty after the user was
    /// erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver_contact: Option<String>,
}

/// The phone number as WeChat takes it, `189****1234`; `None` if it is none. A number that is masked already stays as it is.
#[must_use]
pub fn masked_contact(phone: &str) -> Option<String> {
    let is_prefix = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '+' || c == '-');
    let is_digits = |text: &str| text.len() == SHOWN && text.bytes().all(|byte| byte.is_ascii_digit());
    if phone.len() > MAX_CONTACT {
        return None;
    }
    if let Some((prefix, last)) = phone.split_once("****") {
        return (is_prefix(prefix) && is_digits(last)).then(|| phone.to_owned());
    }
    let (first, last) = phone.split_at_checked(phone.len().checked_sub(SHOWN)?)?;
    let kept = first.get(..first.len().checked_sub(SHOWN)?)?;
    (is_prefix(first) && is_digits(last) && !kept.is_empty()).then(|| format!("{kept}****{last}"))
}

/// Digits at the end of a masked number that are shown.
const SHOWN: usize = 4;
const MAX_CONTACT: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_numbers_of_ways_read_back() {
        for delivery in Delivery::ALL {
            assert_eq!(Delivery::named(delivery.as_str()), Some(delivery));
            assert_eq!(Delivery::of_logistics_type(delivery.logistics_type()), Some(delivery));
        }
        assert_eq!(Delivery::of_logistics_type(0), None);
    }

    #[test]
    fn a_phone_number_is_masked_once() {
        for (phone, masked) in [
            ("18912341234", Some("189****1234")),
            ("+86-17712341234", Some("+86-177****1234")),
            ("189****1234", Some("189****1234")),
            ("1234", None),
            ("12345678", None),
            ("189****12345", None),
            ("18912341x34", None),
            ("", None),
        ] {
            assert_eq!(masked_contact(phone).as_deref(), masked, "{phone}");
        }
    }

    proptest! {
        #[test]
        fn masking_never_panics_and_shows_four_digits_at_most(phone in "[0-9*+\\-字]{0,40}") {
            if let Some(masked) = masked_contact(&phone) {
                prop_assert_eq!(masked_contact(&masked), Some(masked.clone()));
                prop_assert!(masked.contains("****"));
            }
        }
    }
}
