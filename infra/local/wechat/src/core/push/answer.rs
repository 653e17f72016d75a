//! The back end's answer to a push.

use serde_json::{Map, Value};

use super::{PushFormat, xml};
use crate::core::notices::{ACKNOWLEDGED, NOT_ACKNOWLEDGED};

/// Checks the answer in clear. With HTTP 200, `success`, an empty body and a hand-over to the agents end the redelivery.
pub(super) fn check_acknowledgement(status: u16, answer: &str) -> Result<&'static str, String> {
    if status != 200 {
        return Err(format!("{NOT_ACKNOWLEDGED}: HTTP {status}"));
    }
    if answer == SUCCESS {
        return Ok(ACKNOWLEDGED);
    }
    if answer.is_empty() {
        return Ok(ACKNOWLEDGED_BY_EMPTY_BODY);
    }
    let format = if answer.starts_with('<') { PushFormat::Xml } else { PushFormat::Json };
    let fields = parse(format, answer).map_err(|why| format!("{NOT_ACKNOWLEDGED}: {why}"))?;
    let is_text =
        |name| fields.get(name).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    match fields.get("MsgType").and_then(Value::as_str) {
        Some("transfer_customer_service") if is_text("ToUserName") && is_text("FromUserName") => {
            Ok(HANDED_OVER)
        }
        Some("transfer_customer_service") => {
            Err(format!("{NOT_ACKNOWLEDGED}: the hand-over lacks ToUserName or FromUserName"))
        }
        _ => Err(format!(
            "{NOT_ACKNOWLEDGED}: neither success, nor empty, nor a hand-over to customer service"
        )),
    }
}

/// Reads an answer that is a message.
pub(super) fn parse(format: PushFormat, answer: &str) -> Result<Map<String, Value>, String> {
    match format {
        PushFormat::Xml => xml::parse(answer),
        PushFormat::Json => serde_json::from_str(answer).map_err(|error| format!("no JSON object: {error}")),
    }
}

/// The answer that says that a push arrived.
pub(super) const SUCCESS: &str = "success";

/// The outcome of a push that was answered with an empty body.
const ACKNOWLEDGED_BY_EMPTY_BODY: &str = "acknowledged by an empty body";

/// The outcome of a customer message that WeChat's agents take over.
const HANDED_OVER: &str = "handed over to customer service";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_an_empty_body_and_a_hand_over_acknowledge() {
        assert_eq!(check_acknowledgement(200, "success"), Ok(ACKNOWLEDGED));
        assert_eq!(check_acknowledgement(200, ""), Ok(ACKNOWLEDGED_BY_EMPTY_BODY));
        for answer in [
            "<xml><ToUserName><![CDATA[o1]]></ToUserName><FromUserName>gh_1</FromUserName><CreateTime>1</CreateTime>\
             <MsgType><![CDATA[transfer_customer_service]]></MsgType></xml>",
            r#"{"ToUserName":"o1","FromUserName":"gh_1","CreateTime":1,"MsgType":"transfer_customer_service"}"#,
        ] {
            assert_eq!(check_acknowledgement(200, answer), Ok(HANDED_OVER));
        }
    }

    #[test]
    fn any_other_answer_is_sent_again() {
        for (status, answer) in [
            (204, ""),
            (302, "success"),
            (403, ""),
            (500, "success"),
            (200, "SUCCESS"),
            (200, "\"success\""),
            (200, "{\"MsgType\":\"text\"}"),
            (200, "{\"MsgType\":\"transfer_customer_service\"}"),
            (200, "<xml><MsgType>text</MsgType></xml>"),
            (200, "<html>"),
        ] {
            assert!(check_acknowledgement(status, answer).is_err(), "{status} {answer}");
        }
    }
}
