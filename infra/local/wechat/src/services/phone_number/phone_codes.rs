//! The codes of the phone-number button.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::base::platform::{Errcode, INVALID_CODE, INVALID_OPENID};
use crate::core::clock::MINUTE;
use crate::core::persist::Kept;
use crate::core::random;

/// The codes of the phone-number button.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PhoneCodes {
    codes: HashMap<String, IssuedPhoneCode>,
    charged: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct IssuedPhoneCode {
    openid: String,
    app_id: String,
    created: u64,
}

impl Kept for PhoneCodes {}

impl PhoneCodes {
    /// Creates the code that the button gives to the mini program.
    pub(super) fn create_code(&mut self, openid: &str, app_id: &str, now: u64) -> String {
        self.codes.retain(|_, code| now < code.created.saturating_add(CODE_LIFE));
        let code = random::phone_code();
        let entry = IssuedPhoneCode { openid: openid.to_owned(), app_id: app_id.to_owned(), created: now };
        self.codes.insert(code.clone(), entry);
        code
    }

    /// The number of exchanges that WeChat charges for.
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    /// Uses up the code; returns the user's openid. After an error nothing has changed.
    pub(super) fn use_code(
        &mut self,
        code: &str,
        openid: Option<&str>,
        app_id: &str,
        now: u64,
    ) -> Result<String, Errcode> {
        let found = self
            .codes
            .get(code)
            .filter(|code| code.app_id == app_id && now < code.created.saturating_add(CODE_LIFE))
            .ok_or(INVALID_CODE)?;
        if openid.is_some_and(|openid| openid != found.openid) {
            return Err(INVALID_OPENID);
        }
        let openid = found.openid.clone();
        self.codes.remove(code);
        self.charged += 1;
        Ok(openid)
    }
}

const CODE_LIFE: u64 = 5 * MINUTE;
