//! `GET /v3/certificates`: the platform certificates, encrypted with the APIv3 key.
//!
//! Documentation: "Download platform certificates" (下载平台证书) of Pay v3. During a rotation several certificates are valid. For a
//! merchant with the WeChat Pay public key the response is 404.

use http::Method;
use serde_json::{Value, json};

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use super::resource;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::platform_keys::EFFECTIVE;
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, list_certificates)
}

fn list_certificates(pay: &PayService, _: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    let certificates = pay.ledger().platform_keys.certificates();
    if certificates.is_empty() {
        return Err(V3Error::new("RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥"));
    }
    let (effective_time, expire_time) = EFFECTIVE;
    let data: Vec<Value> = certificates
        .into_iter()
        .map(|certificate| {
            json!({
                "serial_no": certificate.id,
                "effective_time": effective_time,
                "expire_time": expire_time,
                "encrypt_certificate":
                    resource::encrypted(certificate.pem, "certificate", &pay.account().api_v3_key),
            })
        })
        .collect();
    Ok(SuccessBody::Json(json!({"data": data})))
}
