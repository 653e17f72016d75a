//! Converts YAML to JSON values. Short forms of intrinsics (`!Ref X`) become long ones (`{"Ref": "X"}`), as in CloudFormation, so
//! that all other files handle one form only.

use std::borrow::Cow;

use saphyr::{Scalar, ScalarStyle, Yaml, YamlLoader};
use saphyr_parser::Parser;
use serde_json::{Map, Number, Value};

use super::plain;
use crate::error::TemplateError;

/// Reads one YAML document as JSON.
///
/// # Errors
/// [`TemplateError`]: it is malformed, there are several, or a text in it means something else to other readers of YAML.
pub fn parse(text: &str) -> Result<Value, TemplateError> {
    // Scalars are loaded unparsed, because their type depends on whether they are quoted.
    let mut loader = YamlLoader::<Yaml<'_>>::default();
    loader.early_parse(false);
    Parser::new_from_str(text).load(&mut loader, true)?;
    if let Some(error) = loader.error() {
        return Err(error.clone().into());
    }
    let documents = loader.into_documents();
    match documents.as_slice() {
        [document] => value(document, ""),
        several => Err(TemplateError::UnexpectedValue {
            place: "the template".to_owned(),
            expected: "one YAML document".to_owned(),
            found: several.len().to_string(),
        }),
    }
}

fn value(yaml: &Yaml<'_>, place: &str) -> Result<Value, TemplateError> {
    match yaml {
        Yaml::Representation(text, _, Some(tag)) if !tag.is_yaml_core_schema() => {
            long_form(&tag.suffix, Value::String(text.to_string()), place)
        }
        Yaml::Representation(text, style, None) => {
            check_reading(text, *style, place)?;
            let read = Scalar::parse_from_cow_and_metadata(Cow::Borrowed(text), *style, None);
            Ok(read.as_ref().map_or(Value::Null, scalar))
        }
        Yaml::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| value(item, &format!("{place}[{at}]")))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, entry) in entries {
                let key = key_text(key, place)?;
                let below = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                // The loader does not notice a duplicate when only one of the two keys is quoted.
                if map.contains_key(&key) {
                    return Err(TemplateError::Duplicate { place: below.clone(), what: key, first: below });
                }
                map.insert(key, value(entry, &below)?);
            }
            Ok(Value::Object(map))
        }
        Yaml::Tagged(tag, inner) => long_form(&tag.suffix, value(inner, place)?, place),
        Yaml::Alias(_) | Yaml::BadValue | Yaml::Representation(..) | Yaml::Value(_) => {
            Err(TemplateError::unsupported(
                place,
                "this form of YAML value",
                &["scalars", "lists", "mappings", "tags"],
            ))
        }
    }
}

fn scalar(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::Number((*value).into()),
        Scalar::FloatingPoint(value) => {
            Number::from_f64(value.into_inner()).map_or(Value::Null, Value::Number)
        }
        Scalar::String(value) => Value::String(value.to_string()),
    }
}

fn key_text(key: &Yaml<'_>, place: &str) -> Result<String, TemplateError> {
    match key {
        Yaml::Representation(text, style, None) => {
            check_reading(text, *style, place)?;
            match Scalar::parse_from_cow_and_metadata(Cow::Borrowed(text), *style, None) {
                Some(Scalar::String(text)) => Ok(text.to_string()),
                Some(Scalar::Integer(number)) => Ok(number.to_string()),
                _ => Err(TemplateError::unsupported(place, "a key that is not text", &["text"])),
            }
        }
        _ => Err(TemplateError::unsupported(place, "a key that is not text", &["text"])),
    }
}

/// Refuses a plain text that SAM would read differently.
fn check_reading(text: &str, style: ScalarStyle, place: &str) -> Result<(), TemplateError> {
    match plain::other_reading(text).filter(|_| style == ScalarStyle::Plain) {
        None => Ok(()),
        Some(reading) => {
            Err(TemplateError::AmbiguousScalar { place: place.to_owned(), text: text.to_owned(), reading })
        }
    }
}

fn long_form(tag: &str, argument: Value, place: &str) -> Result<Value, TemplateError> {
    let name = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        "And" | "Equals" | "GetAtt" | "If" | "Join" | "Not" | "Or" | "Split" | "Sub" => format!("Fn::{tag}"),
        unknown => return Err(TemplateError::unsupported(place, format!("!{unknown}"), &SHORT_FORMS)),
    };
    Ok(Value::Object(Map::from_iter([(name, argument)])))
}

const SHORT_FORMS: [&str; 11] =
    ["!And", "!Condition", "!Equals", "!GetAtt", "!If", "!Join", "!Not", "!Or", "!Ref", "!Split", "!Sub"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_forms_become_long_forms() {
        let text = "a: !Ref X\nb: !GetAtt T.Arn\nc: !Join ['-', [!Ref X, y]]\nd: !Sub '${X}:1'\n";
        assert_eq!(
            parse(text).unwrap(),
            json!({
                "a": {"Ref": "X"},
                "b": {"Fn::GetAtt": "T.Arn"},
                "c": {"Fn::Join": ["-", [{"Ref": "X"}, "y"]]},
                "d": {"Fn::Sub": "${X}:1"},
            })
        );
    }

    #[test]
    fn quoted_dates_stay_text_and_numbers_stay_numbers() {
        assert_eq!(
            parse("v: '2012-10-17'\nn: 10\nf: 0.5\nb: true\nq: '10'").unwrap(),
            json!({"v": "2012-10-17", "n": 10, "f": 0.5, "b": true, "q": "10"})
        );
    }

    #[test]
    fn an_unknown_short_form_is_refused_with_its_place() {
        let error = parse("Resources:\n  A:\n    Value: !Select [0, [a]]\n").unwrap_err().to_string();
        assert!(error.starts_with("Resources.A.Value: !Select is not supported"), "{error}");
    }

    #[test]
    fn a_key_twice_is_refused() {
        assert!(matches!(parse("a: 1\na: 2\n"), Err(TemplateError::Yaml(_))));
        assert!(matches!(parse("a: 1\n'a': 2\n"), Err(TemplateError::Duplicate { .. })));
    }

    #[test]
    fn a_plain_text_that_sam_reads_differently_is_refused() {
        for (text, place) in [
            ("a:\n  b: yes\n", "a.b: "),
            ("a: [1, 010]\n", "a[1]: "),
            ("a: {on: 1}\n", "a: "),
            ("a: {<<: {b: 1}}\n", "a: "),
            ("a: 2012-10-17\n", "a: "),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(place) && error.ends_with(": quote it"), "{text}: {error}");
        }
        let quoted = "a: 'yes'\nb: \"010\"\n'on': !Ref no\nc: |\n  yes\n";
        assert_eq!(
            parse(quoted).unwrap(),
            json!({"a": "yes", "b": "010", "on": {"Ref": "no"}, "c": "yes\n"})
        );
    }
}
