//! Checking whether a text may be shown: WeChat's 文本内容安全识别, version 2.
//!
//! With version 2 a text that must not be shown is answered with errcode 0: the verdict stands in `result.suggest`. A text passes only
//! if WeChat says `pass` in so many words; an answer without a readable verdict means [`Suggestion::Review`].
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/msgSecCheck.html>

use serde_json::{Map, Value, json};

use crate::types::OpenId;

/// Where the text is to be shown. WeChat judges by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckScene {
    /// A profile: a name, a signature.
    Profile,
    /// A comment.
    Comment,
    /// A forum.
    Forum,
    /// A social log.
    SocialLog,
}

impl CheckScene {
    /// The scene with WeChat's number, 1 to 4; `None` for any other.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Profile),
            2 => Some(Self::Comment),
            3 => Some(Self::Forum),
            4 => Some(Self::SocialLog),
            _ => None,
        }
    }

    /// WeChat's number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Profile => 1,
            Self::Comment => 2,
            Self::Forum => 3,
            Self::SocialLog => 4,
        }
    }
}

/// A text to be checked.
#[derive(Debug)]
pub struct TextCheck<'a> {
    /// Who wrote the text. WeChat checks only texts of users who have opened the mini program within the last two hours.
    pub openid: &'a OpenId,
    /// Where it is to be shown.
    pub scene: CheckScene,
    /// The text, 2500 characters at most.
    pub content: &'a str,
    /// The text's title.
    pub title: Option<&'a str>,
    /// The user's name.
    pub nickname: Option<&'a str>,
    /// The user's signature. WeChat takes it with [`CheckScene::Profile`] only.
    pub signature: Option<&'a str>,
}

impl TextCheck<'_> {
    /// The API.
    pub const PATH: &'static str = "/wxa/msg_sec_check";

    /// As WeChat reads it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let texts = [("title", self.title), ("nickname", self.nickname), ("signature", self.signature)];
        let fields = [
            ("version", json!(2)),
            ("openid", json!(self.openid.as_str())),
            ("scene", json!(self.scene.number())),
            ("content", json!(self.content)),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, json!(text?))));
        fields.into_iter().chain(texts).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// What WeChat suggests to do with content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggestion {
    /// Show it.
    Pass,
    /// Let a person look first. Also for content that was not checked.
    Review,
    /// Don't show it.
    Risky,
}

impl Suggestion {
    /// In WeChat's words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Review => "review",
            Self::Risky => "risky",
        }
    }
}

/// WeChat's verdict on content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What to do with the content.
    pub suggestion: Suggestion,
    /// Why: 100 normal, 10001 advertising, 20001 politics, 20002 pornography, 20003 abuse, 20006 crime, 20008 fraud, 20012 vulgar,
    /// 20013 copyright, 21000 other. `None` if WeChat gave no verdict.
    pub label: Option<i64>,
}

impl Verdict {
    /// For content that WeChat did not check.
    pub const UNCHECKED: Self = Self { suggestion: Suggestion::Review, label: None };

    /// Reads the verdict of an answer or of a pushed event of version 2.
    ///
    /// `pass` counts only if at least one of the strategies in `detail` has run (`errcode` 0), where there is such a list.
    #[must_use]
    pub fn read(answer: &Map<String, Value>) -> Self {
        let Some(result) = answer.get("result") else { return Self::UNCHECKED };
        let label = result.get("label").and_then(number);
        let suggestion = match result.get("suggest").and_then(Value::as_str) {
            Some("pass") if was_checked(answer.get("detail")) => Suggestion::Pass,
            Some("risky") => Suggestion::Risky,
            Some("review") => Suggestion::Review,
            _ => return Self::UNCHECKED,
        };
        Self { suggestion, label }
    }
}

/// Whether a strategy of the list has run (`errcode` 0). One strategy may stand there without a list. Without strategies nothing
/// contradicts the result.
fn was_checked(detail: Option<&Value>) -> bool {
    let has_run = |strategy: &Value| strategy.get("errcode").and_then(number) == Some(0);
    match detail {
        Some(Value::Array(strategies)) => strategies.is_empty() || strategies.iter().any(has_run),
        Some(strategy @ Value::Object(_)) => has_run(strategy),
        _ => true,
    }
}

/// A whole number, which WeChat writes as a number or as a text.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(answer: Value) -> Verdict {
        Verdict::read(answer.as_object().expect("an object"))
    }

    #[test]
    fn a_verdict_is_read_with_numbers_as_texts_too() {
        for label in [json!(20001), json!("20001")] {
            let answer =
                json!({ "errcode": 0, "result": { "suggest": "risky", "label": label }, "detail": [] });
            assert_eq!(verdict(answer), Verdict { suggestion: Suggestion::Risky, label: Some(20001) });
        }
        let passed = json!({ "result": { "suggest": "pass", "label": "100" },
            "detail": [{ "strategy": "content_model", "errcode": "0", "suggest": "pass" }] });
        assert_eq!(verdict(passed), Verdict { suggestion: Suggestion::Pass, label: Some(100) });
    }

    #[test]
    fn a_pass_of_strategies_that_all_failed_is_no_pass() {
        let failed = json!({ "strategy": "keyword", "errcode": -1008, "suggest": "pass" });
        let result = json!({ "suggest": "pass", "label": 100 });
        assert_eq!(verdict(json!({ "result": result, "detail": [failed] })), Verdict::UNCHECKED);
        assert_eq!(verdict(json!({ "result": result, "detail": failed })), Verdict::UNCHECKED);
        let one_ran = json!([failed, { "strategy": "content_model", "errcode": 0, "suggest": "pass" }]);
        assert_eq!(verdict(json!({ "result": result, "detail": one_ran })).suggestion, Suggestion::Pass);
    }

    #[test]
    fn an_answer_without_a_known_verdict_is_unchecked() {
        for answer in [
            json!({}),
            json!({ "errcode": 0, "errmsg": "ok" }),
            json!({ "result": null }),
            json!({ "result": { "label": 100 } }),
            json!({ "result": { "suggest": "PASS", "label": 100 } }),
            json!({ "result": { "suggest": true, "label": 100 } }),
            json!({ "result": "pass" }),
        ] {
            assert_eq!(verdict(answer.clone()), Verdict::UNCHECKED, "{answer}");
        }
    }

    #[test]
    fn the_body_has_the_version_and_only_what_is_given() {
        let openid = OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").expect("an openid");
        let check = TextCheck {
            openid: &openid,
            scene: CheckScene::Comment,
            content: "你好",
            title: None,
            nickname: Some("小明"),
            signature: None,
        };
        let expected = json!({ "version": 2, "openid": openid.as_str(), "scene": 2, "content": "你好", "nickname": "小明" });
        assert_eq!(check.to_json(), expected);
    }

    proptest! {
        #[test]
        fn only_the_word_pass_passes(word in "[a-zA-Z]{0,8}", label: i64) {
            let passed = verdict(json!({ "result": { "suggest": word, "label": label } })).suggestion == Suggestion::Pass;
            prop_assert_eq!(passed, word == "pass");
        }
    }
}
