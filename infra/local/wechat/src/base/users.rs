//! The users of the mini program, and the control that creates them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::control::{bad_request, parse_object};
use crate::core::lock::lock;
use crate::core::persist::{Keep, Kept};
use crate::core::phone_number::{PhoneNumber, PhoneNumberError};
use crate::core::random;
use crate::core::service::Service;
use crate::core::user::{ANONYMOUS, NewUser, User, is_openid};

/// Keeps all users.
#[derive(Debug, Default)]
pub(crate) struct UserService {
    users: Mutex<Users>,
}

impl UserService {
    /// Creates a user, or changes the user with this openid. Absent fields stay unchanged.
    pub(crate) fn put_user(&self, new: NewUser) -> Result<User, PhoneNumberError> {
        lock(&self.users).put_user(new)
    }

    pub(crate) fn get(&self, openid: &str) -> Option<User> {
        lock(&self.users).get(openid).cloned()
    }

    /// Whether a user has this openid in the mini program.
    pub(crate) fn has_openid(&self, openid: &str) -> bool {
        lock(&self.users).get(openid).is_some()
    }

    /// Whether a user has this openid in the official account.
    pub(crate) fn has_official_openid(&self, openid: &str) -> bool {
        lock(&self.users).has_official_openid(openid)
    }

    /// Both openids, the unionid and the phone number of every user; foreign numbers with and without the country code.
    pub(crate) fn identities(&self) -> Vec<String> {
        lock(&self.users).identities()
    }
}

impl Service for UserService {
    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/users", post(create_user)).with_state(self)
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("users", &self.users)]
    }
}

async fn create_user(State(users): State<Arc<UserService>>, body: Bytes) -> Response {
    let new: NewUser = match parse_object(&body).map(Value::Object).map(serde_json::from_value) {
        Ok(Ok(new)) => new,
        Ok(Err(error)) => return bad_request(&error.to_string()),
        Err(why) => return bad_request(&why),
    };
    if new.openid.as_deref().is_some_and(|openid| !is_openid(openid)) {
        return bad_request("an openid has 28 characters, begins with o and consists of A-Z a-z 0-9 - _");
    }
    match users.put_user(new) {
        Ok(user) => Json(user).into_response(),
        Err(error) => bad_request(&error.to_string()),
    }
}

/// All users, by openid.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Users(HashMap<String, User>);

impl Kept for Users {}

impl Users {
    /// Creates a user, or changes the user with this openid. Absent fields stay unchanged.
    fn put_user(&mut self, new: NewUser) -> Result<User, PhoneNumberError> {
        let number = new.phone_number.as_deref().map(PhoneNumber::parse).transpose()?;
        let openid = new.openid.unwrap_or_else(random::openid);
        let unused = self.unused_number();
        let user = self.0.entry(openid.clone()).or_insert_with(|| User {
            openid,
            official_openid: random::openid(),
            unionid: None,
            nick_name: ANONYMOUS.to_owned(),
            phone_number: unused.full(),
            number: unused,
        });
        if let Some(number) = number {
            user.phone_number = number.full();
            user.number = number;
        }
        if let Some(nick_name) = new.nick_name {
            user.nick_name = nick_name;
        }
        if new.unionid.is_some() {
            user.unionid = new.unionid;
        }
        Ok(user.clone())
    }

    /// Both openids, the unionid and the phone number of every user; foreign numbers with and without the country code.
    fn identities(&self) -> Vec<String> {
        let of = |user: &User| {
            let mut texts =
                vec![user.openid.clone(), user.official_openid.clone(), user.phone_number.clone()];
            texts.extend(user.unionid.clone());
            if user.number.pure() != user.phone_number {
                texts.push(user.number.pure().to_owned());
            }
            texts
        };
        self.0.values().flat_map(of).collect()
    }

    /// Whether a user has this openid in the official account.
    fn has_official_openid(&self, openid: &str) -> bool {
        self.0.values().any(|user| user.official_openid == openid)
    }

    /// A random phone number that no user has.
    fn unused_number(&self) -> PhoneNumber {
        let mut number = PhoneNumber::random();
        while self.0.values().any(|user| user.number == number) {
            number = PhoneNumber::random();
        }
        number
    }

    fn get(&self, openid: &str) -> Option<&User> {
        self.0.get(openid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_get_a_unionid_later_and_keeps_the_rest() {
        let mut users = Users::default();
        let named = NewUser { nick_name: Some("小明".to_owned()), ..NewUser::default() };
        let user = users.put_user(named).unwrap();
        assert_eq!(user.unionid, None);
        let bound = NewUser {
            openid: Some(user.openid.clone()),
            unionid: Some("u1".to_owned()),
            ..NewUser::default()
        };
        let bound = users.put_user(bound).unwrap();
        assert_eq!(bound.phone_number, user.phone_number);
        assert_eq!(bound.nick_name, "小明");
        assert_eq!(bound.unionid.as_deref(), Some("u1"));
        assert_eq!(users.get(&user.openid), Some(&bound));
    }
}
