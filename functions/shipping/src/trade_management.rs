//! `GET /api/admin/trade-management`: whether WeChat manages the trade of the mini program, and what is left to set up.
//! `PUT /api/admin/trade-management/message-path`: where WeChat's order messages lead.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    service::PlatformError,
    wechat::shipping::TradeManagement,
};

use crate::ShippingFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManagementAnswer {
    is_trade_managed: bool,
    is_confirmation_completed: bool,
    shipping_information: &'static str,
    /// What an operator is to do, in English. Empty when all is right.
    to_do: Vec<&'static str>,
}

#[derive(Deserialize)]
struct PathBody {
    path: Option<String>,
}

#[derive(Serialize)]
struct PathAnswer {
    path: String,
}

impl ShippingFunction {
    pub(crate) async fn show_trade_management(&self) -> Result<Response<Body>, ApiError> {
        let wechat = self.wechat.trade_management(&self.app_id).await.map_err(PlatformError::for_operator)?;
        Ok(response::success(&ManagementAnswer {
            is_trade_managed: wechat.is_managed,
            is_confirmation_completed: wechat.is_confirmed,
            shipping_information: if self.is_managed { "on" } else { "off" },
            to_do: to_do(wechat, self.is_managed),
        }))
    }

    pub(crate) async fn set_message_path(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let body: PathBody = request::json(request)?;
        let path = parse_path(request::required("path", body.path)?)?;
        self.wechat.set_message_path(&path).await.map_err(PlatformError::for_operator)?;
        Ok(response::success(&PathAnswer { path }))
    }
}

/// What is left to set up. `is_on` is the stack's own setting.
fn to_do(wechat: TradeManagement, is_on: bool) -> Vec<&'static str> {
    let mut to_do = Vec::new();
    if wechat.is_managed && !wechat.is_confirmed {
        to_do
            .push("mp.weixin.qq.com → 订单与发货: confirm the management of trade (发货信息管理服务) there.");
    }
    match (wechat.is_managed, is_on) {
        (true, false) => to_do.push(
            "Deploy with ShippingInformation=on. WeChat keeps the money of every order until it is told what was shipped.",
        ),
        (false, true) => to_do.push(
            "Deploy with ShippingInformation=off. WeChat does not manage the trade, and takes no shipping information.",
        ),
        (true, true) | (false, false) => {}
    }
    to_do
}

fn parse_path(path: String) -> Result<String, ApiError> {
    let is_path = (1..=MAX_PATH).contains(&path.len())
        && !path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path {
        Ok(path)
    } else {
        Err(ApiError::invalid("path", "须为小程序页面路径，不以 / 开头"))
    }
}

/// Bytes.
const MAX_PATH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_left_to_do_follow_from_wechat_and_the_setting() {
        let of = |is_managed, is_confirmed, is_on| {
            to_do(TradeManagement { is_managed, is_confirmed }, is_on).len()
        };
        assert_eq!((of(true, true, true), of(false, false, false)), (0, 0));
        assert_eq!((of(true, false, true), of(true, true, false), of(false, true, true)), (1, 1, 1));
        assert_eq!(of(true, false, false), 2);
    }

    #[test]
    fn a_page_s_path_begins_without_a_slash() {
        assert!(parse_path("pages/order/order?from=wechat".to_owned()).is_ok());
        for path in ["", "/pages/order", "pages/order order", "页"] {
            assert!(parse_path(path.to_owned()).is_err(), "{path}");
        }
    }
}
