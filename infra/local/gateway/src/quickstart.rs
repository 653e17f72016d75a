//! The quickstart that the program prints: shell commands that buy something. They need curl and sed.

use crate::config::Config;

/// The commands. Those that need the simulator are left out when the configuration names another WeChat.
pub(crate) fn commands(base_url: &str, config: &Config) -> String {
    let has_simulated_platform = config.wechat_api_base.is_none();
    let has_simulated_pay = config.pay_api_base.is_none();
    let mut steps = vec![format!("base={base_url}"), CALL.to_owned(), FIELD.to_owned()];
    if has_simulated_platform {
        steps.extend([USER, WX_LOGIN].map(str::to_owned));
    } else {
        steps.push(REAL_CODE.to_owned());
    }
    steps.extend([LOGIN, PRODUCTS, ORDER, NUMBERS, PREPAY].map(str::to_owned));
    if has_simulated_platform && has_simulated_pay {
        steps.extend([PAY, READ].map(str::to_owned));
    } else {
        steps.extend([SHOW_PREPAY, READ].map(str::to_owned));
    }
    steps.join("\n")
}

const CALL: &str = r#"call() { curl -sS -H "authorization: Bearer $token" -H 'content-type: application/json' "$@"; echo; }"#;
const FIELD: &str = r#"field() { sed -n 's/.*"'$1'":"\([^"]*\)".*/\1/p'; }"#;

const USER: &str = r#"openid=$(call $base/_wechat/users -d '{"nickName":"小明"}' | field openid)"#;
const WX_LOGIN: &str = r#"code=$(call $base/_wechat/wx/login -d "{\"openid\":\"$openid\"}" | field code)"#;
const REAL_CODE: &str = "code='<what wx.login gave your mini program>'";
const LOGIN: &str = r#"token=$(call $base/api/login -d "{\"code\":\"$code\"}" | field token)"#;
const PRODUCTS: &str = "call $base/api/products";
const ORDER: &str =
    r#"order=$(call $base/api/orders -d '{"productId":"water","quantity":2}'); echo "$order""#;
const NUMBERS: &str =
    r#"orderId=$(echo "$order" | field orderId); outTradeNo=$(echo "$order" | field outTradeNo)"#;
const PREPAY: &str = r#"payParams=$(call $base/api/pay/unified-order -d "{\"outTradeNo\":\"$outTradeNo\"}" | sed -n 's/.*"payParams":{\([^}]*\)}.*/\1/p')"#;
const PAY: &str = r#"call $base/_wechat/wx/requestPayment -d "{\"openid\":\"$openid\",$payParams}"; sleep 1"#;
const SHOW_PREPAY: &str =
    r#"echo "Pay on the phone with wx.requestPayment, then look at the order: $payParams""#;
const READ: &str = "call $base/api/orders/$orderId";

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://127.0.0.1:3000";

    #[test]
    fn the_commands_with_the_simulator_lead_from_a_new_user_to_a_paid_order() {
        let commands = commands(BASE, &Config::default());
        assert!(commands.starts_with("base=http://127.0.0.1:3000\n"));
        assert!(commands.contains("/_wechat/users") && commands.contains("/_wechat/wx/requestPayment"));
        assert!(commands.ends_with("call $base/api/orders/$orderId"));
    }

    #[test]
    fn without_the_simulator_no_command_calls_it() {
        let elsewhere = || Some("https://a.example".to_owned());
        let real = Config { wechat_api_base: elsewhere(), pay_api_base: elsewhere(), ..Config::default() };
        assert!(!commands(BASE, &real).contains("_wechat"));
        let real_pay = Config { pay_api_base: elsewhere(), ..Config::default() };
        let commands = commands(BASE, &real_pay);
        assert!(commands.contains("/_wechat/wx/login") && !commands.contains("requestPayment -d"));
    }
}
