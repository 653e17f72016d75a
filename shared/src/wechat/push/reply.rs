//! The answer to a push that wants another answer than `success`, in the form of the push.

use quick_xml::{
    Writer,
    events::{BytesCData, BytesEnd, BytesStart, BytesText, Event},
};
use serde_json::{Map, Value};

use super::{FormError, PushForm};

/// An answer's fields, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReply(Vec<(&'static str, ReplyValue)>);

/// The value of an answer's field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyValue {
    /// A text; CDATA in XML.
    Text(String),
    /// A number, bare in both forms.
    Number(u64),
}

impl PushReply {
    /// An answer of these fields.
    #[must_use]
    pub fn new(fields: Vec<(&'static str, ReplyValue)>) -> Self {
        Self(fields)
    }

    /// The answer as text.
    ///
    /// # Errors
    /// [`FormError::Malformed`]: a text holds a character that XML has no form for.
    pub(super) fn write(&self, form: PushForm) -> Result<String, FormError> {
        match form {
            PushForm::Xml => self.to_xml(),
            PushForm::Json => Ok(self.to_json()),
        }
    }

    fn to_json(&self) -> String {
        let value = |value: &ReplyValue| match value {
            ReplyValue::Text(text) => Value::from(text.as_str()),
            ReplyValue::Number(number) => Value::from(*number),
        };
        let members: Map<String, Value> =
            self.0.iter().map(|(name, field)| ((*name).to_owned(), value(field))).collect();
        Value::Object(members).to_string()
    }

    fn to_xml(&self) -> Result<String, FormError> {
        let mut writer = Writer::new(Vec::new());
        let mut put = |event| writer.write_event(event).map_err(|_| FormError::Malformed);
        put(Event::Start(BytesStart::new("xml")))?;
        for (name, value) in &self.0 {
            put(Event::Start(BytesStart::new(*name)))?;
            match value {
                ReplyValue::Text(text) if text.chars().all(is_xml) => {
                    // A text that holds "]]>" is written as several CDATA sections.
                    for section in BytesCData::escaped(text) {
                        put(Event::CData(section))?;
                    }
                }
                ReplyValue::Text(_) => return Err(FormError::Malformed),
                ReplyValue::Number(number) => put(Event::Text(BytesText::from_escaped(number.to_string())))?,
            }
            put(Event::End(BytesEnd::new(*name)))?;
        }
        put(Event::End(BytesEnd::new("xml")))?;
        String::from_utf8(writer.into_inner()).map_err(|_| FormError::Encoding)
    }
}

/// Whether XML 1.0 has a form for the character.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_form_of_its_push() {
        let reply = PushReply::new(vec![
            ("ToUserName", ReplyValue::Text("o1".to_owned())),
            ("CreateTime", ReplyValue::Number(7)),
            ("MsgType", ReplyValue::Text("a]]>b".to_owned())),
        ]);
        assert_eq!(
            reply.write(PushForm::Xml).unwrap(),
            "<xml><ToUserName><![CDATA[o1]]></ToUserName><CreateTime>7</CreateTime>\
             <MsgType><![CDATA[a]]]]><![CDATA[>b]]></MsgType></xml>"
        );
        let json: Value = serde_json::from_str(&reply.write(PushForm::Json).unwrap()).unwrap();
        assert_eq!(json, serde_json::json!({ "ToUserName": "o1", "CreateTime": 7, "MsgType": "a]]>b" }));
        let wrong = PushReply::new(vec![("a", ReplyValue::Text("\u{0}".to_owned()))]);
        assert_eq!(wrong.write(PushForm::Xml), Err(FormError::Malformed));
    }
}
