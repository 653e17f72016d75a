//! The XML of Pay v2: one root `<xml>` with one level of fields.
//!
//! The parser is strict where safety requires it (no DOCTYPE, no entities except XML's five, no nesting, no field twice) and
//! lenient where real messages differ (CDATA or text, blanks around both, an XML declaration).

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};
use thiserror::Error;

use super::Fields;

/// The reason why a text is not a message.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum XmlError {
    #[error("not well-formed: {0}")]
    Malformed(String),
    #[error("a DOCTYPE is not allowed")]
    DocType,
    #[error("unknown entity {0}")]
    Entity(String),
    #[error("the root must be <xml>, once")]
    WrongRoot,
    #[error("<{0}> is nested")]
    Nested(String),
    #[error("<{0}> appears twice")]
    Twice(String),
    #[error("text outside of a field")]
    StrayText,
}

/// Parses a message.
pub(crate) fn parse(text: &str) -> Result<Fields, XmlError> {
    if text.chars().any(is_forbidden) {
        return Err(XmlError::Malformed("a control character".to_owned()));
    }
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    loop {
        match reader.read_event().map_err(|error| XmlError::Malformed(error.to_string()))? {
            Event::Start(tag) => document.open(tag.name().as_ref())?,
            Event::Empty(tag) => {
                document.open(tag.name().as_ref())?;
                document.close()?;
            }
            Event::End(_) => document.close()?,
            Event::Text(text) if text.contains("]]>") => {
                return Err(XmlError::Malformed("]]> outside of CDATA".to_owned()));
            }
            Event::Text(text) => document.text(&text.xml10_content(), false)?,
            Event::CData(text) => document.text(&text.xml10_content(), true)?,
            Event::GeneralRef(entity) => document.text(&resolve(&entity)?, true)?,
            Event::DocType(_) => return Err(XmlError::DocType),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => return document.finish(),
        }
    }
}

/// Writes the XML inside an encrypted field: with this root, and every value in CDATA.
pub(crate) fn write_as(root: &str, fields: &Fields) -> String {
    let lines: String =
        fields.iter().map(|(name, value)| format!("<{name}>{}</{name}>\n", cdata(value))).collect();
    format!("<{root}>\n{lines}</{root}>")
}

/// Writes a message. Amounts are plain text and all other values are CDATA, as in WeChat's messages.
pub(crate) fn write(fields: &Fields) -> String {
    let mut xml = String::from("<xml>");
    for (name, value) in fields {
        let bare = BARE.contains(&name.as_str()) && value.bytes().all(|b| b.is_ascii_digit());
        let value = if bare { value.clone() } else { cdata(value) };
        xml.push_str(&format!("<{name}>{value}</{name}>\n"));
    }
    xml + "</xml>"
}

/// Writes a value as CDATA. `]]>` cannot occur inside a CDATA section, so it is split over two sections.
fn cdata(value: &str) -> String {
    format!("<![CDATA[{}]]>", value.replace("]]>", "]]]]><![CDATA[>"))
}

/// The state of the parser: the open element and the fields so far.
#[derive(Debug, Default)]
struct Document {
    root: RootState,
    open: Option<OpenField>,
    fields: Fields,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum RootState {
    #[default]
    Awaited,
    Open,
    Closed,
}

#[derive(Debug)]
struct OpenField {
    name: String,
    pieces: Vec<TextPiece>,
}

/// A piece of a field's text. It is literal if it came from CDATA or an entity.
#[derive(Debug)]
struct TextPiece {
    text: String,
    literal: bool,
}

impl Document {
    fn open(&mut self, name: &str) -> Result<(), XmlError> {
        match (&self.root, &self.open) {
            (RootState::Awaited, _) if name == "xml" => self.root = RootState::Open,
            (RootState::Open, None) if self.fields.contains_key(name) => {
                return Err(XmlError::Twice(name.to_owned()));
            }
            (RootState::Open, None) => {
                self.open = Some(OpenField { name: name.to_owned(), pieces: Vec::new() })
            }
            (RootState::Open, Some(_)) => return Err(XmlError::Nested(name.to_owned())),
            (RootState::Awaited | RootState::Closed, _) => return Err(XmlError::WrongRoot),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlError> {
        match self.open.take() {
            Some(field) => {
                let value = field.value();
                self.fields.insert(field.name, value);
            }
            None if self.root == RootState::Open => self.root = RootState::Closed,
            None => return Err(XmlError::WrongRoot),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, literal: bool) -> Result<(), XmlError> {
        match &mut self.open {
            Some(field) => field.pieces.push(TextPiece { text: text.to_owned(), literal }),
            None if !literal && text.trim().is_empty() => {}
            None => return Err(XmlError::StrayText),
        }
        Ok(())
    }

    fn finish(self) -> Result<Fields, XmlError> {
        if self.root == RootState::Closed { Ok(self.fields) } else { Err(XmlError::WrongRoot) }
    }
}

impl OpenField {
    /// The pieces joined, without the blanks before and after that only separate markup.
    fn value(&self) -> String {
        let joined =
            |pieces: &[TextPiece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
        let is_blank = |piece: &TextPiece| !piece.literal && piece.text.trim().is_empty();
        let from = self.pieces.iter().position(|piece| !is_blank(piece)).unwrap_or(self.pieces.len());
        let to = self.pieces.iter().rposition(|piece| !is_blank(piece)).map_or(from, |last| last + 1);
        joined(self.pieces.get(from..to).unwrap_or_default())
    }
}

/// Whether XML 1.0 forbids the character everywhere, even escaped.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

fn resolve(entity: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(character) = entity.resolve_char_ref().map_err(|error| XmlError::Entity(error.to_string()))? {
        return if is_forbidden(character) {
            Err(XmlError::Malformed("a control character".to_owned()))
        } else {
            Ok(character.to_string())
        };
    }
    let name = entity.xml10_content();
    resolve_xml_entity(&name).map(str::to_owned).ok_or_else(|| XmlError::Entity(name.into_owned()))
}

const BARE: [&str; 2] = ["total_fee", "cash_fee"];

#[cfg(test)]
mod tests {
    use super::*;

    fn value(field: &str) -> Result<String, XmlError> {
        parse(&format!("<xml>{field}</xml>")).map(|fields| fields["a"].clone())
    }

    #[test]
    fn values_are_cdata_or_escaped_text_with_blanks_around() {
        assert_eq!(value("<a>x</a>").unwrap(), "x");
        assert_eq!(value("<a><![CDATA[x]]></a>").unwrap(), "x");
        assert_eq!(value("<a> <![CDATA[ x ]]>\n</a>").unwrap(), " x ");
        assert_eq!(value("<a>1 &lt; 2 &amp;&#x4e2d;</a>").unwrap(), "1 < 2 &中");
        assert_eq!(value("<a></a>").unwrap(), "");
        assert_eq!(value("<a/>").unwrap(), "");
        assert_eq!(value("<a><![CDATA[x]]]]><![CDATA[>y]]></a>").unwrap(), "x]]>y");
        assert_eq!(value("<!-- c --><a>{\"b\":1}</a>").unwrap(), "{\"b\":1}");
    }

    #[test]
    fn written_fields_are_parsed_again() {
        let fields = Fields::from([
            ("attach".to_owned(), "a]]>b<&😀 ".to_owned()),
            ("empty".to_owned(), String::new()),
            ("total_fee".to_owned(), "101".to_owned()),
        ]);
        let written = write(&fields);
        assert!(written.contains("<total_fee>101</total_fee>"));
        assert!(written.contains("<empty><![CDATA[]]></empty>"));
        assert_eq!(parse(&written).unwrap(), fields);
    }

    const TEXT: &str = "[^\\x00-\\x08\\x0b-\\x1f\\u{fffe}\\u{ffff}]{0,40}";
    const SNIPPETS: &str =
        "(<xml>|<a>|</a>|</xml>|<!\\[CDATA\\[|]]>|&#x?[0-9a-f]{1,9};|[<>&;!\\[\\]x水]){0,12}";

    proptest::proptest! {
        // A carriage return is read as a line feed, as XML demands of every reader.
        #[test]
        fn any_written_text_is_parsed_again(value in TEXT, end in "(]]>|&amp;|<!|😀)?") {
            let fields = Fields::from([("attach".to_owned(), value + &end)]);
            proptest::prop_assert_eq!(parse(&write(&fields)), Ok(fields));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in SNIPPETS) {
            let _ = parse(&text);
        }
    }

    #[test]
    fn a_doctype_is_refused_whatever_it_declares() {
        for doctype in [
            "<!DOCTYPE xml>",
            "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>",
            "<!DOCTYPE xml [<!ENTITY % a SYSTEM \"http://example.com/a\"> %a;]>",
        ] {
            assert_eq!(parse(&format!("{doctype}<xml><a>x</a></xml>")), Err(XmlError::DocType));
        }
    }

    #[test]
    fn xml_that_is_not_one_level_of_fields_is_refused() {
        assert_eq!(parse("<xml><a><b>x</b></a></xml>"), Err(XmlError::Nested("b".to_owned())));
        assert_eq!(parse("<xml><a>x</a><a>y</a></xml>"), Err(XmlError::Twice("a".to_owned())));
        assert_eq!(parse("<root><a>x</a></root>"), Err(XmlError::WrongRoot));
        assert_eq!(parse("<xml></xml><xml></xml>"), Err(XmlError::WrongRoot));
        assert_eq!(parse("<xml>x</xml>"), Err(XmlError::StrayText));
        assert_eq!(parse("<xml><a>&b;</a></xml>"), Err(XmlError::Entity("b".to_owned())));
        for malformed in [
            "",
            "x",
            "{}",
            "<xml>",
            "<xml><a></xml>",
            "<xml><a>x</b></xml>",
            "<xml><a>&</a></xml>",
            "<xml><a>\u{1}</a></xml>",
            "<xml><a>&#1;</a></xml>",
            "<xml><a>]]></a></xml>",
        ] {
            assert!(parse(malformed).is_err(), "{malformed}");
        }
    }
}
