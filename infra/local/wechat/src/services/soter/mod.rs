//! SOTER: the phone signs a challenge after the fingerprint or the face, and WeChat knows the phone's key.

mod devices;
mod server;
mod wx;

use std::sync::{Arc, Mutex, MutexGuard};

use self::devices::SoterDevices;
use crate::base::Base;
use crate::base::platform::token_route;
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

/// Signs challenges and verifies the signatures.
pub(crate) struct SoterService {
    base: Arc<Base>,
    devices: Mutex<SoterDevices>,
}

impl SoterService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), devices: Mutex::default() }
    }

    fn devices(&self) -> MutexGuard<'_, SoterDevices> {
        lock(&self.devices)
    }
}

impl Service for SoterService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![token_route("/cgi-bin/soter/verify_signature", &self, server::verify_signature)]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![
            WxApi::new("checkIsSupportSoterAuthentication", &self, wx::check_support),
            WxApi::new("checkIsSoterEnrolledInDevice", &self, wx::check_enrolled),
            WxApi::new("startSoterAuthentication", &self, wx::start),
        ]
    }
}
