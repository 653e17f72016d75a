//! The methods of the simulator that concern WeChat Pay: keys, refunds, bills, crafted notices, TLS.

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
    /// All orders of the merchant, oldest first.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        let now = self.pay().now();
        self.pay().ledger().orders.entries(now)
    }

    /// The merchant's order with this number.
    pub fn order(&self, out_trade_no: &str) -> Option<LedgerEntry> {
        let now = self.pay().now();
        self.pay().ledger().orders.by_number(out_trade_no).map(|order| order.entry(now))
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

    /// Replaces the platform certificate that signs. The first can still be downloaded. There is no third certificate.
    pub fn rotate_platform_certificate(&self) {
        self.pay().ledger().platform_keys.rotate();
    }

    /// Switches to the WeChat Pay public key for all signatures. Then there are no certificates to download.
    pub fn switch_to_public_key(&self) {
        self.pay().ledger().platform_keys.mode = PlatformMode::PublicKey;
    }

    /// All refunds, in the order in which they were accepted.
    pub fn refunds(&self) -> Vec<RefundEntry> {
        self.pay().ledger().refunds.entries()
    }

    /// Makes a refund as in the merchant console. The back end gets no notice; the bill contains the refund.
    ///
    /// # Panics
    ///
    /// If the payment cannot be refunded, because such a test has a mistake.
    pub fn refund_in_console(&self, transaction_id: &str, fee: u64) -> RefundEntry {
        let result = self.try_refund_in_console(transaction_id, fee);
        #[expect(clippy::panic, reason = "a test that makes such a refund has a mistake")]
        result.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Makes a refund as [`Simulator::refund_in_console`] does, without panicking.
    ///
    /// # Errors
    ///
    /// A sentence that says why: there is no such payment, or this amount can't be refunded now.
    pub fn try_refund_in_console(&self, transaction_id: &str, fee: u64) -> Result<RefundEntry, String> {
        refunds::request_console_refund(self.pay(), transaction_id, fee)
    }

    /// Ends a refund that `refund_stalled` keeps PROCESSING, or one that is ABNORMAL, and sends its notice.
    ///
    /// # Panics
    ///
    /// If there is no such refund, because such a test would prove nothing.
    pub fn finish_refund(&self, out_refund_no: &str, status: RefundStatus) -> RefundEntry {
        let result = refunds::finish_refund(self.pay(), out_refund_no, status);
        #[expect(clippy::panic, reason = "a test that ends such a refund has a mistake")]
        result.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Removes the payment and the refunds of this order from all bills.
    pub fn omit_from_bill(&self, out_trade_no: &str) {
        self.change_bill(BillChange::Omit { out_trade_no: out_trade_no.to_owned() });
    }

    /// Changes the amount (fen) of this order's payment in the bill.
    pub fn alter_bill_amount(&self, out_trade_no: &str, fee: u64) {
        self.change_bill(BillChange::AlterAmount { out_trade_no: out_trade_no.to_owned(), fee });
    }

    /// Adds a payment (fen) to today's bill that the simulator's ledger does not have.
    pub fn add_foreign_payment(&self, transaction_id: &str, out_trade_no: &str, fee: u64, openid: &str) {
        self.change_bill(BillChange::AddForeign {
            transaction_id: transaction_id.to_owned(),
            out_trade_no: out_trade_no.to_owned(),
            fee,
            openid: openid.to_owned(),
            paid_at: None,
            appid: None,
        });
    }

    /// Makes the bill charge a fen too much for this order's payment.
    pub fn set_wrong_fee(&self, out_trade_no: &str) {
        self.change_bill(BillChange::WrongFee { out_trade_no: out_trade_no.to_owned() });
    }

    /// Makes the bill differ from the ledger.
    pub fn change_bill(&self, change: BillChange) {
        let now = self.pay().now();
        self.pay().ledger().bills.add_change(change, now);
    }

    /// The deliveries of signature probes that the back end acknowledged.
    pub fn accepted_probes(&self) -> Vec<LoggedCall> {
        self.deliveries().into_iter().filter(|call| call.outcome == PROBE_ACCEPTED).collect()
    }

    /// A notice of Pay v3 with exactly this resource, genuinely encrypted and signed at this time (unix seconds). For notices
    /// with a valid signature that a shop must still refuse.
    pub fn sign_notice_v3(&self, event_type: &str, resource: Value, at: u64) -> SignedNotice {
        v3::notice::sign_notice(self.pay(), event_type, &resource, at)
    }

    /// The body of a Pay v2 refund notice whose `req_info` has exactly these fields, genuinely encrypted.
    pub fn encrypt_refund_notice(&self, fields: BTreeMap<String, String>) -> String {
        v2::refund_notice::message_body(&fields, self.account(), &self.account().api_v2_key)
    }

    /// Wraps a listener in TLS, for [`Simulator::upstream`]. Clients may show a certificate.
    ///
    /// The handlers get the certificate through the connect info, so serve the router with it:
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
    /// The same router, or a clone, may be served on a plain listener beside it.
    ///
    /// # Panics
    ///
    /// If the built-in certificate is damaged.
    pub fn pay_listener(&self, listener: TcpListener) -> PayListener {
        let result = PayListener::new(listener);
        #[expect(clippy::panic, reason = "the built-in certificate and key fit, which a test proves")]
        result.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The certificate authority of [`Simulator::pay_listener`], which clients must trust.
    pub fn ca_certificate(&self) -> CertificateDer<'static> {
        tls::ca_certificate()
    }

    /// The body of a Pay v2 notice with exactly these fields and a valid signature. For notices that a shop must still refuse
    /// (another amount, another payer, another merchant). Only the field `sign` is added; `sign_type` is not.
    pub fn sign_notice(&self, fields: BTreeMap<String, String>, sign_type: SignType) -> String {
        v2::notice::signed_body(fields, sign_type, &self.account().api_v2_key)
    }

    pub(crate) fn pay(&self) -> &PayService {
        &self.parts.named.pay
    }
}
