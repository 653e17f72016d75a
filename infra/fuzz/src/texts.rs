//! Values that are parsed at the edge, and WeChat's JSON.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Display},
};

use serde_json::Value;
use shared::{
    crypto::RsaPublicKey,
    types::{
        AppId, BoardId, CardCode, CardId, ComplaintId, Day, EncodingAesKey, Fen, GroupId, MchId, MediaId,
        ObjectKey, OpenId, OperatorArn, OrderId, OutRefundNo, OutTradeNo, PagePath, PhoneNumber, PrepayId,
        ProductId, Rate, SessionKey, ShareKind, ShareType, TemplateId, TraceId, TransactionId, UnionId,
        UnixSeconds, UploadKind, UserId, Yuan, masked_contact,
    },
    wechat::{
        MediaKind, PageUrl, SoterResult, loose_json, media, parse_host,
        subscribe::{Data, Lang, Page, State},
    },
};

use crate::reader::Reader;

/// Any text, as each of the values that are read from requests and from WeChat's messages.
pub(crate) fn parse() -> Reader {
    Box::new(|input| {
        let _ = media::is_picture(input);
        let Ok(text) = std::str::from_utf8(input) else { return };
        ids(text);
        amounts_and_times(text);
        let _ = (UploadKind::parse(text), MediaKind::parse(text), UploadKind::Image.media_type(text));
        let _ =
            (ObjectKey::parse(text), PagePath::parse(text), ShareKind::parse(text), ShareType::parse(text));
        let _ = (PageUrl::parse(text), parse_host(text), masked_contact(text));
        let _ = (Page::parse(text), State::parse(text), Lang::parse(text));
        let _ = (SoterResult::parse(text), SessionKey::parse(text), EncodingAesKey::parse(text));
        let _ = RsaPublicKey::from_pem(text);
    })
}

fn ids(text: &str) {
    is_shown_as_read(text, OrderId::parse(text));
    is_shown_as_read(text, OutTradeNo::parse(text));
    is_shown_as_read(text, OutRefundNo::parse(text));
    // In a path a number may be written in two forms; what it is shown as is one of them.
    is_read_again(OutRefundNo::parse_path(text), OutRefundNo::parse_path);
    is_shown_as_read(text, TransactionId::parse(text));
    let _ = (AppId::parse(text), MchId::parse(text), OpenId::parse(text), UnionId::parse(text));
    let _ =
        (UserId::parse(text), GroupId::parse(text), GroupId::of_group(text), GroupId::of_single_chat(text));
    let _ = (ProductId::parse(text), BoardId::parse(text), ComplaintId::parse(text), PrepayId::parse(text));
    let _ = (CardId::parse(text), CardCode::parse(text), MediaId::parse(text), TemplateId::parse(text));
    let _ = (TraceId::parse(text), PhoneNumber::parse(text), OperatorArn::parse(text));
}

fn amounts_and_times(text: &str) {
    is_read_again(Day::parse(text), Day::parse);
    is_read_again(Yuan::parse(text), Yuan::parse);
    let _ = (Rate::parse(text), Fen::parse(text));
    let _ = (UnixSeconds::from_pay_v2(text), UnixSeconds::from_beijing(text));
    if let Ok(time) = UnixSeconds::from_rfc3339(text) {
        assert_eq!(UnixSeconds::from_rfc3339(&time.to_rfc3339()).ok(), Some(time), "{text}");
    }
}

/// A value that was read is shown as it was written.
fn is_shown_as_read<T: Display, E>(text: &str, value: Result<T, E>) {
    if let Ok(value) = value {
        assert_eq!(value.to_string(), text);
    }
}

/// A value that was read is read again from how it is shown.
fn is_read_again<T: Display + PartialEq + Debug, E>(
    value: Result<T, E>,
    parse: impl Fn(&str) -> Result<T, E>,
) {
    if let Ok(value) = value {
        assert_eq!(parse(&value.to_string()).ok(), Some(value));
    }
}

/// Any bytes as the loose JSON of the open platform, and as the values of a subscribe message. What was read is read again, whole numbers and
/// texts as the same.
pub(crate) fn json() -> Reader {
    Box::new(|input| {
        if let Some(object) = loose_json::read_object(input) {
            let _ = object.values().map(loose_json::whole_number).collect::<Vec<_>>();
            let written = serde_json::to_vec(&object).expect("JSON");
            let again = loose_json::read_object(&written).map(|object| without_floats(object.into()));
            assert_eq!(again, Some(without_floats(object.into())));
        }
        if let Ok(values) = serde_json::from_slice::<BTreeMap<String, String>>(input) {
            let is_valid = Data::parse(values.clone()).is_ok();
            assert!(!is_valid || Data::fitted(values).is_ok(), "what is valid needs no cutting");
        }
    })
}

/// The value with zero for each fraction and each number of more than 64 bits: what was written of one may be read as its neighbour.
fn without_floats(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_floats).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, without_floats(value))).collect()
        }
        Value::Number(number) if number.is_f64() => 0.into(),
        other => other,
    }
}
