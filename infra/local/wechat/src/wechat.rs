//! The simulator as its host and the tests see it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use serde_json::Value;

use crate::account::Account;
use crate::clock::{self, Clock};
use crate::delivery::Courier;
use crate::faults::Fault;
use crate::log::{Call, CallKind};
use crate::pay::{KeyPair, LedgerEntry, PlatformMode, SignType, v2};
use crate::phone_number::NotAPhoneNumber;
use crate::platform;
use crate::platform::cards::NewCard;
use crate::platform::subscribe::Message;
use crate::state::State;
use crate::users::{NewUser, User};
use crate::werun::StepInfo;
use crate::{control, upstream};

/// How the simulator is set up.
#[derive(Clone)]
pub struct Options {
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

impl Default for Options {
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

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("account", &self.account)
            .field("notify_speed", &self.notify_speed)
            .field("platform_mode", &self.platform_mode)
            .field("refund_interval_ms", &self.refund_interval_ms)
            .finish_non_exhaustive()
    }
}

/// A simulated WeChat; clones are the same one.
#[derive(Clone)]
pub struct WeChat {
    inner: Arc<Inner>,
}

struct Inner {
    account: Account,
    clock: Clock,
    state: Mutex<State>,
    courier: Courier,
    refund_interval: u64,
    /// Read when it is first needed: a shop of Pay v2 may have none.
    merchant_key: OnceLock<Option<KeyPair>>,
}

impl WeChat {
    /// A WeChat with no users and no orders.
    pub fn new(options: Options) -> Self {
        let Options { account, clock, notify_speed, platform_mode, refund_interval_ms } = options;
        let state = Mutex::new(State::new(&account, platform_mode, clock()));
        let inner = Inner {
            account,
            clock,
            state,
            courier: Courier::new(notify_speed),
            refund_interval: refund_interval_ms,
            merchant_key: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The server API: what `WECHAT_API_BASE` and `PAY_API_BASE` point at. It is mounted at the root.
    ///
    /// On a plain listener it is served as it is (`axum::serve(listener, router)`); nobody has a client
    /// certificate there, so `/secapi/…` always refuses. For mutual TLS the same router is served a second time,
    /// see [`WeChat::pay_listener`].
    pub fn upstream(&self) -> Router {
        upstream::router(self.clone())
    }

    /// The phone's side and the controls: `/users`, `/wx/{api}`, `/orders`, `/log`, `/faults`.
    pub fn control(&self) -> Router {
        control::router(self.clone())
    }

    /// The account it plays.
    pub fn account(&self) -> &Account {
        &self.inner.account
    }

    /// Every secret it holds or ever issued: `AppSecret`s, the merchant's keys (of the private one every
    /// line), all session keys, access tokens and tickets.
    pub fn canaries(&self) -> Vec<String> {
        self.state().log.canaries()
    }

    /// Both openids, the unionid and the phone number of every user: what must not stand in a log in clear.
    pub fn people(&self) -> Vec<String> {
        self.state().users.identities()
    }

    /// Makes a user, or changes the one who has the given openid.
    ///
    /// # Panics
    ///
    /// If the phone number is none.
    pub fn create_user(&self, new: NewUser) -> User {
        let made = self.try_create_user(new);
        #[expect(clippy::panic, reason = "a test that makes such a user has a mistake")]
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sets the user's steps: exactly these days are told, oldest first, at most the last 31.
    pub fn set_steps(&self, openid: &str, steps: impl IntoIterator<Item = StepInfo>) {
        self.state().steps.set(openid, Some(steps.into_iter().collect()));
    }

    /// How many phone numbers were given to the back end, each of which is paid for.
    pub fn charged_phone_calls(&self) -> u64 {
        self.state().phone_codes.charged()
    }

    /// Lets a fault wait for its next matching request.
    ///
    /// # Panics
    ///
    /// If the fault could never happen, for example because no route has its path: a test that sets it would
    /// prove nothing.
    pub fn set_fault(&self, fault: Fault) {
        let checked = fault.check();
        assert!(checked.is_ok(), "{checked:?}");
        self.state().faults.add(fault);
    }

    /// Forgets all waiting faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// The requests the back end made, oldest first.
    pub fn upstream_calls(&self) -> Vec<Call> {
        self.calls_of(CallKind::Upstream)
    }

    /// The notices that were delivered to the back end, oldest first, each with the answer it got.
    pub fn deliveries(&self) -> Vec<Call> {
        self.calls_of(CallKind::Delivery)
    }

    /// All orders, in the order in which they were made.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        let now = self.now();
        self.state().orders.ledger(now)
    }

    /// Ends all access tokens at once: who uses one is told 40001 and can get a new one.
    pub fn revoke_tokens(&self) {
        let now = self.now();
        self.state().tokens.revoke(false, now);
    }

    /// How often an access token was asked for, by the appid that was given: all requests to
    /// `/cgi-bin/token` and `/cgi-bin/stable_token`, answered or not.
    pub fn token_calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.state().log.calls().iter().filter(|call| platform::is_token_path(&call.path)) {
            let app_id = call.request.get("appid").and_then(Value::as_str).unwrap_or_default();
            *counts.entry(app_id.to_owned()).or_default() += 1;
        }
        counts
    }

    /// The subscribe messages that users got, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.state().subscriptions.sent().to_vec()
    }

    /// Makes a card of the official account; its `card_id`. One with the same id is replaced.
    pub fn create_card(&self, new: NewCard) -> String {
        let now = self.now();
        self.state().cards.create(new, now)
    }

    /// Waits until no notice is on its way or waiting for redelivery. One that `notice_reordered` holds back
    /// is not waited for.
    pub async fn settle(&self) {
        self.inner.courier.idle().await;
    }

    /// The body of a Pay v2 notice with exactly these fields, genuinely signed: for notices that WeChat would
    /// sign but a shop must not believe (another amount, another payer, a foreign merchant). Fields the
    /// caller wants must be given, also `sign_type`; only `sign` is added.
    pub fn sign_notice(&self, fields: BTreeMap<String, String>, sign_type: SignType) -> String {
        v2::notice::signed_body(fields, sign_type, &self.inner.account.api_v2_key)
    }

    pub(crate) fn try_create_user(&self, new: NewUser) -> Result<User, NotAPhoneNumber> {
        self.state().users.put(new)
    }

    pub(crate) fn now(&self) -> u64 {
        (self.inner.clock)()
    }

    /// The merchant's key; `None` if the account has no readable one.
    pub(crate) fn merchant_key(&self) -> Option<&KeyPair> {
        let read = || KeyPair::from_pem(&self.inner.account.merchant_private_key);
        self.inner.merchant_key.get_or_init(read).as_ref()
    }

    /// Milliseconds.
    pub(crate) fn refund_interval(&self) -> u64 {
        self.inner.refund_interval
    }

    pub(crate) fn courier(&self) -> &Courier {
        &self.inner.courier
    }

    /// The state. A poisoned lock is still a state: one test's panic must not hide behind another's.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls_of(&self, kind: CallKind) -> Vec<Call> {
        self.state().log.calls().iter().filter(|call| call.kind == kind).cloned().collect()
    }
}

impl fmt::Debug for WeChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeChat").field("account", &self.inner.account).finish_non_exhaustive()
    }
}
