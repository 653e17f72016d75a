//! The input of the request, and the terms of 统一下单 that follow from it and the order.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    runtime::Request,
    store::{Order, OrderLine, PrepayTerms},
    types::{OrderId, OutTradeNo, UnixSeconds},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrepayBody {
    out_trade_no: Option<String>,
    total_fee: Option<u64>,
    body: Option<String>,
}

/// A request to pay an order.
pub(crate) struct PrepayInput {
    /// The order to pay. The phone names an `out_trade_no`; the order may be at a later one by now.
    pub(crate) order_id: OrderId,
    /// The price in fen that the phone shows to the user.
    pub(crate) total_fee: Option<u64>,
    /// The URL to which WeChat Pay sends the notice of payment.
    pub(crate) notify_url: String,
    description: Option<String>,
    client_ip: String,
    offers_invoice: bool,
}

/// What the settings say of every prepayment.
pub(crate) struct PrepaySettings {
    /// `PUBLIC_BASE_URL`; without it, the notice goes to the domain of the request.
    pub(crate) public_base_url: Option<String>,
    /// `INVOICE_ENTRY`: whether WeChat's page of a payment offers an invoice.
    pub(crate) offers_invoice: bool,
}

impl PrepayInput {
    /// Reads the request.
    ///
    /// # Errors
    /// `INVALID_INPUT` names the field; `NOT_FOUND` if `outTradeNo` is not a number of this shop.
    pub(crate) fn parse(request: &Request, settings: &PrepaySettings) -> Result<Self, ApiError> {
        let body: PrepayBody = request::json(request)?;
        let number = request::required("outTradeNo", body.out_trade_no)?;
        let description = body.body.as_deref().map(describe);
        if description.as_ref().is_some_and(String::is_empty) {
            return Err(ApiError::invalid("body", "不能为空"));
        }
        let base_url = match (&settings.public_base_url, request::domain_name(request)) {
            (Some(base_url), _) => base_url.clone(),
            (None, Some(domain)) => format!("https://{domain}"),
            (None, None) => return Err(ApiError::new(Code::Internal).with_cause("the event names no domain")),
        };
        let client_ip = request::source_ip(request);
        Ok(Self {
            // A malformed number is answered like an unknown one and like another user's.
            order_id: OutTradeNo::parse(&number).map_err(|_| Code::NotFound)?.order_id(),
            total_fee: body.total_fee,
            notify_url: format!("{base_url}/api/pay/notify"),
            description,
            offers_invoice: settings.offers_invoice,
            client_ip: client_ip
                .ok_or_else(|| ApiError::new(Code::Internal).with_cause("the event has no address"))?
                .to_owned(),
        })
    }

    /// Whether the order's current attempt has the description that this request has. The client's address does not matter.
    pub(crate) fn has_same_description(&self, order: &Order) -> bool {
        match (&self.description, &order.terms) {
            (Some(description), Some(terms)) => *description == terms.description,
            _ => true,
        }
    }

    /// The terms to send to WeChat Pay at the time `now`: the stored ones, if this attempt has been sent before.
    pub(crate) fn terms(&self, order: &Order, now: UnixSeconds) -> PrepayTerms {
        order.terms.clone().unwrap_or_else(|| PrepayTerms {
            description: self.description.clone().unwrap_or_else(|| describe_items(&order.items)),
            client_ip: self.client_ip.clone(),
            time_expire: order.later_time_expire(now),
            offers_invoice: self.offers_invoice,
        })
    }
}

fn describe_items(items: &[OrderLine]) -> String {
    let names: Vec<_> = items.iter().map(|line| format!("{}×{}", line.name, line.quantity)).collect();
    describe(&names.join("，"))
}

/// The description that the user reads on WeChat's bill: one line that XML can hold, at most `MAX_DESCRIPTION_BYTES` bytes, cut
/// between two characters.
fn describe(text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    let clean = clean.trim();
    clean[..clean.floor_char_boundary(MAX_DESCRIPTION_BYTES)].trim_end().to_owned()
}

fn is_plain(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}')
}

const MAX_DESCRIPTION_BYTES: usize = 127;

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
        fn any_description_fits_and_is_plain(text in ".{0,300}") {
            let description = describe(&text);
            prop_assert!(description.len() <= MAX_DESCRIPTION_BYTES);
            prop_assert!(description.chars().all(is_plain));
            prop_assert_eq!(describe(&description), description.clone());
        }
    }
}
