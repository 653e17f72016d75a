//! The flat XML of APIv2: one root, one level of fields, every value a text.
//!
//! Signatures cover every field, also unknown ones, so the reader keeps all fields as texts. Anybody can send XML to the public
//! address of the notices, so a document type, an entity beyond the five of XML, nesting, a repeated field, a
//! second root, a name that would change what a signature covers and more than 64 KiB are refused.

use std::collections::BTreeMap;

use quick_xml::{
    Reader, Writer,
    escape::resolve_predefined_entity,
    events::{BytesCData, BytesEnd, BytesRef, BytesStart, Event},
};

/// The fields of a message, by name in byte order, which is the order they are signed in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The value of the field `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Shows the names only, because values can be personal.
impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

/// Why bytes are not such a message, or fields can't be written as one. No value is quoted, because values can be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// More than 64 KiB.
    #[error("more than 64 KiB")]
    TooLarge,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Not well-formed.
    #[error("not well-formed")]
    Malformed,
    /// A document type, a processing instruction, a comment or attributes.
    #[error("has a part that no message has")]
    Forbidden,
    /// An entity other than the five of XML.
    #[error("has an unknown entity")]
    Entity,
    /// Another root element, or more than one.
    #[error("has another root than it should")]
    Root,
    /// A field whose name has other characters than letters, digits, `_`, `-` and `.`.
    #[error("has a field with a name that no field has")]
    Name,
    /// An element within a field.
    #[error("is nested")]
    Nested,
    /// The same field twice.
    #[error("has a field twice")]
    Duplicate,
    /// A value holds a character that XML has no form for.
    #[error("holds a character that XML can't")]
    Character,
}

/// The largest message read, in bytes. Real ones have about two thousand.
const MAX_BYTES: usize = 64 * 1024;

/// Reads the message whose root is `root`.
///
/// # Errors
/// [`XmlError`]; the message was malformed, and reading it again does not help.
pub fn read(root: &str, bytes: &[u8]) -> Result<Fields, XmlError> {
    if bytes.len() > MAX_BYTES {
        return Err(XmlError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut fields = Fields::default();
    let mut place = Place::Before;
    loop {
        let event = reader.read_event().map_err(|_| XmlError::Malformed)?;
        place = match (place, event) {
            (Place::Before, Event::Decl(_)) => Place::Before,
            (Place::Before, Event::Start(start)) => enter(root, &start)?,
            (Place::Before, Event::Empty(start)) => enter(root, &start).map(|_| Place::After)?,
            (Place::Root, Event::Start(start)) => Place::Field(field(&start)?, Value::default()),
            (Place::Root, Event::Empty(start)) => add(&mut fields, field(&start)?, String::new())?,
            (Place::Root, Event::End(_)) => Place::After,
            (Place::Field(name, mut value), Event::Text(text)) => {
                value.push_text(&text);
                Place::Field(name, value)
            }
            (Place::Field(name, mut value), Event::GeneralRef(reference)) => {
                value.push_character(resolve(&reference)?);
                Place::Field(name, value)
            }
            (Place::Field(name, mut value), Event::CData(data)) => {
                value.push_data(&data);
                Place::Field(name, value)
            }
            (Place::Field(name, value), Event::End(_)) => add(&mut fields, name, value.finish())?,
            (Place::Field(..), Event::Start(_) | Event::Empty(_)) => return Err(XmlError::Nested),
            (Place::After, Event::Eof) => return Ok(fields),
            (Place::After, Event::Start(_) | Event::Empty(_)) => return Err(XmlError::Root),
            (_, Event::DocType(_) | Event::PI(_) | Event::Comment(_)) => return Err(XmlError::Forbidden),
            // Blanks between elements.
            (place, Event::Text(text)) if is_blank(&text) => place,
            _ => return Err(XmlError::Malformed),
        };
    }
}

/// The reader's position.
enum Place {
    Before,
    Root,
    Field(String, Value),
    After,
}

/// A value while it is read. Real messages have blanks around CDATA sections, which are not part of the value.
#[derive(Default)]
struct Value {
    data: String,
    text: String,
}

impl Value {
    fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn push_character(&mut self, character: char) {
        self.text.push(character);
    }

    fn push_data(&mut self, data: &str) {
        self.flush();
        self.data.push_str(data);
    }

    fn finish(mut self) -> String {
        self.flush();
        self.data
    }

    fn flush(&mut self) {
        if !is_blank(&self.text) {
            self.data.push_str(&self.text);
        }
        self.text.clear();
    }
}

fn enter(root: &str, start: &BytesStart<'_>) -> Result<Place, XmlError> {
    if field(start)? == root { Ok(Place::Root) } else { Err(XmlError::Root) }
}

fn field(start: &BytesStart<'_>) -> Result<String, XmlError> {
    if !start.attributes_raw().trim().is_empty() {
        return Err(XmlError::Forbidden);
    }
    let name = start.name().as_ref().to_owned();
    // The parser takes any name. What is signed has `=` and `&` between names and values.
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
        Ok(name)
    } else {
        Err(XmlError::Name)
    }
}

fn add(fields: &mut Fields, name: String, value: String) -> Result<Place, XmlError> {
    match fields.0.insert(name, value) {
        None => Ok(Place::Root),
        Some(_) => Err(XmlError::Duplicate),
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, XmlError> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    let text = resolve_predefined_entity(reference).ok_or(XmlError::Entity)?;
    text.chars().next().ok_or(XmlError::Entity)
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Writes the message, every value in CDATA.
///
/// # Errors
/// A value holds a character that XML has no form for.
pub fn write(root: &str, fields: &Fields) -> Result<String, XmlError> {
    let mut writer = Writer::new(Vec::new());
    let mut put = |event| writer.write_event(event).map_err(|_| XmlError::Malformed);
    put(Event::Start(BytesStart::new(root)))?;
    for (name, value) in fields.iter() {
        if !value.chars().all(is_xml) {
            return Err(XmlError::Character);
        }
        put(Event::Start(BytesStart::new(name)))?;
        // A value that holds "]]>" is written as several CDATA sections.
        for section in BytesCData::escaped(value) {
            put(Event::CData(section))?;
        }
        put(Event::End(BytesEnd::new(name)))?;
    }
    put(Event::End(BytesEnd::new(root)))?;
    String::from_utf8(writer.into_inner()).map_err(|_| XmlError::Encoding)
}

/// Whether XML 1.0 has a form for the character.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(xml: &str) -> Result<Option<String>, XmlError> {
        read("xml", xml.as_bytes()).map(|fields| fields.get("a").map(str::to_owned))
    }

    #[test]
    fn values_come_out_as_they_were_meant() {
        for (value, meant) in [
            ("<![CDATA[x]]>", "x"),
            (" <![CDATA[x]]>\n", "x"),
            ("<![CDATA[ x ]]>", " x "),
            ("<![CDATA[a]]]]><![CDATA[>b]]>", "a]]>b"),
            ("1 &lt; 2 &amp;&#x1F600;&#65;", "1 < 2 &😀A"),
            ("<![CDATA[{\"a\":\"<b>&amp;\"}]]>", "{\"a\":\"<b>&amp;\"}"),
            ("a<![CDATA[b]]>c", "abc"),
            ("", ""),
            ("\n", ""),
        ] {
            assert_eq!(get(&format!("<xml><a>{value}</a></xml>")).unwrap().unwrap(), meant);
        }
        assert_eq!(get("<?xml version=\"1.0\"?>\n<xml>\n<a/>\n</xml>\n").unwrap().unwrap(), "");
        assert_eq!(get("<xml/>").unwrap(), None);
    }

    #[test]
    fn hostile_documents_are_refused() {
        use XmlError::{Duplicate, Entity, Forbidden, Malformed, Name, Nested, Root};
        for (xml, error) in [
            ("<!DOCTYPE xml><xml/>", Forbidden),
            ("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml><a>&e;</a></xml>", Forbidden),
            ("<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://x/\"> %p;]><xml/>", Forbidden),
            ("<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><xml><a>&b;</a></xml>", Forbidden),
            ("<xml><a>&e;</a></xml>", Entity),
            ("<xml><a><b/></a></xml>", Nested),
            ("<xml><a><b>1</b></a></xml>", Nested),
            ("<xml><a>1</a><a>2</a></xml>", Duplicate),
            ("<xml><a>1</a><a/></xml>", Duplicate),
            ("<root><a>1</a></root>", Root),
            ("<XML><a>1</a></XML>", Root),
            ("<xml/><xml/>", Root),
            ("<xml></xml>junk", Malformed),
            ("junk<xml></xml>", Malformed),
            ("<xml>junk</xml>", Malformed),
            ("<xml><a>1</b></xml>", Malformed),
            ("<xml><a>1</a>", Malformed),
            ("<xml><a>1", Malformed),
            ("", Malformed),
            ("{}", Malformed),
            ("<xml><?php x ?></xml>", Forbidden),
            ("<xml><!-- x --></xml>", Forbidden),
            ("<xml><a b=\"c\">1</a></xml>", Forbidden),
            ("<xml><a=1&b>2</a=1&b></xml>", Name),
            ("<xml><a//></xml>", Name),
            ("<xml><金额>1</金额></xml>", Name),
            ("<xml><>1</></xml>", Name),
        ] {
            assert_eq!(get(xml).unwrap_err(), error, "{xml}");
        }
        assert_eq!(read("xml", b"<xml><a>\xff</a></xml>").unwrap_err(), XmlError::Encoding);
        let large = format!("<xml><a>{}</a></xml>", "x".repeat(MAX_BYTES));
        assert_eq!(get(&large).unwrap_err(), XmlError::TooLarge);
    }

    #[test]
    fn a_character_without_an_xml_form_is_not_written() {
        let fields: Fields = [("a".to_owned(), "\u{0}".to_owned())].into_iter().collect();
        assert_eq!(write("xml", &fields).unwrap_err(), XmlError::Character);
    }

    #[test]
    fn debug_output_shows_no_value() {
        let fields: Fields = [("openid".to_owned(), "o123".to_owned())].into_iter().collect();
        assert_eq!(format!("{fields:?}"), r#"{"openid"}"#);
    }

    proptest! {
        #[test]
        fn any_value_survives_the_round_trip(
            fields in prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,12}", "(]]>|&|<|😀|[^\\x00-\\x1f\\x7f]){0,20}", 0..8)
        ) {
            // A value of nothing but blanks is the same as none.
            let fields: Fields = fields.into_iter().filter(|(_, value)| value.chars().all(is_xml)).collect();
            let text = write("xml", &fields).unwrap();
            prop_assert_eq!(read("xml", text.as_bytes()).unwrap(), fields);
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = read("xml", &bytes);
        }

        #[test]
        fn reading_any_near_xml_never_panics(text in "(<xml>|</xml>|<a>|</a>|<a/>|<!\\[CDATA\\[|\\]\\]>|&amp;|&#|;|x|<|>|<!DOCTYPE|<\\?){0,20}") {
            let _ = read("xml", text.as_bytes());
        }
    }
}
