//! A subscribe message, checked before it is sent as far as WeChat's rules are known.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::keyword::Kind;
use crate::types::{OpenId, TemplateId};

/// A message to one user.
#[derive(Debug, Clone)]
pub struct Message {
    /// The user who gets the message.
    pub openid: OpenId,
    /// The template.
    pub template_id: TemplateId,
    /// The values of the template's keywords.
    pub data: Data,
    /// The page that a tap on the message opens. Without a page the message can't be tapped.
    pub page: Option<Page>,
    /// The version of the mini program that a tap opens.
    pub state: State,
    /// The language of the words that WeChat adds.
    pub lang: Lang,
}

impl Message {
    /// The body of `subscribeMessage.send`.
    pub(crate) fn to_json(&self) -> Value {
        let Self { openid, template_id, data, page, state, lang } = self;
        let data: BTreeMap<_, _> =
            data.0.iter().map(|(key, value)| (key, json!({ "value": value }))).collect();
        let mut body = json!({
            "touser": openid,
            "template_id": template_id,
            "miniprogram_state": state,
            "lang": lang,
            "data": data,
        });
        if let (Some(Page(page)), Some(body)) = (page, body.as_object_mut()) {
            body.insert("page".to_owned(), page.as_str().into());
        }
        body
    }
}

/// The values of a template's keywords. Each is valid for its keyword's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data(BTreeMap<String, String>);

/// Why values are not valid. No error quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A template has one to five keywords.
    #[error("there are no keywords, or too many")]
    Count,
    /// A keyword is a kind and a number, such as `thing1`.
    #[error("a key is no keyword")]
    Key,
    /// The value is not valid for its keyword's kind.
    #[error("a value is not as its kind of keyword wants it")]
    Value {
        /// The keyword.
        key: String,
        /// The rule of the kind, in Chinese.
        rule: &'static str,
    },
}

impl Data {
    /// Like [`Data::parse`], but cuts texts that are too long and removes characters that a keyword's kind does not allow.
    ///
    /// # Errors
    /// [`DataError`]: cutting was not enough. WeChat would refuse the message, so don't send it.
    pub fn fitted(values: BTreeMap<String, String>) -> Result<Self, DataError> {
        let values = values.into_iter().map(|(key, value)| {
            let cut = kind(&key).map(|kind| Kind::named(kind).cut(&value));
            (key, cut.unwrap_or(value))
        });
        Self::parse(values.collect())
    }

    /// Checks the values by their keywords.
    ///
    /// # Errors
    /// [`DataError`]; WeChat would refuse the message, so don't send it.
    pub fn parse(values: BTreeMap<String, String>) -> Result<Self, DataError> {
        if values.is_empty() || values.len() > MOST_KEYWORDS {
            return Err(DataError::Count);
        }
        for (key, value) in &values {
            let kind = Kind::named(kind(key).ok_or(DataError::Key)?);
            if !kind.admits(value) {
                return Err(DataError::Value { key: key.clone(), rule: kind.rule() });
            }
        }
        Ok(Self(values))
    }
}

/// The kind's name within a keyword.
fn kind(key: &str) -> Option<&str> {
    let kind = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = key.len().saturating_sub(kind.len());
    let letters = kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    ((1..=3).contains(&digits) && (1..=32).contains(&kind.len()) && letters).then_some(kind)
}

/// A page of the mini program, perhaps with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page(String);

impl Page {
    /// Reads the path of a page; `None` if the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let length = (1..=1024).contains(&text.len());
        let clean = !text.contains("://") && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        (length && clean).then(|| Self(text.to_owned()))
    }
}

/// A version of the mini program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The developers' version.
    Developer,
    /// The testers' version.
    Trial,
    /// The released version.
    #[default]
    Formal,
}

impl State {
    /// Reads WeChat's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "developer" => Some(Self::Developer),
            "trial" => Some(Self::Trial),
            "formal" => Some(Self::Formal),
            _ => None,
        }
    }
}

/// A language of WeChat's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Lang {
    /// Simplified Chinese.
    #[default]
    #[serde(rename = "zh_CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en_US")]
    EnUs,
    /// Traditional Chinese, Hong Kong.
    #[serde(rename = "zh_HK")]
    ZhHk,
    /// Traditional Chinese, Taiwan.
    #[serde(rename = "zh_TW")]
    ZhTw,
}

impl Lang {
    /// Reads WeChat's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "zh_CN" => Some(Self::ZhCn),
            "en_US" => Some(Self::EnUs),
            "zh_HK" => Some(Self::ZhHk),
            "zh_TW" => Some(Self::ZhTw),
            _ => None,
        }
    }
}

const MOST_KEYWORDS: usize = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(values: &[(&str, &str)]) -> Result<Data, DataError> {
        Data::parse(values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn message(page: Option<&str>) -> Message {
        Message {
            openid: OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap(),
            template_id: TemplateId::parse("tmpl-1").unwrap(),
            data: data(&[("thing1", "矿泉水"), ("amount2", "¥2.00")]).unwrap(),
            page: page.map(|page| Page::parse(page).unwrap()),
            state: State::default(),
            lang: Lang::default(),
        }
    }

    #[test]
    fn a_message_is_written_as_wechat_reads_it() {
        assert_eq!(
            message(Some("pages/order?id=1")).to_json(),
            json!({
                "touser": "o5wQws1FH2FD2uaNtxmrc1jiG4dc", "template_id": "tmpl-1", "page": "pages/order?id=1",
                "miniprogram_state": "formal", "lang": "zh_CN",
                "data": { "thing1": { "value": "矿泉水" }, "amount2": { "value": "¥2.00" } },
            })
        );
        assert_eq!(message(None).to_json().get("page"), None);
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_keyword_and_its_rule() {
        let error = data(&[("thing1", "好"), ("phrase2", "abc")]).unwrap_err();
        assert!(matches!(error, DataError::Value { key, rule: "须为 5 个以内汉字" } if key == "phrase2"));
        let error = data(&[("colour1", &"红".repeat(201))]).unwrap_err();
        assert!(matches!(error, DataError::Value { key, rule: "须为 200 个以内字符" } if key == "colour1"));
        assert!(data(&[("colour1", "红")]).is_ok(), "WeChat decides about kinds that its page does not list");
    }

    #[test]
    fn values_can_be_made_to_fit() {
        let long = BTreeMap::from([("thing1".to_owned(), "水".repeat(30))]);
        assert!(Data::parse(long.clone()).is_err());
        assert_eq!(Data::fitted(long).unwrap().0["thing1"], format!("{}...", "水".repeat(17)));
        let never = BTreeMap::from([("time1".to_owned(), "tomorrow".to_owned())]);
        assert!(matches!(Data::fitted(never), Err(DataError::Value { .. })));
    }

    #[test]
    fn a_key_that_is_no_keyword_is_not_repeated() {
        for key in [
            "",
            "thing",
            "1",
            "thing1x",
            "thing1234",
            "Thing1",
            "东西1",
            "thing 1",
            &format!("{}1", "a".repeat(33)),
        ] {
            assert_eq!(data(&[(key, "x")]).unwrap_err(), DataError::Key, "{key}");
        }
    }

    #[test]
    fn a_template_has_one_to_five_keywords() {
        assert_eq!(data(&[]).unwrap_err(), DataError::Count);
        let six = [
            ("thing1", "x"),
            ("thing2", "x"),
            ("thing3", "x"),
            ("thing4", "x"),
            ("thing5", "x"),
            ("thing6", "x"),
        ];
        assert!(data(&six[..5]).is_ok());
        assert_eq!(data(&six).unwrap_err(), DataError::Count);
    }

    #[test]
    fn a_page_is_a_path_in_the_mini_program() {
        for page in ["index", "/pages/index", "pages/index?a=1&b=%E5%BC%A0"] {
            assert!(Page::parse(page).is_some(), "{page}");
        }
        for page in ["", "https://example.com", "a b", "a\n", &"a".repeat(1025)] {
            assert!(Page::parse(page).is_none(), "{page}");
        }
    }

    proptest! {
        #[test]
        fn checking_any_data_never_panics(key in ".{0,40}", value in ".{0,80}") {
            let _ = data(&[(&key, &value)]);
        }
    }
}
