//! The bill of APIv2 (下载交易账单). The answer is the bill itself, or XML with the reason why there is none.

use super::{api::fields, read, transport::body};
use crate::{
    host::AddressChoice,
    pay::{
        Bill, BillFile, MerchantContext, MerchantSecret, PayError,
        bill::{Download, LIMIT},
    },
    types::Day,
};

/// `POST /pay/downloadbill`.
pub(in crate::pay) async fn bill(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    day: Day,
) -> Result<Bill, PayError> {
    let request_fields = fields([
        ("bill_date", day.to_string()),
        ("bill_type", "ALL".to_owned()),
        ("tar_type", "GZIP".to_owned()),
    ]);
    let body = body(merchant, secret.api_v2_key()?, BILL, request_fields)?;
    let address = merchant.upstream.choose_address(AddressChoice::PrimaryOrBackup);
    let request = merchant.upstream.http()?.post(format!("{}{BILL}", address.base_url()));
    let request = request.header("content-type", "text/xml; charset=utf-8").timeout(LIMIT).body(body);
    let download = Download::begin(BILL, request, (&merchant.upstream, address)).await?;
    if download.is_xml() {
        return none(&download.text().await?);
    }
    BillFile::verify(BILL, merchant, download.file().await?).map(Bill::Ready)
}

/// Reads why there is no bill. Failures are not signed; only TLS proves that they come from WeChat Pay.
fn none(answer: &[u8]) -> Result<Bill, PayError> {
    let fields =
        read("xml", answer).map_err(|error| PayError::OutcomeUnknown { path: BILL, cause: error.into() })?;
    let get = |name| fields.get(name).unwrap_or_default().chars().take(100).collect::<String>();
    let (code, said) = (get("error_code"), get("return_msg"));
    let says = |words: &str| said.eq_ignore_ascii_case(words);
    if code == "20002" || says("No Bill Exist") {
        return Ok(Bill::None);
    }
    if code == "20003" || says("Bill Creating") {
        return Ok(Bill::NotReady);
    }
    if says("SYSTEMERROR") || get("err_code") == "SYSTEMERROR" {
        return Err(PayError::Business { path: BILL, code: "SYSTEMERROR".to_owned(), transient: true });
    }
    Err(PayError::Refused { path: BILL, said: format!("{code} {said}").trim().to_owned() })
}

const BILL: &str = "/pay/downloadbill";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &str) -> Result<Bill, PayError> {
        none(format!("<xml><return_code><![CDATA[FAIL]]></return_code>{fields}</xml>").as_bytes())
    }

    #[test]
    fn a_day_without_a_bill_differs_from_a_day_whose_bill_is_late() {
        for none in ["<error_code>20002</error_code>", "<return_msg>No Bill Exist</return_msg>"] {
            assert!(matches!(told(none), Ok(Bill::None)), "{none}");
        }
        for late in ["<error_code>20003</error_code>", "<return_msg>Bill Creating</return_msg>"] {
            assert!(matches!(told(late), Ok(Bill::NotReady)), "{late}");
        }
    }

    #[test]
    fn any_other_failure_is_one() {
        let busy = told("<return_msg>SYSTEMERROR</return_msg>");
        assert!(matches!(busy, Err(error) if error.is_transient()));
        let refused = told("<return_msg>sign error</return_msg><error_code>20001</error_code>");
        assert_eq!(
            refused.unwrap_err().to_string(),
            "/pay/downloadbill refused the request: 20001 sign error"
        );
        assert!(matches!(none(b"<html>"), Err(PayError::OutcomeUnknown { .. })));
    }
}
