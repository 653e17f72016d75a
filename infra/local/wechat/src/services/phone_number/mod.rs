//! Phone numbers: a button of the mini program gives a code, which the server exchanges for the number.

mod phone_codes;
mod server;
pub(crate) mod service;
mod wx;

use std::sync::Arc;

use self::service::PhoneNumberService;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for PhoneNumberService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![token_route("/wxa/business/getuserphonenumber", &self, server::get_user_phone_number)]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("getPhoneNumber", &self, wx::get_phone_number)]
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("phone_codes", self.kept_state())]
    }
}
