//! `POST /api/admin/refunds/{outRefundNo}/abnormal`: an operator sends the money of a refund that can't reach the user elsewhere,
//! to a bank card of the user's or to the merchant's own account.
//!
//! WeChat Pay: 发起异常退款, which only APIv3 has. The card's number and its owner's name are sealed for WeChat Pay; here they are
//! neither stored nor logged.

use serde::Deserialize;
use shared::{
    error::{ApiError, Code},
    http::extract,
    pay::{AbnormalPayee, Redirected},
    runtime::{Body, Request, Response},
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
    pub(crate) async fn redirect(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let number =
            OutRefundNo::parse_path(&extract::path(request, "outRefundNo")?).map_err(|_| Code::NotFound)?;
        let by = extract::operator(request)?;
        let payee = parse(extract::json(request)?)?;
        let row = self.refunder.refunds.get(&number).await?.ok_or(Code::NotFound)?;
        let refused = |why: &str| Err(ApiError::new(Code::Conflict).saying(why.to_owned()));
        match self.refunder.redirect(&row, &payee, &by).await? {
            Redirected::Yes(row) => Ok(view::answer(*row)),
            Redirected::NotAbnormal => refused("只有异常（ABNORMAL）的退款可以改退"),
            Redirected::Overtaken => Err(Code::Conflict.into()),
            Redirected::OtherInterface => refused("APIv2 没有此功能，请在商户平台处理异常退款"),
            Redirected::Refused(code) => refused(&format!("微信支付不受理：{code}")),
        }
    }
}

fn parse(body: AbnormalBody) -> Result<AbnormalPayee, ApiError> {
    let AbnormalBody { r#type, bank_type, bank_account, real_name } = body;
    match extract::required("type", r#type)?.as_str() {
        "USER_BANK_CARD" => {
            let bank_type = extract::required("bankType", bank_type)?;
            if !is_bank_type(&bank_type) {
                return Err(ApiError::invalid("bankType", "须为微信支付的银行类型，如 ICBC_DEBIT"));
            }
            let bank_account = extract::required("bankAccount", bank_account)?;
            if !is_account(bank_account.expose()) {
                return Err(ApiError::invalid("bankAccount", "须为 8 到 30 位数字"));
            }
            let real_name = extract::required("realName", real_name)?;
            if !is_name(real_name.expose()) {
                return Err(ApiError::invalid("realName", "须为 1 到 60 字节"));
            }
            Ok(AbnormalPayee::UserCard { bank_type, bank_account, real_name })
        }
        "MERCHANT_BANK_CARD" => {
            let given = [
                ("bankType", bank_type.is_some()),
                ("bankAccount", bank_account.is_some()),
                ("realName", real_name.is_some()),
            ];
            match given.into_iter().find(|(_, is_given)| *is_given) {
                Some((field, _)) => Err(ApiError::invalid(field, "退回商户账户时不能填写")),
                None => Ok(AbnormalPayee::Merchant),
            }
        }
        _ => Err(ApiError::invalid("type", "须为 USER_BANK_CARD 或 MERCHANT_BANK_CARD")),
    }
}

/// WeChat Pay's names of banks: `ICBC_DEBIT`.
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

    /// Type, bank, account and name, each if it is given.
    fn parsed(given: [Option<&str>; 4]) -> Result<AbnormalPayee, String> {
        let [r#type, bank_type, bank_account, real_name] = given.map(|text| text.map(str::to_owned));
        let (bank_account, real_name) = (bank_account.map(Secret::new), real_name.map(Secret::new));
        parse(AbnormalBody { r#type, bank_type, bank_account, real_name })
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_card_has_bank_number_and_name_and_the_merchant_s_account_has_none() {
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
