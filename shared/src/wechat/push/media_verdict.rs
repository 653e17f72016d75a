//! The pushed verdict on a picture or a sound: `wxa_media_check`.
//!
//! WeChat: 音视频内容安全识别. A file that WeChat could not download or read has an `errcode` (-1008) and no `result`; the first version of the
//! API says the same with `status_code`. A picture passes only if WeChat says `pass` in so many words. The first version never says that, and
//! the calls are of the second, so its verdict is for review at best.

use serde_json::{Map, Value};

use super::{
    fields::{integer, text},
    message::PushedMessage,
};
use crate::{
    types::TraceId,
    wechat::{Suggestion, Verdict},
};

/// What WeChat says of a picture or a sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaVerdict {
    /// The number that the call was answered with.
    pub trace_id: TraceId,
    /// What came of the check.
    pub kind: MediaVerdictKind,
}

/// What can come of a check of a picture or a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaVerdictKind {
    /// WeChat has judged it.
    Judged(Verdict),
    /// WeChat could not download or read it, for the reason with this number.
    NotRead(i64),
}

impl PushedMessage {
    /// The verdict that the message carries; `None` if it names no check.
    #[must_use]
    pub fn media_verdict(&self) -> Option<MediaVerdict> {
        let body = self.body();
        let trace_id = TraceId::parse(&text(body, "trace_id")?).ok()?;
        Some(MediaVerdict { trace_id, kind: read(body.as_object()?, body) })
    }
}

fn read(members: &Map<String, Value>, body: &Value) -> MediaVerdictKind {
    let failure = ["errcode", "status_code"].into_iter().filter_map(|name| integer(body, name));
    if let Some(code) = failure.map(signed).find(|code| *code != 0) {
        return MediaVerdictKind::NotRead(code);
    }
    if body.get("version").is_none() && integer(body, "isrisky") == Some(1) {
        return MediaVerdictKind::Judged(Verdict { suggestion: Suggestion::Risky, label: None });
    }
    MediaVerdictKind::Judged(Verdict::read(members))
}

/// The first version writes numbers below zero as 32 bits without a sign: 4294966288 is -1008.
fn signed(code: i64) -> i64 {
    u32::try_from(code).map_or(code, |bits| i64::from(bits.cast_signed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::types::UnixSeconds;

    fn verdict(more: Value) -> Option<MediaVerdict> {
        let mut body = json!({ "MsgType": "event", "Event": "wxa_media_check", "FromUserName": "o1" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let Value::Object(members) = body else { panic!("not an object") };
        PushedMessage::new(members, true, UnixSeconds::new(7)).unwrap().media_verdict()
    }

    fn kind(more: Value) -> MediaVerdictKind {
        let mut body = json!({ "trace_id": "60f96f1d-3845297a-1976a3ce" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        verdict(body).unwrap().kind
    }

    fn judged(suggestion: Suggestion, label: Option<i64>) -> MediaVerdictKind {
        MediaVerdictKind::Judged(Verdict { suggestion, label })
    }

    #[test]
    fn a_verdict_is_read_with_and_without_errcode_in_json_and_xml() {
        let detail = json!([{ "strategy": "content_model", "errcode": 0, "suggest": "pass", "label": 100, "prob": 90 }]);
        let passed = json!({ "version": 2, "detail": detail, "result": { "suggest": "pass", "label": 100 }, "errcode": 0, "errmsg": "ok" });
        assert_eq!(kind(passed), judged(Suggestion::Pass, Some(100)));
        let risky = json!({ "version": 2, "detail": [], "result": { "suggest": "risky", "label": "20002" } });
        assert_eq!(kind(risky), judged(Suggestion::Risky, Some(20002)));
        let xml = json!({ "version": "2", "detail": { "errcode": "0", "suggest": "pass" },
                          "result": { "suggest": "pass", "label": "100" }, "errcode": "0" });
        assert_eq!(kind(xml), judged(Suggestion::Pass, Some(100)));
        assert_eq!(kind(json!({ "version": 2 })), MediaVerdictKind::Judged(Verdict::UNCHECKED));
    }

    #[test]
    fn a_file_that_was_not_downloaded_is_not_judged_in_either_version() {
        let second = json!({ "version": 2, "detail": [], "errcode": -1008, "errmsg": "下载错误，请检查媒体链接是否有效" });
        assert_eq!(kind(second), MediaVerdictKind::NotRead(-1008));
        let xml = json!({ "version": "2", "detail": "", "errcode": "-1008" });
        assert_eq!(kind(xml), MediaVerdictKind::NotRead(-1008));
        for (code, number) in [(4_294_966_288_u64, -1008), (4_294_966_287, -1009)] {
            let first = json!({ "isrisky": 0, "extra_info_json": "", "status_code": code, "detail": [] });
            assert_eq!(kind(first), MediaVerdictKind::NotRead(number));
        }
    }

    #[test]
    fn the_first_version_finds_risks_and_passes_nothing() {
        let first = |isrisky| json!({ "isrisky": isrisky, "status_code": 0, "detail": [] });
        assert_eq!(kind(first(json!(1))), judged(Suggestion::Risky, None));
        assert_eq!(kind(first(json!("0"))), MediaVerdictKind::Judged(Verdict::UNCHECKED));
    }

    #[test]
    fn a_push_that_names_no_check_has_no_verdict() {
        for trace_id in [json!(""), json!(null), json!("a b"), json!("x".repeat(129))] {
            assert_eq!(verdict(json!({ "trace_id": trace_id, "result": { "suggest": "pass" } })), None);
        }
    }

    proptest! {
        #[test]
        fn only_the_word_pass_passes(word in "[a-zA-Z]{0,8}", errcode in -3_i64..3, isrisky in 0..2) {
            let passed = kind(json!({ "errcode": errcode, "isrisky": isrisky, "version": 2, "result": { "suggest": word } }));
            let is_pass = matches!(passed, MediaVerdictKind::Judged(Verdict { suggestion: Suggestion::Pass, .. }));
            prop_assert_eq!(is_pass, word == "pass" && errcode == 0);
        }
    }
}
