//! The service that all APIs of WeChat Pay share: the ledger, the merchant's key and the sender of notices.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crate::base::Base;
use crate::core::account::Account;
use crate::core::keys::KeyPair;
use crate::core::lock::lock;
use crate::core::notices::NoticeSender;
use crate::core::persist::Keep;
use crate::core::push::sender::PushSender;
use crate::pay::ledger::Ledger;
use crate::pay::ledger::bills::Bill;
use crate::pay::ledger::bills::bill_request::{BillRefusal, BillRequest};
use crate::pay::ledger::platform_keys::PlatformMode;
use crate::pay::ledger::shipping::settings::ShippingSettings;

/// WeChat Pay's service.
pub(crate) struct PayService {
    base: Arc<Base>,
    notices: NoticeSender,
    pushes: Arc<PushSender>,
    /// The ledger, which the signers of notices in flight share.
    ledger: Arc<Mutex<Ledger>>,
    /// The merchant's key, parsed at its first use, because a merchant of Pay v2 may have none.
    merchant_key: OnceLock<Option<KeyPair>>,
    refund_interval: u64,
}

impl PayService {
    /// A service with an empty ledger. `refund_interval` is in milliseconds.
    pub(crate) fn new(
        base: &Arc<Base>,
        (notices, pushes): (NoticeSender, &Arc<PushSender>),
        mode: PlatformMode,
        refund_interval: u64,
        shipping: ShippingSettings,
    ) -> Self {
        Self {
            base: Arc::clone(base),
            notices,
            pushes: Arc::clone(pushes),
            ledger: Arc::new(Mutex::new(Ledger::new(mode, shipping))),
            merchant_key: OnceLock::new(),
            refund_interval,
        }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    pub(crate) fn account(&self) -> &Account {
        self.base.account()
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.base.now()
    }

    /// The state, for a snapshot.
    pub(super) fn kept_ledger(&self) -> &dyn Keep {
        &*self.ledger
    }

    /// The ledger, locked.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// The shared ledger, for values that outlive a request.
    pub(crate) fn shared_ledger(&self) -> Arc<Mutex<Ledger>> {
        Arc::clone(&self.ledger)
    }

    /// The sender of notices. The ledger must not be locked while a notice is sent.
    pub(crate) fn notices(&self) -> &NoticeSender {
        &self.notices
    }

    /// The sender of pushes. The ledger must not be locked while one is sent.
    pub(crate) fn pushes(&self) -> &PushSender {
        &self.pushes
    }

    /// The merchant's key; `None` if the account has no readable one.
    pub(crate) fn merchant_key(&self) -> Option<&KeyPair> {
        let read = || KeyPair::from_pem(&self.account().merchant_private_key);
        self.merchant_key.get_or_init(read).as_ref()
    }

    /// The least time between two refunds of an order, in milliseconds.
    pub(crate) fn refund_interval(&self) -> u64 {
        self.refund_interval
    }

    /// Creates the requested bill.
    pub(crate) fn create_bill(&self, request: &BillRequest) -> Result<Bill, BillRefusal> {
        let ledger = self.ledger();
        ledger.bills.create_bill(&ledger.orders, &ledger.refunds, &self.base.context, request)
    }
}
