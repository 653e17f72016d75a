//! The simulator: it builds the services, collects their routes and mounts them for its host and the tests.

mod control;
mod pay;
mod persist;
mod push;
mod trade;

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
use crate::core::log::{CallKind, CallObserver, LoggedCall};
use crate::core::notices::NoticeSender;
use crate::core::push::PushSettings;
use crate::core::push::sender::PushSender;
use crate::core::server::{Observer, Server};
use crate::core::service::Service;
use crate::core::user::{NewUser, User};
use crate::core::wx_api::WxApi;
use crate::pay::ledger::platform_keys::PlatformMode;
use crate::pay::ledger::shipping::settings::ShippingSettings;
use crate::pay::service::PayService;
use crate::services::api_quota::ApiQuotaService;
use crate::services::cards::card::NewCard;
use crate::services::cards::service::CardService;
use crate::services::content_security::service::ContentSecurityService;
use crate::services::customer_service::service::CustomerService;
use crate::services::js_sdk::JsSdkService;
use crate::services::message_push::MessagePushService;
use crate::services::nearby::NearbyService;
use crate::services::phone_number::service::PhoneNumberService;
use crate::services::share::service::ShareService;
use crate::services::soter::service::SoterService;
use crate::services::subscribe::message::SubscribeMessage;
use crate::services::subscribe::service::SubscribeService;
use crate::services::upload_file::UploadFileService;
use crate::services::user_info::UserInfoService;
use crate::services::werun::service::WeRunService;
use crate::services::werun::steps::StepInfo;
use crate::services::wxacode::WxaCodeService;

/// The configuration of the simulator.
#[derive(Clone)]
pub struct SimulatorOptions {
    /// The account it plays.
    pub account: Account,
    /// The clock, in unix milliseconds. Lifetimes of codes, orders and prepay ids follow it.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The divisor of the waits between redeliveries of a notice: at 100, 15 s become 150 ms.
    pub notify_speed: u32,
    /// The kind of key with which WeChat Pay v3 signs at first.
    pub platform_mode: PlatformMode,
    /// The least time between two refunds of an order, in milliseconds of the clock.
    pub refund_interval_ms: u64,
    /// What the console says about the message push.
    pub push: PushSettings,
    /// What WeChat says about the mini program as a seller.
    pub shipping: ShippingSettings,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            account: Account::default(),
            clock: clock::system(),
            notify_speed: 10,
            platform_mode: PlatformMode::default(),
            refund_interval_ms: clock::MINUTE,
            push: PushSettings::default(),
            shipping: ShippingSettings::default(),
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
            .field("push", &self.push)
            .field("shipping", &self.shipping)
            .finish_non_exhaustive()
    }
}

/// A simulated WeChat. Clones share one state.
#[derive(Clone)]
pub struct Simulator {
    parts: Arc<SimulatorParts>,
}

struct SimulatorParts {
    base: Arc<Base>,
    notices: NoticeSender,
    pushes: Arc<PushSender>,
    named: NamedServices,
    /// Every service, also those of `base` and `named`.
    services: Vec<Arc<dyn Service>>,
    server: Server,
    routes: RouteTable,
    wx_apis: Vec<WxApi>,
}

/// The services that methods of [`Simulator`] call directly.
struct NamedServices {
    cards: Arc<CardService>,
    content_security: Arc<ContentSecurityService>,
    customer: Arc<CustomerService>,
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
        let SimulatorOptions {
            account,
            clock,
            notify_speed,
            platform_mode,
            refund_interval_ms,
            push,
            shipping,
        } = options;
        let context = Arc::new(Context::new(account, clock));
        let notices = NoticeSender::new(Arc::clone(&context), notify_speed);
        let pushes = Arc::new(PushSender::new(&context, &notices, push));
        let base = Arc::new(Base::new(Arc::clone(&context)));
        let wxacode = Arc::new(WxaCodeService::new(&base));
        let named = NamedServices {
            cards: Arc::new(CardService::new(&base)),
            content_security: Arc::new(ContentSecurityService::new(&base, &pushes)),
            customer: Arc::new(CustomerService::new(&base, &pushes)),
            pay: Arc::new(PayService::new(
                &base,
                (notices.clone(), &pushes),
                platform_mode,
                refund_interval_ms,
                shipping,
            )),
            phone_numbers: Arc::new(PhoneNumberService::new(&base)),
            subscribe: Arc::new(SubscribeService::new(&base, &pushes)),
            werun: Arc::new(WeRunService::new(&base)),
            #[cfg(test)]
            wxacode: Arc::clone(&wxacode),
        };
        let mut services: Vec<Arc<dyn Service>> = vec![
            base.users.clone(),
            base.tokens.clone(),
            base.sessions.clone(),
            named.cards.clone(),
            named.content_security.clone(),
            named.customer.clone(),
            named.pay.clone(),
            named.phone_numbers.clone(),
            named.subscribe.clone(),
            named.werun.clone(),
            wxacode,
            Arc::new(JsSdkService::new(&base)),
            Arc::new(MessagePushService::new(&base, &pushes)),
            Arc::new(ShareService::new(&base)),
            Arc::new(NearbyService::new(&base)),
            Arc::new(SoterService::new(&base)),
            Arc::new(UploadFileService::new()),
            Arc::new(UserInfoService::new(&base)),
        ];
        // The quota service counts the calls of all other services.
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
                notices: notices.clone(),
            },
            base,
            notices,
            pushes,
            named,
            services,
        };
        Self { parts: Arc::new(parts) }
    }

    /// The router of the server API, which `WECHAT_API_BASE` and `PAY_API_BASE` point to. Mount it at the root.
    ///
    /// On a plain listener serve it as it is (`axum::serve(listener, router)`). A plain connection has no client certificate, so
    /// `/secapi/…` always refuses there. For mutual TLS serve the same router a second time, see [`Simulator::pay_listener`].
    pub fn upstream(&self) -> Router {
        self.parts.server.router()
    }

    /// The router of the controls: `/wx/{api}`, `/log`, `/faults` and the controls of each service.
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

    /// Every secret of the account and every secret that was issued: `AppSecret`s, the merchant's keys (of the private key each
    /// line), token and key of the message push, all session keys, access tokens and tickets.
    pub fn secrets(&self) -> Vec<String> {
        self.context().log().secrets()
    }

    /// The text with every secret in it masked: those of [`Self::secrets`], each by `***`.
    pub fn mask(&self, text: &str) -> String {
        self.context().log().mask(text)
    }

    /// Lets `observer` see every call from now on when it ends: requests of the back end, and deliveries to it. It must be quick and
    /// must not use the simulator.
    pub fn observe_calls(&self, observer: CallObserver) {
        self.context().log().set_observer(observer);
    }

    /// Both openids, the unionid and the phone number of every user, which no log may contain in clear.
    pub fn identities(&self) -> Vec<String> {
        self.parts.base.users.identities()
    }

    /// Creates a user, or changes the user with the given openid.
    ///
    /// # Panics
    ///
    /// If the phone number is malformed.
    pub fn create_user(&self, new: NewUser) -> User {
        let result = self.parts.base.users.put_user(new);
        #[expect(clippy::panic, reason = "a test that makes such a user has a mistake")]
        result.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sets the user's days. `wx.getWeRunData` returns them oldest first, at most the last 31.
    pub fn set_steps(&self, openid: &str, steps: impl IntoIterator<Item = StepInfo>) {
        self.parts.named.werun.set_steps(openid, Some(steps.into_iter().collect()));
    }

    /// The number of phone numbers that the back end got. WeChat charges for each.
    pub fn charged_phone_calls(&self) -> u64 {
        self.parts.named.phone_numbers.charged()
    }

    /// Adds a fault, which waits for the next matching request.
    ///
    /// # Panics
    ///
    /// If the fault could never happen, for example because no route has its path. A test with such a fault would prove nothing.
    pub fn set_fault(&self, fault: Fault) {
        let set = self.context().faults().add_checked(vec![fault], &self.parts.routes);
        assert!(set.is_ok(), "{set:?}");
    }

    /// Removes all waiting faults.
    pub fn clear_faults(&self) {
        self.context().faults().clear();
    }

    /// The requests of the back end, oldest first.
    pub fn upstream_calls(&self) -> Vec<LoggedCall> {
        self.calls_of(CallKind::Upstream)
    }

    /// The deliveries of notices and pushes to the back end, oldest first, each with the back end's answer.
    pub fn deliveries(&self) -> Vec<LoggedCall> {
        self.calls_of(CallKind::Delivery)
    }

    /// Revokes all access tokens. A caller that uses one gets 40001 and can get a new token.
    pub fn revoke_tokens(&self) {
        self.parts.base.tokens.revoke_all(false);
    }

    /// The number of requests to `/cgi-bin/token` and `/cgi-bin/stable_token` by appid, answered or not.
    pub fn token_calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.context().log().calls().iter().filter(|call| is_token_path(&call.path)) {
            let app_id = call.request.get("appid").and_then(Value::as_str).unwrap_or_default();
            *counts.entry(app_id.to_owned()).or_default() += 1;
        }
        counts
    }

    /// The subscribe messages that users received, oldest first.
    pub fn messages(&self) -> Vec<SubscribeMessage> {
        self.parts.named.subscribe.sent()
    }

    /// Creates a card of the official account, or replaces the card with this id; returns the `card_id`.
    pub fn create_card(&self, new: NewCard) -> String {
        self.parts.named.cards.create_card(new)
    }

    /// Waits until no notice and no push is in flight and none waits for redelivery. One that `notice_reordered` holds back does
    /// not count.
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
    /// Every path of the server API, with its family.
    pub(crate) fn routes(&self) -> &RouteTable {
        &self.parts.routes
    }

    /// The service that draws codes.
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

/// Calls `observe` of every service for every answered request.
fn observer(services: &[Arc<dyn Service>]) -> Observer {
    let services = services.to_vec();
    Arc::new(move |family, request, response| {
        services.iter().for_each(|service| service.observe(family, request, response));
    })
}
