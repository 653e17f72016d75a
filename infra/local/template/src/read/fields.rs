//! Typed access to the properties of one mapping. Readers call `only` first, so that an unknown property is never ignored.

use serde_json::{Map, Value};

use crate::error::TemplateError;

/// A mapping and its place in the template.
pub(crate) struct Fields<'a> {
    place: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(place: impl Into<String>, value: &'a Value) -> Result<Self, TemplateError> {
        let place = place.into();
        match value {
            Value::Object(map) => Ok(Self { place, map }),
            other => Err(TemplateError::unexpected(&place, "a mapping", other)),
        }
    }

    /// Refuses every property outside the two lists. `ignored` names the known properties that have no meaning
    /// locally.
    pub(crate) fn only(&self, read: &[&str], ignored: &[&str]) -> Result<(), TemplateError> {
        match self.map.keys().find(|key| !read.contains(&key.as_str()) && !ignored.contains(&key.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(TemplateError::unsupported(
                &self.below(unknown),
                "this property",
                &[read, ignored].concat(),
            )),
        }
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn below(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.map.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn object(&self, key: &str) -> Result<Option<Self>, TemplateError> {
        self.value(key).map(|value| Fields::new(self.below(key), value)).transpose()
    }

    /// The mappings of a list; none when the property is absent.
    pub(crate) fn objects(&self, key: &str) -> Result<Vec<Self>, TemplateError> {
        let at = self.below(key);
        self.list(key)?
            .iter()
            .enumerate()
            .map(|(index, value)| Fields::new(format!("{at}[{index}]"), value))
            .collect()
    }

    /// A list; empty when the property is absent.
    pub(crate) fn list(&self, key: &str) -> Result<&'a [Value], TemplateError> {
        match self.value(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(TemplateError::unexpected(&self.below(key), "a list", other)),
        }
    }

    /// A text or a list of texts.
    pub(crate) fn strings(&self, key: &str) -> Result<Vec<String>, TemplateError> {
        let at = self.below(key);
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| text(&at, item)).collect(),
            Some(single) => Ok(vec![text(&at, single)?]),
        }
    }

    /// A text; numbers and booleans are written out, as CloudFormation does it.
    pub(crate) fn string(&self, key: &str) -> Result<Option<String>, TemplateError> {
        self.value(key).map(|value| text(&self.below(key), value)).transpose()
    }

    pub(crate) fn required_string(&self, key: &str) -> Result<String, TemplateError> {
        self.string(key)?.ok_or_else(|| self.missing(key))
    }

    pub(crate) fn bool(&self, key: &str) -> Result<Option<bool>, TemplateError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value {
            Value::Bool(value) => Ok(Some(*value)),
            Value::String(text) if text == "true" => Ok(Some(true)),
            Value::String(text) if text == "false" => Ok(Some(false)),
            other => Err(TemplateError::unexpected(&self.below(key), "true or false", other)),
        }
    }

    /// A number, also one written as text, because a parameter's value is always text.
    pub(crate) fn number<N: TryFrom<i64>>(&self, key: &str) -> Result<Option<N>, TemplateError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number.and_then(|number| N::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(TemplateError::unexpected(&self.below(key), "a whole number in range", value)),
        }
    }

    pub(crate) fn missing(&self, property: &str) -> TemplateError {
        TemplateError::Missing { place: self.place.clone(), property: property.to_owned() }
    }
}

/// A scalar as text.
pub(crate) fn text(place: &str, value: &Value) -> Result<String, TemplateError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => Err(TemplateError::unexpected(place, "text", other)),
    }
}
