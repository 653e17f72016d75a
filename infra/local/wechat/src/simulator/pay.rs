//! The simulated WeChat Pay as its host and the tests see it: keys, refunds, bills, crafted notices, TLS.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::net::TcpListener;

use super::Simulator;
use crate::core::log::LoggedCall;
use crate::core::notices::PROBE_ACCEPTED;
use crate::core::refund_status::RefundStatus;
use crate::core::tls::{self, PayListener};
use crate::pay::ledger::bills::bill_change::BillChange;
use crate::pay::ledger::orders::LedgerEntry;
use crate::pay::ledger::platform_keys::{self, PlatformKey, PlatformMode, PlatformSigner};
use crate::pay::ledger::refunds::RefundEntry;
use crate::pay::service::PayService;
use crate::pay::v3::notice::SignedNotice;
use crate::pay::version::SignType;
use crate::pay::{refunds, v2, v3};

impl Simulator {
    /// All orders, in the order in which they were made.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        let now = self.pay().now();
        self.pay().ledger().orders.entries(now)
    }

    /// The WeChat Pay public key, as a merchant copies it from the console.
    pub fn platform_public_key(&self) -> PlatformKey {
        platform_keys::public_key().to_platform_key()
    }

    /// The platform certificates that can be downloaded now, the one that signs first.
    pub fn platform_certificates(&self) -> Vec<PlatformKey> {
        self.pay()
            .ledger()
            .platform_keys
            .certificates()
            .into_iter()
            .map(PlatformSigner::to_platform_key)
            .collect()
    }

    /// From now on the next platform certificate signs; the first can still be downloaded. There is no third.
    pub fn rotate_platform_certificate(&self) {
        self.pay().ledger().platform_keys.rotate();
    }

    /// From now on everything is signed with the WeChat Pay public key, and there are no certificates.
    pub fn switch_to_public_key(&self) {
        self.pay().ledger().platform_keys.mode = PlatformMode::PublicKey;
    }

    /// All refunds, in the order in which they were accepted.
    pub fn refunds(&self) -> Vec<RefundEntry> {
        self.pay().ledger().refunds.entries()
    }

    /// A refund that somebody makes in the merchant console: it is not notified, and stands in the bill.
    ///
    /// # Panics
    ///
    /// If the payment cannot be refunded: a test that does so has a mistake.
    pub fn refund_in_console(&self, transaction_id: &str, fee: u64) -> RefundEntry {
        let made = self.try_refund_in_console(transaction_id, fee);
        #[expect(clippy::panic, reason = "a test that makes such a refund has a mistake")]
        made.unwrap_or_else(|why| panic!("{why}"))
    }

    /// As [`Simulator::refund_in_console`]; what the console refuses is said in words.
    ///
    /// # Errors
    ///
    /// There is no such payment, or it can't be refunded by so much now.
    pub fn try_refund_in_console(&self, transaction_id: &str, fee: u64) -> Result<RefundEntry, String> {
        refunds::request_console_refund(self.pay(), transaction_id, fee)
    }

    /// Ends a refund that `refund_stalled` keeps PROCESSING, or one that is ABNORMAL, and notifies it.
    ///
    /// # Panics
    ///
    /// If there is no such refund: a test that ends it would prove nothing.
    pub fn finish_refund(&self, out_refund_no: &str, status: RefundStatus) -> RefundEntry {
        let ended = refunds::finish_refund(self.pay(), out_refund_no, status);
        #[expect(clippy::panic, reason = "a test that ends such a refund has a mistake")]
        ended.unwrap_or_else(|why| panic!("{why}"))
    }

    /// From now on nothing of this order stands in a bill.
    pub fn omit_from_bill(&self, out_trade_no: &str) {
        self.change_bill(BillChange::Omit { out_trade_no: out_trade_no.to_owned() });
    }

    /// From now on the bill tells another amount (fen) of this order's payment.
    pub fn alter_bill_amount(&self, out_trade_no: &str, fee: u64) {
        self.change_bill(BillChange::AlterAmount { out_trade_no: out_trade_no.to_owned(), fee });
    }

    /// Adds a payment (fen) that was never made here to today's bill.
    pub fn add_foreign_payment(&self, transaction_id: &str, out_trade_no: &str, fee: u64, openid: &str) {
        self.change_bill(BillChange::AddForeign {
            transaction_id: transaction_id.to_owned(),
            out_trade_no: out_trade_no.to_owned(),
            fee,
            openid: openid.to_owned(),
            paid_at: None,
        });
    }

    /// From now on the bill charges a fen too much for this order's payment.
    pub fn set_wrong_fee(&self, out_trade_no: &str) {
        self.change_bill(BillChange::WrongFee { out_trade_no: out_trade_no.to_owned() });
    }

    /// Makes the bill differ from what happened.
    pub fn change_bill(&self, change: BillChange) {
        let now = self.pay().now();
        self.pay().ledger().bills.add_change(change, now);
    }

    /// The signature probes that the back end has taken for genuine notices.
    pub fn accepted_probes(&self) -> Vec<LoggedCall> {
        self.deliveries().into_iter().filter(|call| call.outcome == PROBE_ACCEPTED).collect()
    }

    /// A notice of Pay v3 with exactly this resource, genuinely encrypted and signed at that moment (unix
    /// seconds): for notices that WeChat would sign but a shop must not believe.
    pub fn sign_notice_v3(&self, event_type: &str, resource: Value, at: u64) -> SignedNotice {
        v3::notice::sign_notice(self.pay(), event_type, &resource, at)
    }

    /// The body of a Pay v2 refund notice whose `req_info` has exactly these fields, genuinely encrypted.
    pub fn encrypt_refund_notice(&self, fields: BTreeMap<String, String>) -> String {
        v2::refund_notice::message_body(&fields, self.account(), &self.account().api_v2_key)
    }

    /// TLS on a listener, for [`Simulator::upstream`]; clients may show a certificate.
    ///
    /// The handlers learn of the certificate through the connect info, so the router must be served with it:
    ///
    /// ```no_run
    /// # async fn serve(wechat: local_wechat::Simulator) -> std::io::Result<()> {
    /// use local_wechat::TlsPeer;
    ///
    /// let tls = wechat.pay_listener(tokio::net::TcpListener::bind("127.0.0.1:0").await?);
    /// let router = wechat.upstream();
    /// axum::serve(tls, router.into_make_service_with_connect_info::<TlsPeer>()).await
    /// # }
    /// ```
    ///
    /// The same router (or a clone) may be served on a plain listener beside it, as it is.
    ///
    /// # Panics
    ///
    /// If the built-in certificate were damaged.
    pub fn pay_listener(&self, listener: TcpListener) -> PayListener {
        let made = PayListener::new(listener);
        #[expect(clippy::panic, reason = "the built-in certificate and key fit, which a test proves")]
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The authority that issued the certificate of [`Simulator::pay_listener`]: who calls must trust it.
    pub fn ca_certificate(&self) -> CertificateDer<'static> {
        tls::ca_certificate()
    }

    /// The body of a Pay v2 notice with exactly these fields, genuinely signed: for notices that WeChat would
    /// sign but a shop must not believe (another amount, another payer, a foreign merchant). Fields the
    /// caller wants must be given, also `sign_type`; only `sign` is added.
    pub fn sign_notice(&self, fields: BTreeMap<String, String>, sign_type: SignType) -> String {
        v2::notice::signed_body(fields, sign_type, &self.account().api_v2_key)
    }

    pub(crate) fn pay(&self) -> &PayService {
        &self.parts.named.pay
    }
}
