//! SOTER: the phone signs a challenge after a fingerprint or face check, and WeChat verifies the signature.

mod devices;
mod server;
pub(crate) mod service;
mod wx;

use std::sync::Arc;

use self::service::SoterService;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for SoterService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![token_route("/cgi-bin/soter/verify_signature", &self, server::verify_signature)]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![
            WxApi::new("checkIsSupportSoterAuthentication", &self, wx::check_support),
            WxApi::new("checkIsSoterEnrolledInDevice", &self, wx::check_enrolled),
            WxApi::new("startSoterAuthentication", &self, wx::start_authentication),
        ]
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("soter", self.kept_state())]
    }
}
