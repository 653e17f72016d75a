//! The XML of pushed messages and of their answers: one root `<xml>`, nested objects as nested elements, arrays as repeated elements.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Writes a message. The items of a subscribe message's event stand in a wrapper that JSON does not have.
pub(super) fn write(message: &Map<String, Value>) -> String {
    let event = message.get("Event").and_then(Value::as_str).unwrap_or_default();
    let wrapper = WRAPPERS.into_iter().find(|(name, _)| *name == event);
    let children: String = message
        .iter()
        .map(|(name, value)| match wrapper {
            Some((_, wrapper)) if name == "List" => {
                format!("<{wrapper}>{}</{wrapper}>", element(name, value))
            }
            _ => element(name, value),
        })
        .collect();
    format!("<xml>{children}</xml>")
}

/// Writes an envelope, whose values are all CDATA.
pub(super) fn write_envelope(to_user_name: &str, encrypted: &str) -> String {
    format!(
        "<xml><ToUserName>{}</ToUserName><Encrypt>{}</Encrypt></xml>",
        cdata(to_user_name),
        cdata(encrypted)
    )
}

fn element(name: &str, value: &Value) -> String {
    let content = match value {
        Value::Array(items) if !items.is_empty() => {
            return items.iter().map(|item| element(name, item)).collect();
        }
        Value::Array(_) | Value::Null => String::new(),
        Value::Object(fields) => fields.iter().map(|(name, value)| element(name, value)).collect(),
        Value::String(text) => cdata(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    format!("<{name}>{content}</{name}>")
}

/// Writes a value as CDATA. `]]>` cannot occur inside a CDATA section, so it is split over two sections.
fn cdata(value: &str) -> String {
    format!("<![CDATA[{}]]>", value.replace("]]>", "]]]]><![CDATA[>"))
}

/// Reads the fields below the root. An element with elements is an object, and a repeated one an array.
///
/// # Errors
///
/// A sentence that says why this is no such message.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => open.push(Element::new(tag.name().as_ref())),
            Event::Empty(tag) => {
                open.push(Element::new(tag.name().as_ref()));
                close(&mut open)?;
            }
            Event::End(_) => close(&mut open)?,
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(entity) => {
                let name = entity.xml10_content();
                let text = resolve_xml_entity(&name).ok_or_else(|| format!("unknown entity {name}"))?;
                append(&mut open, text);
            }
            Event::DocType(_) => return Err("a DOCTYPE is not allowed".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let [document] = open.as_mut_slice() else { return Err("an element is not closed".to_owned()) };
    match document.children.remove("xml") {
        Some(Value::Object(fields)) if document.children.is_empty() => Ok(fields),
        _ => Err("the root must be <xml> with fields, once".to_owned()),
    }
}

/// An element whose end was not read yet.
#[derive(Default)]
struct Element {
    name: String,
    children: Map<String, Value>,
    text: String,
}

impl Element {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// Moves the innermost element into the one around it.
fn close(open: &mut Vec<Element>) -> Result<(), String> {
    let unexpected = || "an element ends that was not open".to_owned();
    let Element { name, children, text } = open.pop().ok_or_else(unexpected)?;
    let value = if children.is_empty() { Value::from(text.trim()) } else { Value::Object(children) };
    let siblings = &mut open.last_mut().ok_or_else(unexpected)?.children;
    let value = match siblings.remove(&name) {
        None => value,
        Some(Value::Array(mut items)) => {
            items.push(value);
            Value::Array(items)
        }
        Some(first) => Value::Array(vec![first, value]),
    };
    siblings.insert(name, value);
    Ok(())
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// The events whose items stand in a wrapper, and its name.
const WRAPPERS: [(&str, &str); 3] = [
    ("subscribe_msg_popup_event", "SubscribeMsgPopupEvent"),
    ("subscribe_msg_change_event", "SubscribeMsgChangeEvent"),
    ("subscribe_msg_sent_event", "SubscribeMsgSentEvent"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(message: Value) -> String {
        write(message.as_object().unwrap())
    }

    #[test]
    fn texts_are_cdata_and_numbers_are_bare() {
        let message = json!({"CreateTime": 1_700_000_000, "FromUserName": "o1", "Content": "a]]>b<&"});
        assert_eq!(
            written(message),
            "<xml><Content><![CDATA[a]]]]><![CDATA[>b<&]]></Content><CreateTime>1700000000</CreateTime>\
             <FromUserName><![CDATA[o1]]></FromUserName></xml>"
        );
    }

    #[test]
    fn an_object_is_nested_and_an_array_is_repeated() {
        let message = json!({"result": {"label": 100}, "detail": [{"prob": 90}, {"prob": 80}], "none": []});
        assert_eq!(
            written(message),
            "<xml><detail><prob>90</prob></detail><detail><prob>80</prob></detail><none></none>\
             <result><label>100</label></result></xml>"
        );
    }

    #[test]
    fn the_items_of_a_subscribe_event_have_a_wrapper() {
        let item = json!({"TemplateId": "t"});
        for list in [item.clone(), json!([item])] {
            assert_eq!(
                written(json!({"Event": "subscribe_msg_sent_event", "List": list})),
                "<xml><Event><![CDATA[subscribe_msg_sent_event]]></Event><SubscribeMsgSentEvent><List>\
                 <TemplateId><![CDATA[t]]></TemplateId></List></SubscribeMsgSentEvent></xml>"
            );
        }
    }

    #[test]
    fn a_written_message_is_read_again() {
        let message = json!({"a": "x]]>y &", "b": {"c": "1"}, "d": ["2", "3"]});
        assert_eq!(parse(&written(message.clone())), Ok(message.as_object().unwrap().clone()));
        assert_eq!(parse("<xml><a>1 &lt; 2</a></xml>").unwrap()["a"], "1 < 2");
    }

    #[test]
    fn other_xml_is_refused() {
        for text in ["", "x", "<xml>", "<xml/>", "<a><b>1</b></a>", "<xml><a>1</a></xml><xml><a>1</a></xml>"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("<!DOCTYPE xml><xml><a>1</a></xml>").is_err());
        assert!(parse("<xml><a>&b;</a></xml>").is_err());
    }
}
