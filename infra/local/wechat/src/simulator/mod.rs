//! The simulator as its host and the tests see it: it builds the services, collects what they offer and mounts it.

mod control;
mod pay;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use serde_json::Value;

use self::control::ControlState;
use crate::base::Base;
use crate::base::platform::unknown_path;
use crate::base::tokens::server::is_token_path;
use crate::core::account::Account;
use crate::core::clock;
use crate::core::context::Context;
use crate::core::exchange::Route;
use crate::core::family::RouteTable;
use crate::core::faults::Fault;
use crate::core::log::{CallKind, LoggedCall};
use crate::core::notices::NoticeSender;
use crate::core::server::{Observer, Server};
use crate::core::service::Service;
use crate::core::user::{NewUser, User};
use crate::core::wx_api::WxApi;
use crate::pay::ledger::platform_keys::PlatformMode;
use crate::pay::service::PayService;
use crate::services::api_quota::ApiQuotaService;
use crate::services::cards::card::NewCard;
use crate::services::cards::service::CardService;
use crate::services::phone_number::service::PhoneNumberService;
use crate::services::soter::service::SoterService;
use crate::services::subscribe::message::SubscribeMessage;
use crate::services::subscribe::service::SubscribeService;
use crate::services::user_info::UserInfoService;
use crate::services::werun::service::WeRunService;
use crate::services::werun::steps::StepInfo;
use crate::services::wxacode::WxaCodeService;

/// How the simulator is set up.
#[derive(Clone)]
pub struct SimulatorOptions {
    /// The account it plays.
    pub account: Account,
    /// Unix milliseconds. Code, order and prepay lifetimes follow it.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Divides the waits between redeliveries of a notice: at 100, 15 s become 150 ms.
    pub notify_speed: u32,
    /// What WeChat Pay v3 signs with at first.
    pub platform_mode: PlatformMode,
    /// How long after a refund of an order the next one may be, in milliseconds of the clock.
    pub refund_interval_ms: u64,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            account: Account::default(),
            clock: clock::system(),
            notify_speed: 10,
            platform_mode: PlatformMode::default(),
            refund_interval_ms: clock::MINUTE,
        }
    }
}

impl fmt::Debug for SimulatorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorOptions")
            .field("account", &self.account)
            .field("notify_speed", &self.notify_speed)
            .field("platform_mode", &self.platform_mode)
            .field("refund_interval_ms", &self.refund_interval_ms)
            .finish_non_exhaustive()
    }
}

/// A simulated WeChat; clones are the same one.
#[derive(Clone)]
pub struct Simulator {
    parts: Arc<SimulatorParts>,
}

struct SimulatorParts {
    base: Arc<Base>,
    notices: NoticeSender,
    named: NamedServices,
    /// Every service, also those of `base` and `named`.
    services: Vec<Arc<dyn Service>>,
    server: Server,
    routes: RouteTable,
    wx_apis: Vec<WxApi>,
}

/// The services that a test can ask directly.
struct NamedServices {
    cards: Arc<CardService>,
    pay: Arc<PayService>,
    phone_numbers: Arc<PhoneNumberService>,
    subscribe: Arc<SubscribeService>,
    werun: Arc<WeRunService>,
    #[cfg(test)]
    wxacode: Arc<WxaCodeService>,
}

impl Simulator {
    /// A WeChat with no users and no orders.
    pub fn new(options: SimulatorOptions) -> Self {
        let SimulatorOptions { account, clock, notify_speed, platform_mode, refund_interval_ms } = options;
        let context = Arc::new(Context::new(account, clock));
        let notices = NoticeSender::new(Arc::clone(&context), notify_speed);
        let base = Arc::new(Base::new(Arc::clone(&context)));
        let wxacode = Arc::new(WxaCodeService::new(&base));
        let named = NamedServices {
            cards: Arc::new(CardService::new(&base)),
            pay: Arc::new(PayService::new(&base, notices.clone(), platform_mode, refund_interval_ms)),
            phone_numbers: Arc::new(PhoneNumberService::new(&base)),
            subscribe: Arc::new(SubscribeService::new(&base)),
            werun: Arc::new(WeRunService::new(&base)),
            #[cfg(test)]
            wxacode: Arc::clone(&wxacode),
        };
        let mut services: Vec<Arc<dyn Service>> = vec![
            base.users.clone(),
            base.tokens.clone(),
            base.sessions.clone(),
            named.cards.clone(),
            named.pay.clone(),
            named.phone_numbers.clone(),
            named.subscribe.clone(),
            named.werun.clone(),
            wxacode,
            Arc::new(SoterService::new(&base)),
            Arc::new(UserInfoService::new(&base)),
        ];
        // It counts the calls of all the others.
        services.push(Arc::new(ApiQuotaService::new(&base, table(&routes_of(&services)))));

        let routes = routes_of(&services);
        let parts = SimulatorParts {
            routes: table(&routes),
            wx_apis: services.iter().flat_map(|service| Arc::clone(service).wx_apis()).collect(),
            server: Server {
                unknown: unknown_path(&context),
                context,
                routes,
                observer: observer(&services),
            },
            base,
            notices,
            named,
            services,
        };
        Self { parts: Arc::new(parts) }
    }

    /// The server API: what `WECHAT_API_BASE` and `PAY_API_BASE` point at. It is mounted at the root.
    ///
    /// On a plain listener it is served as it is (`axum::serve(listener, router)`); nobody has a client
    /// certificate there, so `/secapi/…` always refuses. For mutual TLS the same router is served a second time,
    /// see [`Simulator::pay_listener`].
    pub fn upstream(&self) -> Router {
        self.parts.server.router()
    }

    /// The phone's side and the controls: `/wx/{api}`, `/log`, `/faults` and those of each service.
    pub fn control(&self) -> Router {
        let services = self.parts.services.iter().map(|service| Arc::clone(service).control());
        let control = ControlState {
            context: Arc::clone(&self.parts.base.context),
            users: Arc::clone(&self.parts.base.users),
            routes: self.parts.routes.clone(),
            wx_apis: self.parts.wx_apis.clone(),
        };
        services.fold(control::router(control), Router::merge)
    }

    /// The account it plays.
    pub fn account(&self) -> &Account {
        self.context().account()
    }

    /// Every secret it holds or ever issued: `AppSecret`s, the merchant's keys (of the private one every
    /// line), all session keys, access tokens and tickets.
    pub fn secrets(&self) -> Vec<String> {
        self.context().log().secrets()
    }

    /// Both openids, the unionid and the phone number of every user: what must not stand in a log in clear.
    pub fn identities(&self) -> Vec<String> {
        self.parts.base.users.identities()
    }

    /// Makes a user, or changes the one who has the given openid.
    ///
    /// # Panics
    ///
    /// If the phone number is none.
    pub fn create_user(&self, new: NewUser) -> User {
        let made = self.parts.base.users.put(new);
        #[expect(clippy::panic, reason = "a test that makes such a user has a mistake")]
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sets the user's steps: exactly these days are told, oldest first, at most the last 31.
    pub fn set_steps(&self, openid: &str, steps: impl IntoIterator<Item = StepInfo>) {
        self.parts.named.werun.set_steps(openid, Some(steps.into_iter().collect()));
    }

    /// How many phone numbers were given to the back end, each of which is paid for.
    pub fn charged_phone_calls(&self) -> u64 {
        self.parts.named.phone_numbers.charged()
    }

    /// Lets a fault wait for its next matching request.
    ///
    /// # Panics
    ///
    /// If the fault could never happen, for example because no route has its path: a test that sets it would
    /// prove nothing.
    pub fn set_fault(&self, fault: Fault) {
        let set = self.context().faults().add_checked(vec![fault], &self.parts.routes);
        assert!(set.is_ok(), "{set:?}");
    }

    /// Forgets all waiting faults.
    pub fn clear_faults(&self) {
        self.context().faults().clear();
    }

    /// The requests the back end made, oldest first.
    pub fn upstream_calls(&self) -> Vec<LoggedCall> {
        self.calls_of(CallKind::Upstream)
    }

    /// The notices that were delivered to the back end, oldest first, each with the answer it got.
    pub fn deliveries(&self) -> Vec<LoggedCall> {
        self.calls_of(CallKind::Delivery)
    }

    /// Ends all access tokens at once: who uses one is told 40001 and can get a new one.
    pub fn revoke_tokens(&self) {
        self.parts.base.tokens.revoke_all(false);
    }

    /// How often an access token was asked for, by the appid that was given: all requests to
    /// `/cgi-bin/token` and `/cgi-bin/stable_token`, answered or not.
    pub fn token_calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.context().log().calls().iter().filter(|call| is_token_path(&call.path)) {
            let app_id = call.request.get("appid").and_then(Value::as_str).unwrap_or_default();
            *counts.entry(app_id.to_owned()).or_default() += 1;
        }
        counts
    }

    /// The subscribe messages that users got, oldest first.
    pub fn messages(&self) -> Vec<SubscribeMessage> {
        self.parts.named.subscribe.sent()
    }

    /// Makes a card of the official account; its `card_id`. One with the same id is replaced.
    pub fn create_card(&self, new: NewCard) -> String {
        self.parts.named.cards.create_card(new)
    }

    /// Waits until no notice is on its way or waiting for redelivery. One that `notice_reordered` holds back
    /// is not waited for.
    pub async fn wait_for_notices(&self) {
        self.parts.notices.wait_until_idle().await;
    }

    fn calls_of(&self, kind: CallKind) -> Vec<LoggedCall> {
        self.context().log().calls().iter().filter(|call| call.kind == kind).cloned().collect()
    }

    fn context(&self) -> &Context {
        &self.parts.base.context
    }
}

#[cfg(test)]
impl Simulator {
    /// Every path there is.
    pub(crate) fn routes(&self) -> &RouteTable {
        &self.parts.routes
    }

    /// What draws codes.
    pub(crate) fn wxacode(&self) -> &WxaCodeService {
        &self.parts.named.wxacode
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("account", self.account()).finish_non_exhaustive()
    }
}

fn routes_of(services: &[Arc<dyn Service>]) -> Vec<Route> {
    services.iter().flat_map(|service| Arc::clone(service).server_routes()).collect()
}

fn table(routes: &[Route]) -> RouteTable {
    routes.iter().map(|route| (route.path, route.family)).collect()
}

/// Shows every answered exchange to every service.
fn observer(services: &[Arc<dyn Service>]) -> Observer {
    let services = services.to_vec();
    Arc::new(move |family, request, response| {
        services.iter().for_each(|service| service.observe(family, request, response));
    })
}
