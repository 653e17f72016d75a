//! The XML of a push as JSON: children become members, and elements that are repeated become arrays.
//!
//! WeChat writes the arrays of its JSON as repeated elements. A structure may be repeated everywhere; at the top level a text may not,
//! because two senders or two times in one push could be read in two ways. A document type, an entity beyond the five of XML, attributes,
//! comments and text between elements are refused.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};
use serde_json::{Map, Value, map::Entry};

use super::FormError;

/// The members of the root element `xml`. Its values are texts, objects and arrays.
///
/// # Errors
/// [`FormError`]; another try does not help.
pub(super) fn read(text: &str, max_depth: usize) -> Result<Map<String, Value>, FormError> {
    let mut reader = Reader::from_str(text);
    let root = loop {
        match reader.read_event().map_err(|_| FormError::Malformed)? {
            Event::Decl(_) => {}
            Event::Text(text) if is_blank(&text) => {}
            Event::Start(start) => break name(&start)?,
            Event::Empty(start) if name(&start)? == ROOT => return end(&mut reader, Map::new()),
            Event::Empty(_) => return Err(FormError::Root),
            Event::DocType(_) | Event::PI(_) | Event::Comment(_) => return Err(FormError::Forbidden),
            _ => return Err(FormError::Malformed),
        }
    };
    if root != ROOT {
        return Err(FormError::Root);
    }
    // The elements that are open, the innermost last.
    let mut open = vec![Element::new(root)];
    while let Some(mut element) = open.pop() {
        match reader.read_event().map_err(|_| FormError::Malformed)? {
            Event::Start(start) => {
                // `open` lacks the element just taken, and the root is no level of its own.
                if open.len() >= max_depth {
                    return Err(FormError::Depth);
                }
                let child = Element::new(name(&start)?);
                open.extend([element, child]);
            }
            Event::Empty(start) => {
                if open.len() >= max_depth {
                    return Err(FormError::Depth);
                }
                element.add(name(&start)?, Value::String(String::new()), open.is_empty())?;
                open.push(element);
            }
            Event::Text(text) => {
                element.text.push_str(&text);
                open.push(element);
            }
            Event::GeneralRef(reference) => {
                element.text.push(resolve(&reference)?);
                open.push(element);
            }
            Event::CData(data) => {
                element.push_data(&data);
                open.push(element);
            }
            Event::End(_) => {
                let is_in_root = open.len() == 1;
                let ClosedElement { name, members, text } = element.close()?;
                match open.last_mut() {
                    Some(parent) => parent.add(name, text.unwrap_or(Value::Object(members)), is_in_root)?,
                    // The root itself, which has no text of its own.
                    None if text.is_some_and(|text| text != "") => return Err(FormError::Malformed),
                    None => return end(&mut reader, members),
                }
            }
            Event::DocType(_) | Event::PI(_) | Event::Comment(_) => return Err(FormError::Forbidden),
            Event::Decl(_) | Event::Eof => return Err(FormError::Malformed),
        }
    }
    Err(FormError::Malformed)
}

/// What stands behind the root must be blank.
fn end(reader: &mut Reader<&[u8]>, members: Map<String, Value>) -> Result<Map<String, Value>, FormError> {
    loop {
        match reader.read_event().map_err(|_| FormError::Malformed)? {
            Event::Eof => return Ok(members),
            Event::Text(text) if is_blank(&text) => {}
            Event::Start(_) | Event::Empty(_) => return Err(FormError::Root),
            Event::DocType(_) | Event::PI(_) | Event::Comment(_) => return Err(FormError::Forbidden),
            _ => return Err(FormError::Malformed),
        }
    }
}

/// An element while it is read. Blanks around a CDATA section are not part of the text.
struct Element {
    name: String,
    members: Map<String, Value>,
    data: String,
    text: String,
}

/// An element that is read. It has members or a text.
struct ClosedElement {
    name: String,
    members: Map<String, Value>,
    text: Option<Value>,
}

impl Element {
    fn new(name: String) -> Self {
        Self { name, members: Map::new(), data: String::new(), text: String::new() }
    }

    fn push_data(&mut self, data: &str) {
        self.flush();
        self.data.push_str(data);
    }

    fn flush(&mut self) {
        if !is_blank(&self.text) {
            self.data.push_str(&self.text);
        }
        self.text.clear();
    }

    fn add(&mut self, name: String, value: Value, is_root: bool) -> Result<(), FormError> {
        match self.members.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            Entry::Occupied(_) if is_root && !value.is_object() => return Err(FormError::Duplicate),
            Entry::Occupied(mut known) => match known.get_mut() {
                Value::Array(entries) => entries.push(value),
                first if is_root && !first.is_object() => return Err(FormError::Duplicate),
                first => {
                    let first = first.take();
                    known.insert(Value::Array(vec![first, value]));
                }
            },
        }
        Ok(())
    }

    fn close(mut self) -> Result<ClosedElement, FormError> {
        self.flush();
        match (self.members.is_empty(), self.data.is_empty()) {
            (false, false) => Err(FormError::Malformed),
            (false, true) => Ok(ClosedElement { name: self.name, members: self.members, text: None }),
            (true, _) => {
                let text = Some(Value::String(self.data));
                Ok(ClosedElement { name: self.name, members: Map::new(), text })
            }
        }
    }
}

fn name(start: &BytesStart<'_>) -> Result<String, FormError> {
    if start.attributes_raw().trim().is_empty() {
        Ok(start.name().as_ref().to_owned())
    } else {
        Err(FormError::Forbidden)
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, FormError> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    let text = resolve_predefined_entity(reference).ok_or(FormError::Entity)?;
    text.chars().next().ok_or(FormError::Entity)
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

const ROOT: &str = "xml";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(xml: &str) -> Result<Value, FormError> {
        read(xml, 8).map(Value::Object)
    }

    #[test]
    fn children_become_members_and_repeated_elements_arrays() {
        for (xml, value) in [
            ("<xml/>", json!({})),
            ("<xml></xml>", json!({})),
            ("<?xml version=\"1.0\"?>\n<xml>\n<a>1</a>\n</xml>\n", json!({ "a": "1" })),
            ("<xml><a> <![CDATA[ x ]]>\n</a><b/><c></c></xml>", json!({ "a": " x ", "b": "", "c": "" })),
            ("<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>", json!({ "a": "x]]>y" })),
            ("<xml><a>1 &lt; 2 &amp;&#x1F600;</a></xml>", json!({ "a": "1 < 2 &😀" })),
            ("<xml><a>\n<b>1</b>\n<c>2</c></a></xml>", json!({ "a": { "b": "1", "c": "2" } })),
            (
                "<xml><w><List><t>1</t></List><List><t>2</t></List><List><t>3</t></List></w></xml>",
                json!({ "w": { "List": [{ "t": "1" }, { "t": "2" }, { "t": "3" }] } }),
            ),
            ("<xml><d><t>1</t></d><d><t>2</t></d></xml>", json!({ "d": [{ "t": "1" }, { "t": "2" }] })),
            ("<xml><w><t>1</t><t>2</t></w></xml>", json!({ "w": { "t": ["1", "2"] } })),
        ] {
            assert_eq!(parse(xml).unwrap(), value, "{xml}");
        }
    }

    #[test]
    fn hostile_documents_are_refused() {
        use FormError::{Depth, Duplicate, Entity, Forbidden, Malformed, Root};
        for (xml, error) in [
            ("<!DOCTYPE xml><xml/>", Forbidden),
            ("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml><a>&e;</a></xml>", Forbidden),
            ("<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><xml><a>&b;</a></xml>", Forbidden),
            ("<xml/><!DOCTYPE xml>", Forbidden),
            ("<xml><a>&e;</a></xml>", Entity),
            ("<xml><a>1</a><a>2</a></xml>", Duplicate),
            ("<xml><a>1</a><a/></xml>", Duplicate),
            ("<xml><a>1</a><a><b>2</b></a></xml>", Duplicate),
            ("<xml><a><b>2</b></a><a>1</a></xml>", Duplicate),
            ("<root><a>1</a></root>", Root),
            ("<root/>", Root),
            ("<XML><a>1</a></XML>", Root),
            ("<xml/><xml/>", Root),
            ("<xml></xml>junk", Malformed),
            ("junk<xml></xml>", Malformed),
            ("<xml>junk</xml>", Malformed),
            ("<xml>junk<a>1</a></xml>", Malformed),
            ("<xml><a>1<b>2</b></a></xml>", Malformed),
            ("<xml><a>1</b></xml>", Malformed),
            ("<xml><a>1</a>", Malformed),
            ("<xml><a>1", Malformed),
            ("<xml><?php x ?></xml>", Forbidden),
            ("<xml><!-- x --></xml>", Forbidden),
            ("<xml><a b=\"c\">1</a></xml>", Forbidden),
            ("<xml b=\"c\"/>", Forbidden),
        ] {
            assert_eq!(parse(xml).unwrap_err(), error, "{xml}");
        }
        let nested = |depth: usize| format!("<xml>{}{}</xml>", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&nested(8)).is_ok());
        assert_eq!(parse(&nested(9)).unwrap_err(), Depth);
        assert_eq!(parse(&nested(10_000)).unwrap_err(), Depth);
        let empty = format!("<xml>{}<b/>{}</xml>", "<a>".repeat(8), "</a>".repeat(8));
        assert_eq!(parse(&empty).unwrap_err(), Depth);
    }
}
