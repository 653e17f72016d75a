//! Address, invoice title and remark in the body of an order: what `wx.chooseAddress` and `wx.chooseInvoiceTitle` give the phone. Nothing of
//! it is verified by WeChat, so only form and length are checked.

use serde::Deserialize;
use shared::{
    api::{ApiError, request},
    store::{Address, InvoiceTitle, OrderDetails},
};

/// As the phone passes on the result of `wx.chooseAddress`. The fields with an underscore are taken and not used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressBody {
    user_name: Option<String>,
    tel_number: Option<String>,
    province_name: Option<String>,
    city_name: Option<String>,
    county_name: Option<String>,
    detail_info: Option<String>,
    postal_code: Option<String>,
    national_code: Option<String>,
    /// Newer clients divide `detailInfo` besides.
    #[serde(rename = "streetName")]
    _street_name: Option<String>,
    #[serde(rename = "detailInfoNew")]
    _detail_info_new: Option<String>,
    #[serde(rename = "nationalCodeFull")]
    _national_code_full: Option<String>,
    #[serde(rename = "errMsg")]
    _err_msg: Option<String>,
}

/// As the phone passes on the result of `wx.chooseInvoiceTitle`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceTitleBody {
    #[serde(rename = "type")]
    kind: Option<TextOrNumber>,
    title: Option<String>,
    tax_number: Option<String>,
    company_address: Option<String>,
    telephone: Option<String>,
    bank_name: Option<String>,
    bank_account: Option<String>,
    #[serde(rename = "errMsg")]
    _err_msg: Option<String>,
}

/// Clients write the type in either form.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(u8),
}

/// Checks the details.
///
/// # Errors
/// `INVALID_INPUT` names the field that is wrong.
pub(crate) fn parse(
    address: Option<AddressBody>,
    invoice_title: Option<InvoiceTitleBody>,
    remark: Option<String>,
) -> Result<OrderDetails, ApiError> {
    Ok(OrderDetails {
        address: address.map(parse_address).transpose()?,
        invoice_title: invoice_title.map(parse_invoice_title).transpose()?,
        remark: optional("remark", remark, MAX_REMARK)?,
    })
}

fn parse_address(body: AddressBody) -> Result<Address, ApiError> {
    Ok(Address {
        user_name: required("address.userName", body.user_name, 64)?,
        tel_number: required("address.telNumber", body.tel_number, 32)?,
        province_name: required("address.provinceName", body.province_name, 32)?,
        city_name: required("address.cityName", body.city_name, 32)?,
        county_name: required("address.countyName", body.county_name, 32)?,
        detail_info: required("address.detailInfo", body.detail_info, 200)?,
        postal_code: optional("address.postalCode", body.postal_code, 16)?,
        national_code: optional("address.nationalCode", body.national_code, 16)?,
    })
}

fn parse_invoice_title(body: InvoiceTitleBody) -> Result<InvoiceTitle, ApiError> {
    let kind = match request::required("invoiceTitle.type", body.kind)? {
        TextOrNumber::Text(text) => text,
        TextOrNumber::Number(number) => number.to_string(),
    };
    if !matches!(kind.as_str(), "0" | "1") {
        return Err(ApiError::invalid("invoiceTitle.type", "须为 0（单位）或 1（个人）"));
    }
    Ok(InvoiceTitle {
        kind,
        title: required("invoiceTitle.title", body.title, 100)?,
        tax_number: optional("invoiceTitle.taxNumber", body.tax_number, 32)?,
        company_address: optional("invoiceTitle.companyAddress", body.company_address, 200)?,
        telephone: optional("invoiceTitle.telephone", body.telephone, 32)?,
        bank_name: optional("invoiceTitle.bankName", body.bank_name, 100)?,
        bank_account: optional("invoiceTitle.bankAccount", body.bank_account, 64)?,
    })
}

fn required(name: &str, value: Option<String>, max: usize) -> Result<String, ApiError> {
    optional(name, value, max)?.ok_or_else(|| ApiError::invalid(name, "不能为空"))
}

/// The trimmed text; `None` if it is absent or empty, because WeChat's clients write an empty text for what the user left out.
fn optional(name: &str, value: Option<String>, max: usize) -> Result<Option<String>, ApiError> {
    let Some(text) = value else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > max {
        return Err(ApiError::invalid(name, &format!("不能超过 {max} 个字")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(ApiError::invalid(name, "含有非法字符"));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

const MAX_REMARK: usize = 200;
