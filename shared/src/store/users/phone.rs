//! A user's phone number.

use aws_sdk_dynamodb::types::Update;
use serde::{Deserialize, Serialize};

use super::{User, Users};
use crate::{
    store::{StoreError, item},
    types::{PhoneNumber, UserId},
};

/// A phone number, as WeChat tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// With the country code, if it is not mainland China's.
    pub phone_number: PhoneNumber,
    /// Without the country code.
    pub pure_phone_number: PhoneNumber,
    /// Such as `86`.
    pub country_code: String,
}

impl Phone {
    /// Reads WeChat's three texts; none if they are no phone number.
    #[must_use]
    pub fn parse(phone_number: &str, pure_phone_number: &str, country_code: &str) -> Option<Self> {
        let country =
            (1..=4).contains(&country_code.len()) && country_code.bytes().all(|byte| byte.is_ascii_digit());
        country.then_some(())?;
        Some(Self {
            phone_number: PhoneNumber::parse(phone_number).ok()?,
            pure_phone_number: PhoneNumber::parse(pure_phone_number).ok()?,
            country_code: country_code.to_owned(),
        })
    }
}

impl Users {
    /// Keeps the user's phone number; `None` if there is no such user.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn set_phone(&self, user_id: &UserId, phone: &Phone) -> Result<Option<User>, StoreError> {
        let values = [(":phone".to_owned(), item::map(phone)?)].into();
        self.update(user_id, "SET phone = :phone", None, values).await
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
            .update_expression("SET phone = :phone")
            .condition_expression("attribute_exists(created_at)")
            .expression_attribute_values(":phone", item::map(phone)?)
            .build()
            .map_err(|error| StoreError::new("keeping a phone number", error))
    }
}
