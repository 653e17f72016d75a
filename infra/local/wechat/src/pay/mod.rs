//! WeChat Pay, `api.mch.weixin.qq.com`: the merchant's orders, refunds and bills, and one folder per version
//! of the API.
//!
//! This folder uses `core` and `base`. `ledger/` holds the whole state. `v2/` and `v3/` have the APIs that the back end calls,
//! `wx_payment.rs` the one that the phone calls, and `control.rs` the controls for tests. `shipping/` is the open platform's
//! order-shipping management, which is here because it freezes and settles what the ledger holds.

pub(crate) mod complaints;
mod control;
mod formats;
pub(crate) mod ledger;
pub(crate) mod refunds;
pub(crate) mod service;
pub(crate) mod shipping;
pub(crate) mod v2;
pub(crate) mod v3;
pub(crate) mod version;
mod wx_payment;

use std::sync::Arc;

use axum::Router;

use self::service::PayService;
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::family::Family;
use crate::core::faults::Fault;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for PayService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        let v2 =
            |path, handler: PayHandler| Route::new(path, Family::Pay, v2::envelope::summary, &self, handler);
        let v3 = |path, handler: PayHandler| {
            Route::new(path, Family::PayV3, v3::envelope::summary, &self, handler)
        };
        let mut routes = vec![
            v2("/pay/unifiedorder", v2::unified_order::handle),
            v2("/pay/orderquery", v2::order_query::handle),
            v2("/pay/closeorder", v2::close_order::handle),
            v2("/secapi/pay/refund", v2::refund::handle),
            v2("/pay/refundquery", v2::refund_query::handle),
            v2("/pay/downloadbill", v2::download_bill::handle),
            v3("/v3/certificates", v3::certificates::handle),
            v3("/v3/pay/transactions/jsapi", v3::prepay::handle),
            v3("/v3/pay/transactions/out-trade-no/{out_trade_no}", v3::query::query_by_number),
            v3("/v3/pay/transactions/id/{transaction_id}", v3::query::query_by_transaction),
            v3("/v3/pay/transactions/out-trade-no/{out_trade_no}/close", v3::close::handle),
            v3("/v3/refund/domestic/refunds", v3::refund::handle),
            v3("/v3/refund/domestic/refunds/{out_refund_no}", v3::refund_query::handle),
            v3("/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund", v3::abnormal_refund::handle),
            v3("/v3/bill/tradebill", v3::trade_bill::handle),
            v3("/v3/billdownload/file", v3::bill_file::handle),
            v3("/v3/merchant-service/complaint-notifications", v3::complaint::notifications::handle),
            v3("/v3/merchant-service/complaints-v2", v3::complaint::list::list),
            v3("/v3/merchant-service/complaints-v2/{complaint_id}", v3::complaint::list::detail),
            v3(
                "/v3/merchant-service/complaints-v2/{complaint_id}/negotiation-historys",
                v3::complaint::list::history,
            ),
            v3("/v3/merchant-service/complaints-v2/{complaint_id}/response", v3::complaint::answers::reply),
            v3(
                "/v3/merchant-service/complaints-v2/{complaint_id}/complete",
                v3::complaint::answers::complete,
            ),
            v3(
                "/v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress",
                v3::complaint::answers::update_refund,
            ),
        ];
        routes.extend(shipping::server_routes(&self));
        routes
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        let mut apis = vec![WxApi::new("requestPayment", &self, wx_payment::request_payment)];
        apis.extend(shipping::wx_apis(&self));
        apis
    }

    fn control(self: Arc<Self>) -> Router {
        control::router(Arc::clone(&self))
            .merge(complaints::control(Arc::clone(&self)))
            .merge(shipping::control(self))
    }

    /// Time is looked at after every request, because the simulator has no timer.
    fn observe(&self, _family: Family, _request: &ApiRequest, _response: &ApiResponse) {
        shipping::run_due(self);
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("pay", self.kept_ledger())]
    }
}

/// A function that handles the requests of an API of WeChat Pay.
type PayHandler = fn(&PayService, &ApiRequest, Option<&Fault>) -> ApiResponse;
