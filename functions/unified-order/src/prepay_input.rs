//! What the phone asks for, and what the order makes of it.

use serde::Deserialize;
use shared::{
    error::{ApiError, Code},
    http::extract,
    runtime::Request,
    store::{Line, Order, PrepayTerms},
    types::{OrderId, OutTradeNo, UnixSeconds},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrepayBody {
    out_trade_no: Option<String>,
    total_fee: Option<u64>,
    body: Option<String>,
}

/// A request to pay.
pub(crate) struct Ask {
    /// The order. The phone names an attempt; the order decides which one is under way.
    pub(crate) order_id: OrderId,
    /// What the phone believes that it costs, in fen.
    pub(crate) total_fee: Option<u64>,
    /// Where WeChat Pay sends the notice.
    pub(crate) notify_url: String,
    description: Option<String>,
    client_ip: String,
}

impl Ask {
    /// Reads the request; `base` is where the outside reaches us, if that is not how this request did.
    pub(crate) fn parse(request: &Request, base: Option<&str>) -> Result<Self, ApiError> {
        let body: PrepayBody = extract::json(request)?;
        let number = extract::required("outTradeNo", body.out_trade_no)?;
        let description = body.body.as_deref().map(describe);
        if description.as_ref().is_some_and(String::is_empty) {
            return Err(ApiError::invalid("body", "不能为空"));
        }
        let base = match (base, extract::domain_name(request)) {
            (Some(base), _) => base.to_owned(),
            (None, Some(domain)) => format!("https://{domain}"),
            (None, None) => return Err(ApiError::new(Code::Internal).because("the event names no domain")),
        };
        let client_ip = extract::source_ip(request);
        Ok(Self {
            // A number that is none of ours is as unknown as one that is somebody else's.
            order_id: OutTradeNo::parse(&number).map_err(|_| Code::NotFound)?.order_id(),
            total_fee: body.total_fee,
            notify_url: format!("{base}/api/pay/notify"),
            description,
            client_ip: client_ip
                .ok_or_else(|| ApiError::new(Code::Internal).because("the event has no address"))?
                .to_owned(),
        })
    }

    /// Whether the order's attempt was asked for what this asks for. From where it is asked makes no difference.
    pub(crate) fn agrees_with(&self, order: &Order) -> bool {
        match (&self.description, &order.terms) {
            (Some(description), Some(terms)) => *description == terms.description,
            _ => true,
        }
    }

    /// What to ask WeChat Pay for `now`: the same as before, if it was asked.
    pub(crate) fn terms(&self, order: &Order, now: UnixSeconds) -> PrepayTerms {
        order.terms.clone().unwrap_or_else(|| PrepayTerms {
            description: self.description.clone().unwrap_or_else(|| describe_items(&order.items)),
            client_ip: self.client_ip.clone(),
            time_expire: order.later_time_expire(now),
        })
    }
}

fn describe_items(items: &[Line]) -> String {
    let names: Vec<_> = items.iter().map(|line| format!("{}×{}", line.name, line.quantity)).collect();
    describe(&names.join("，"))
}

/// What the user reads on the bill: one line that XML can hold, at most 127 bytes, cut on the border of a character.
fn describe(text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    let clean = clean.trim();
    clean[..clean.floor_char_boundary(MAX_BYTES)].trim_end().to_owned()
}

fn is_plain(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}')
}

const MAX_BYTES: usize = 127;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_description_is_cut_before_the_character_that_does_not_fit() {
        assert_eq!(describe(&"水".repeat(50)), "水".repeat(42));
        assert_eq!(describe(&format!("{}😀", "a".repeat(124))), "a".repeat(124));
        assert_eq!(describe(&format!("{}😀", "a".repeat(123))), format!("{}😀", "a".repeat(123)));
        assert_eq!(describe("  a\nb\u{0}  "), "a b");
    }

    proptest! {
        #[test]
        fn any_description_fits(text in ".{0,300}") {
            let description = describe(&text);
            prop_assert!(description.len() <= MAX_BYTES);
            prop_assert!(description.chars().all(is_plain));
            prop_assert_eq!(describe(&description), description.clone());
        }
    }
}
