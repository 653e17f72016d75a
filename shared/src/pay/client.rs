//! The client of WeChat Pay for both API versions.

use super::{
    AbnormalPayee, ApiVersion, Bill, CertificateStore, CloseResponse, Complaint, ComplaintPage,
    NegotiationStep, PayError, PayParams, PrepayOutcome, PrepayRequest, Refund, RefundRequest,
    RefundResponse, TradeState, merchant::MerchantContext, v2, v3,
};
use crate::{
    host::{Host, HostError},
    types::{ComplaintId, Day, OutRefundNo, OutTradeNo, PrepayId, Secret},
};

/// The client.
pub struct PayClient(MerchantContext);

impl PayClient {
    /// Reads the variables that say whose payments these are; `pay/merchant.rs` lists them.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host, certificates: Box<dyn CertificateStore>) -> Result<Self, HostError> {
        MerchantContext::new(host, certificates).map(Self)
    }

    /// Reads the merchant's secret, which each request needs.
    ///
    /// # Errors
    /// [`PayError`]: the secret can't be read. Nothing was sent.
    pub async fn ready(&self) -> Result<(), PayError> {
        self.0.secret.get().await?;
        Ok(())
    }

    /// Requests a prepayment (统一下单, JSAPI 下单).
    ///
    /// # Errors
    /// [`PayError`]; after a transient one the attempt may exist at WeChat Pay. The identical request may be repeated.
    pub async fn prepay(&self, request: &PrepayRequest<'_>) -> Result<PrepayOutcome, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::prepay(&self.0, &secret, request).await,
            ApiVersion::V3 => v3::prepay(&self.0, &secret, request).await,
        }
    }

    /// Queries an attempt (查询订单).
    ///
    /// # Errors
    /// [`PayError`]; `is_transient()` says whether to query again.
    pub async fn query(&self, out_trade_no: OutTradeNo) -> Result<TradeState, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::query(&self.0, &secret, out_trade_no).await,
            ApiVersion::V3 => v3::query(&self.0, &secret, out_trade_no).await,
        }
    }

    /// Closes an attempt (关闭订单). Query it first, because a paid attempt can't be closed.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one the attempt may be closed. Closing again is harmless.
    pub async fn close(&self, out_trade_no: OutTradeNo) -> Result<CloseResponse, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::close(&self.0, &secret, out_trade_no).await,
            ApiVersion::V3 => v3::close(&self.0, &secret, out_trade_no).await,
        }
    }

    /// The sign type of the phone's arguments: `MD5`, `HMAC-SHA256` or `RSA`.
    #[must_use]
    pub fn sign_type(&self) -> &'static str {
        match self.0.api {
            ApiVersion::V2 => self.0.sign_type.as_str(),
            ApiVersion::V3 => "RSA",
        }
    }

    /// The arguments of `wx.requestPayment`.
    ///
    /// # Errors
    /// [`PayError`]: the key can't be read, or there is no randomness. Nothing was sent.
    pub async fn pay_params(&self, prepay_id: &PrepayId) -> Result<PayParams, PayError> {
        let secret = self.0.secret.get().await?;
        let (now, nonce_str) = (self.0.host.now(), self.0.host.nonce_str()?);
        match self.0.api {
            ApiVersion::V2 => v2::pay_params(&self.0, &secret, prepay_id, now, nonce_str),
            ApiVersion::V3 => v3::pay_params(&self.0, &secret, prepay_id, now, nonce_str),
        }
    }

    /// Requests a refund (申请退款). The same `out_refund_no` with the same request is one refund, however often it is requested.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one the refund may exist at WeChat Pay. The identical request may be repeated.
    pub async fn refund(&self, request: &RefundRequest<'_>) -> Result<RefundResponse, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::refund(&self.0, &secret, request).await,
            ApiVersion::V3 => v3::refund(&self.0, &secret, request).await,
        }
    }

    /// Queries a refund (查询退款); `None` if WeChat Pay does not know its number.
    ///
    /// # Errors
    /// [`PayError`]; `is_transient()` says whether to query again.
    pub async fn query_refund(&self, out_refund_no: &OutRefundNo) -> Result<Option<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::query_refund(&self.0, &secret, out_refund_no).await,
            ApiVersion::V3 => v3::query_refund(&self.0, &secret, out_refund_no).await,
        }
    }

    /// Lists the refunds of the attempt's payment. With APIv3 the list is empty, because APIv3 queries a refund by its number only
    /// and the merchant console chooses its own numbers.
    ///
    /// # Errors
    /// [`PayError`]; `is_transient()` says whether to query again.
    pub async fn refunds_of(&self, out_trade_no: OutTradeNo) -> Result<Vec<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::refunds_of(&self.0, &secret, out_trade_no).await,
            ApiVersion::V3 => Ok(Vec::new()),
        }
    }

    /// Redirects the money of an abnormal refund to `payee` (发起异常退款); `None` with APIv2, which has no such call.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one the redirection may have begun. Repeat the call: WeChat Pay refuses a second one, and
    /// querying the refund shows its status.
    pub async fn redirect_refund(
        &self,
        refund_id: &str,
        out_refund_no: &OutRefundNo,
        payee: &AbnormalPayee,
    ) -> Result<Option<Refund>, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => Ok(None),
            ApiVersion::V3 => {
                v3::redirect_refund(&self.0, &secret, (refund_id, out_refund_no), payee).await.map(Some)
            }
        }
    }

    /// Downloads the complete bill of a past day. WeChat Pay writes it until ten o'clock of the next morning.
    ///
    /// # Errors
    /// [`PayError`]; no line of an incomplete bill is returned. Download it again later.
    pub async fn bill(&self, day: Day) -> Result<Bill, PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => v2::bill(&self.0, &secret, day).await,
            ApiVersion::V3 => v3::bill(&self.0, &secret, day).await,
        }
    }

    /// Checks that the merchant's secret holds the keys that complaints need, which exist in APIv3 only.
    ///
    /// # Errors
    /// [`PayError::NotConfigured`] names the missing field.
    pub async fn can_answer_complaints(&self) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        secret.api_v3_key()?;
        secret.signing_key().map(drop)
    }

    /// The complaint (查询投诉单详情); `None` if WeChat Pay does not know it. APIv3, also if orders are made with APIv2.
    ///
    /// # Errors
    /// [`PayError`]; `is_transient()` says whether to ask again.
    pub async fn complaint(&self, id: &ComplaintId) -> Result<Option<Complaint>, PayError> {
        let secret = self.0.secret.get().await?;
        v3::complaint(&self.0, &secret, id).await
    }

    /// The complaints of these days (查询投诉单列表), the newest first, after `offset` others. At most thirty days.
    ///
    /// # Errors
    /// [`PayError`]; `is_transient()` says whether to ask again.
    pub async fn complaints(&self, days: (Day, Day), offset: u64) -> Result<ComplaintPage, PayError> {
        let secret = self.0.secret.get().await?;
        v3::complaints(&self.0, &secret, days, offset).await
    }

    /// The newest steps of a complaint's history (查询投诉协商历史), the newest first.
    ///
    /// # Errors
    /// [`PayError`]; `is_transient()` says whether to ask again.
    pub async fn complaint_history(&self, id: &ComplaintId) -> Result<Vec<NegotiationStep>, PayError> {
        let secret = self.0.secret.get().await?;
        v3::history(&self.0, &secret, id).await
    }

    /// The payer's phone number in clear; `None` if there is none that the merchant's key opens.
    ///
    /// # Errors
    /// [`PayError::NotConfigured`]: the secret does not have the key.
    pub async fn complaint_phone(&self, complaint: &Complaint) -> Result<Option<Secret>, PayError> {
        let secret = self.0.secret.get().await?;
        v3::open_phone(&secret, complaint)
    }

    /// Replies to the buyer (回复用户). Every call is a reply that the buyer reads, so it is not repeated.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one the reply may have been made: look into the history before another one.
    pub async fn reply_to_complaint(&self, id: &ComplaintId, content: &str) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        v3::reply(&self.0, &secret, id, content).await
    }

    /// Says that the merchant has dealt with the complaint (反馈处理完成).
    ///
    /// # Errors
    /// [`PayError`]; after a lost answer WeChat Pay refuses the repetition, because the complaint is completed: ask for its state.
    pub async fn complete_complaint(&self, id: &ComplaintId) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        v3::complete_complaint(&self.0, &secret, id).await
    }

    /// Says that the refund that the buyer wants is approved (更新退款审批结果). It refunds nothing.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one it may have been said. Saying it again is harmless.
    pub async fn approve_complaint_refund(&self, id: &ComplaintId) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        v3::approve_refund(&self.0, &secret, id).await
    }

    /// Says that the refund that the buyer wants is rejected, and why (更新退款审批结果). That ends the complaint.
    ///
    /// # Errors
    /// [`PayError`]; after a lost answer WeChat Pay refuses the repetition, because the complaint has ended: ask for its state.
    pub async fn reject_complaint_refund(&self, id: &ComplaintId, reason: &str) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        v3::reject_refund(&self.0, &secret, id, reason).await
    }

    /// Sends notices of complaints to `url` from now on (投诉通知回调地址). The merchant has one such address.
    ///
    /// # Errors
    /// [`PayError`]; after a transient one the address may have been changed. Changing it again is harmless.
    pub async fn set_complaint_url(&self, url: &str) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        v3::set_url(&self.0, &secret, url).await
    }

    /// Checks that the merchant's secret holds the keys that refunds need, so that a caller can refuse before it writes anything.
    ///
    /// # Errors
    /// [`PayError::NotConfigured`] names the missing field.
    pub async fn can_refund(&self) -> Result<(), PayError> {
        let secret = self.0.secret.get().await?;
        match self.0.api {
            ApiVersion::V2 => secret.mutual_tls(&self.0.host).map(drop),
            ApiVersion::V3 => secret.signing_key().map(drop),
        }
    }
}
