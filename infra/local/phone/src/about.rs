//! Which orders, payments, refunds and people an event is about.

use std::{collections::BTreeSet, sync::LazyLock};

use regex_lite::Regex;

/// The ids in the JSON text of an event: order ids, `out_trade_no`, `out_refund_no`, `transaction_id`, openids, user ids.
///
/// Most have a form by which they are found wherever they stand, such as in a path, in XML or in a key of DynamoDB. The others are
/// found behind their name.
pub(crate) fn ids(text: &str) -> BTreeSet<&str> {
    let mut ids = BTreeSet::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')) {
        match word.len() {
            ORDER_ID if is_order_id(word) => drop(ids.insert(word)),
            OUT_TRADE_NO if let Some(order_id) = order_of(word) => {
                ids.insert(word);
                // The number contains the order's id, so that both are found by either.
                ids.insert(order_id);
            }
            OPENID if word.starts_with('o') || is_transaction_id(word) => drop(ids.insert(word)),
            _ => {}
        }
    }
    // The pattern takes longer than all else here, and most texts are about no refund.
    let refund = REFUND.as_ref().filter(|_| text.contains("efund"));
    for pattern in refund.into_iter().chain(&*USER) {
        let found = pattern.captures_iter(text).filter_map(|found| found.get(1));
        ids.extend(found.map(|id| id.as_str()));
    }
    ids
}

/// Whether the word is a ULID in its canonical form. Its first digit is 0 for some centuries, and that of WeChat's numbers is not.
fn is_order_id(word: &str) -> bool {
    word.starts_with('0')
        && word.bytes().all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)))
}

/// The order of a number of an attempt to pay: the order's id and two digits.
fn order_of(word: &str) -> Option<&str> {
    let (order_id, attempt) = word.split_at_checked(ORDER_ID)?;
    (is_order_id(order_id) && attempt.bytes().all(|b| b.is_ascii_digit())).then_some(order_id)
}

fn is_transaction_id(word: &str) -> bool {
    word.starts_with("4200") && word.bytes().all(|b| b.is_ascii_digit())
}

const ORDER_ID: usize = 26;
const OUT_TRADE_NO: usize = 28;
/// The number of characters of an openid, and of WeChat Pay's number of a payment.
const OPENID: usize = 28;

/// A refund's number behind its name: in JSON, in an attribute of DynamoDB, in XML, in a path.
static REFUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let before = r#"(?:out_?[Rr]efund_?[Nn]o\\*"\s*:\s*(?:\{\\*"S\\*"\s*:\s*)?\\*"|<out_refund_no(?:_0)?>(?:<!\[CDATA\[)?|/refunds/)"#;
    Regex::new(&format!("{before}([A-Za-z0-9_|*@.-]{{1,64}})")).ok()
});
/// A user's id behind its name, as an attribute of DynamoDB, or in a path.
static USER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:user_?[Ii]d\\*"\s*:\s*\\*"|"S":"|/users/)([0-9a-f]{32})\b"#).ok());

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "01KB4Q2Z7M3N5P8R9S0T1V2W3X";

    fn found(text: &str) -> Vec<&str> {
        ids(text).into_iter().collect()
    }

    #[test]
    fn an_order_is_found_in_a_path_in_xml_and_in_a_key() {
        assert_eq!(found(&format!(r#"{{"path":"/api/orders/{ORDER}/cancel"}}"#)), [ORDER]);
        let attempt = format!("{ORDER}01");
        let xml = format!("<out_trade_no><![CDATA[{attempt}]]></out_trade_no>");
        assert_eq!(found(&xml), [ORDER, attempt.as_str()]);
        assert_eq!(found(&format!(r#"{{"Key":{{"pk":{{"S":"ORDER#{ORDER}"}}}}}}"#)), [ORDER]);
    }

    #[test]
    fn payments_refunds_and_people_are_found() {
        let text = r#"{"transaction_id":"4200123456202611271234567890","openid":"o1234567890-abcdefghijk_lmno",
            "userId":"0123456789abcdef0123456789abcdef","outRefundNo":"r-1|x","nonceStr":"ffffffffffffffffffffffffffffffff",
            "a":"{\"out_refund_no\":\"r2\"}","Item":{"out_refund_no":{"S":"r3"}},"path":"/api/admin/refunds/r4"}"#;
        assert_eq!(
            found(text),
            [
                "0123456789abcdef0123456789abcdef",
                "4200123456202611271234567890",
                "o1234567890-abcdefghijk_lmno",
                "r-1|x",
                "r2",
                "r3",
                "r4"
            ]
        );
    }

    #[test]
    fn other_words_are_no_ids() {
        assert_eq!(found("/api/orders SWEEP-EVERY-MINUTE-OF-DAYS 20261127 order_status"), Vec::<&str>::new());
    }
}
