//! Phone numbers: the button that gives a code, and the number that the server gets for it.

mod server;
mod wx;

use std::sync::{Arc, Mutex, MutexGuard};

use self::server::PhoneCodes;
use crate::base::Base;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

/// Gives phone numbers to the back end.
pub(crate) struct PhoneNumberService {
    base: Arc<Base>,
    codes: Mutex<PhoneCodes>,
}

impl PhoneNumberService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), codes: Mutex::default() }
    }

    /// How many successes are to be paid for.
    pub(crate) fn charged(&self) -> u64 {
        self.codes().charged()
    }

    fn codes(&self) -> MutexGuard<'_, PhoneCodes> {
        lock(&self.codes)
    }
}

impl Service for PhoneNumberService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![token_route("/wxa/business/getuserphonenumber", &self, server::get_user_phone_number)]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("getPhoneNumber", &self, wx::get_phone_number)]
    }
}
