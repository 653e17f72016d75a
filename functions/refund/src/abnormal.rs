//! `POST /api/admin/refunds/{outRefundNo}/abnormal`: an operator redirects an ABNORMAL refund, whose money can't reach the user, to a
//! bank card of the user or to the merchant's own account.
//!
//! WeChat Pay: 发起异常退款, which only APIv3 has. The card's number and its owner's name are encrypted for WeChat Pay, and neither
//! stored nor logged.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    pay::AbnormalPayee,
    runtime::{Body, Request, Response},
    service::RedirectOutcome,
    types::{OutRefundNo, Secret},
};

use crate::{RefundFunction, view};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AbnormalBody {
    r#type: Option<String>,
    bank_type: Option<String>,
    bank_account: Option<Secret>,
    real_name: Option<Secret>,
}

impl RefundFunction {
    pub(crate) async fn redirect_refund(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let out_refund_no =
            OutRefundNo::parse_path(&request::path(request, "outRefundNo")?).map_err(|_| Code::NotFound)?;
        let operator = request::operator(request)?;
        let payee = parse(request::json(request)?)?;
        let row = self.refunds.store.get(&out_refund_no).await?.ok_or(Code::NotFound)?;
        let conflict = |message: &str| Err(ApiError::new(Code::Conflict).with_message(message.to_owned()));
        match self.refunds.redirect(&row, &payee, &operator).await? {
            RedirectOutcome::Redirected(row) => Ok(view::answer(*row)),
            RedirectOutcome::NotAbnormal => conflict("只有异常（ABNORMAL）的退款可以改退"),
            RedirectOutcome::Conflict => Err(Code::Conflict.into()),
            RedirectOutcome::UnsupportedApi => conflict("APIv2 没有此功能，请在商户平台处理异常退款"),
            RedirectOutcome::Refused(code) => conflict(&format!("微信支付不受理：{code}")),
        }
    }
}

fn parse(body: AbnormalBody) -> Result<AbnormalPayee, ApiError> {
    let AbnormalBody { r#type, bank_type, bank_account, real_name } = body;
    match request::required("type", r#type)?.as_str() {
        "USER_BANK_CARD" => {
            let bank_type = request::required("bankType", bank_type)?;
            if !is_bank_type(&bank_type) {
                return Err(ApiError::invalid("bankType", "须为微信支付的银行类型，如 ICBC_DEBIT"));
            }
            let bank_account = request::required("bankAccount", bank_account)?;
            if !is_account(bank_account.expose()) {
                return Err(ApiError::invalid("bankAccount", "须为 8 到 30 位数字"));
            }
            let real_name = request::required("realName", real_name)?;
            if !is_name(real_name.expose()) {
                return Err(ApiError::invalid("realName", "须为 1 到 60 字节"));
            }
            Ok(AbnormalPayee::UserCard { bank_type, bank_account, real_name })
        }
        "MERCHANT_BANK_CARD" => {
            let forbidden_fields = [
                ("bankType", bank_type.is_some()),
                ("bankAccount", bank_account.is_some()),
                ("realName", real_name.is_some()),
            ];
            match forbidden_fields.into_iter().find(|(_, is_present)| *is_present) {
                Some((field, _)) => Err(ApiError::invalid(field, "退回商户账户时不能填写")),
                None => Ok(AbnormalPayee::Merchant),
            }
        }
        _ => Err(ApiError::invalid("type", "须为 USER_BANK_CARD 或 MERCHANT_BANK_CARD")),
    }
}

/// Whether the text can be WeChat Pay's name of a bank, such as `ICBC_DEBIT`.
fn is_bank_type(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_account(text: &str) -> bool {
    (8..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    (1..=60).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a body with these values of `type`, `bankType`, `bankAccount` and `realName`.
    fn parsed(fields: [Option<&str>; 4]) -> Result<AbnormalPayee, String> {
        let [r#type, bank_type, bank_account, real_name] = fields.map(|text| text.map(str::to_owned));
        let (bank_account, real_name) = (bank_account.map(Secret::new), real_name.map(Secret::new));
        parse(AbnormalBody { r#type, bank_type, bank_account, real_name })
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_card_needs_bank_number_and_name_and_the_merchant_none_of_them() {
        let card = ["USER_BANK_CARD", "ICBC_DEBIT", "6222021234567890123", "张三"].map(Some);
        assert!(matches!(parsed(card), Ok(AbnormalPayee::UserCard { .. })));
        let merchant = [Some("MERCHANT_BANK_CARD"), None, None, None];
        assert!(matches!(parsed(merchant), Ok(AbnormalPayee::Merchant)));
        let long = "字".repeat(21);
        for (at, field, value) in [
            (0, "type", Some("CARD")),
            (0, "type", None),
            (1, "bankType", Some("icbc")),
            (1, "bankType", None),
            (2, "bankAccount", Some("6222 0212")),
            (2, "bankAccount", Some("1234567")),
            (2, "bankAccount", None),
            (3, "realName", Some(" ")),
            (3, "realName", Some(long.as_str())),
            (3, "realName", None),
        ] {
            let wrong = std::array::from_fn(|n| if n == at { value } else { card[n] });
            assert!(parsed(wrong).unwrap_err().contains(field), "{field} {value:?}");
        }
        assert!(parsed([merchant[0], None, None, Some("张三")]).unwrap_err().contains("realName"));
    }
}
