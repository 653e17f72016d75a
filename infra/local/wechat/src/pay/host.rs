//! The simulated WeChat Pay as its host and the tests see it: keys, refunds, bills, crafted notices, TLS.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::net::TcpListener;

use super::refunds::{self, Funds, NewRefund, Of};
use super::{BillChange, PlatformKey, PlatformMode, RefundEntry, RefundSource, RefundStatus, SignedNotice};
use super::{platform_keys, v2, v3};
use crate::delivery::PROBE_ACCEPTED;
use crate::log::Call;
use crate::random;
use crate::tls::{self, PayListener};
use crate::wechat::WeChat;

impl WeChat {
    /// The WeChat Pay public key, as a merchant copies it from the console.
    pub fn platform_public_key(&self) -> PlatformKey {
        platform_keys::public_key().to_key()
    }

    /// The platform certificates that can be downloaded now, the one that signs first.
    pub fn platform_certificates(&self) -> Vec<PlatformKey> {
        self.state().platform_keys.certificates().into_iter().map(|signer| signer.to_key()).collect()
    }

    /// From now on the next platform certificate signs; the first can still be downloaded. There is no third.
    pub fn rotate_platform_certificate(&self) {
        self.state().platform_keys.rotate();
    }

    /// From now on everything is signed with the WeChat Pay public key, and there are no certificates.
    pub fn switch_to_public_key(&self) {
        self.state().platform_keys.mode = PlatformMode::PublicKey;
    }

    /// All refunds, in the order in which they were accepted.
    pub fn refunds(&self) -> Vec<RefundEntry> {
        self.state().refunds.all().iter().map(|refund| refund.entry.clone()).collect()
    }

    /// A refund that somebody makes in the merchant console: it is not notified, and stands in the bill.
    ///
    /// # Panics
    ///
    /// If the payment cannot be refunded: a test that does so has a mistake.
    pub fn console_refund(&self, transaction_id: &str, fee: u64) -> RefundEntry {
        let made = self.try_console_refund(transaction_id, fee);
        #[expect(clippy::panic, reason = "a test that makes such a refund has a mistake")]
        made.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Ends a refund that `refund_stalled` keeps PROCESSING, or one that is ABNORMAL, and notifies it.
    ///
    /// # Panics
    ///
    /// If there is no such refund: a test that ends it would prove nothing.
    pub fn finish_refund(&self, out_refund_no: &str, status: RefundStatus) -> RefundEntry {
        let ended = refunds::finish(self, out_refund_no, status);
        #[expect(clippy::panic, reason = "a test that ends such a refund has a mistake")]
        ended.unwrap_or_else(|why| panic!("{why}"))
    }

    /// From now on nothing of this order stands in a bill.
    pub fn bill_omit(&self, out_trade_no: &str) {
        self.change_bill(BillChange::Omit { out_trade_no: out_trade_no.to_owned() });
    }

    /// From now on the bill tells another amount (fen) of this order's payment.
    pub fn bill_alter_amount(&self, out_trade_no: &str, fee: u64) {
        self.change_bill(BillChange::AlterAmount { out_trade_no: out_trade_no.to_owned(), fee });
    }

    /// Adds a payment (fen) that was never made here to today's bill.
    pub fn bill_add_foreign(&self, transaction_id: &str, out_trade_no: &str, fee: u64, openid: &str) {
        self.change_bill(BillChange::AddForeign {
            transaction_id: transaction_id.to_owned(),
            out_trade_no: out_trade_no.to_owned(),
            fee,
            openid: openid.to_owned(),
            paid_at: None,
        });
    }

    /// From now on the bill charges a fen too much for this order's payment.
    pub fn bill_wrong_fee(&self, out_trade_no: &str) {
        self.change_bill(BillChange::WrongFee { out_trade_no: out_trade_no.to_owned() });
    }

    /// Makes the bill differ from what happened.
    pub fn change_bill(&self, change: BillChange) {
        let now = self.now();
        self.state().bills.change(change, now);
    }

    /// The signature probes that the back end has taken for genuine notices.
    pub fn accepted_probes(&self) -> Vec<Call> {
        self.deliveries().into_iter().filter(|call| call.outcome == PROBE_ACCEPTED).collect()
    }

    /// A notice of Pay v3 with exactly this resource, genuinely encrypted and signed at that moment (unix
    /// seconds): for notices that WeChat would sign but a shop must not believe.
    pub fn sign_notice_v3(&self, event_type: &str, resource: Value, at: u64) -> SignedNotice {
        v3::notice::sign(self, event_type, &resource, at)
    }

    /// The body of a Pay v2 refund notice whose `req_info` has exactly these fields, genuinely encrypted.
    pub fn refund_req_info(&self, fields: BTreeMap<String, String>) -> String {
        v2::refund_notice::body(&fields, self.account(), &self.account().api_v2_key)
    }

    /// TLS on a listener, for [`WeChat::upstream`]; clients may show a certificate.
    ///
    /// The handlers learn of the certificate through the connect info, so the router must be served with it:
    ///
    /// ```no_run
    /// # async fn serve(wechat: local_wechat::WeChat) -> std::io::Result<()> {
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

    /// The authority that issued the certificate of [`WeChat::pay_listener`]: who calls must trust it.
    pub fn ca_certificate(&self) -> CertificateDer<'static> {
        tls::ca_certificate()
    }

    pub(crate) fn try_console_refund(&self, transaction_id: &str, fee: u64) -> Result<RefundEntry, String> {
        let order = self.state().orders.by_transaction(transaction_id).cloned();
        let order = order.ok_or_else(|| format!("there is no payment {transaction_id}"))?;
        if fee == 0 {
            return Err("a refund is at least one fen".to_owned());
        }
        let new = NewRefund {
            of: Of::Transaction(transaction_id.to_owned()),
            out_refund_no: format!("console{}", random::digits(&random::bytes::<20>())),
            total_fee: order.order.total_fee,
            refund_fee: fee,
            notify: None,
            source: RefundSource::VendorPlatform,
            funds: Funds::Unsettled,
        };
        let out_refund_no = new.out_refund_no.clone();
        refunds::request(self, new).map_err(|reason| format!("{reason:?}"))?;
        let made = self.state().refunds.by_number(&out_refund_no).map(|refund| refund.entry.clone());
        made.ok_or_else(|| "the refund is gone".to_owned())
    }
}
