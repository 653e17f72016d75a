//! Replaces intrinsics by their values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::substitute::{SubPart, split_parts};
use crate::error::TemplateError;
use crate::pseudo_parameters::PseudoParameters;
use crate::read::fields::text;
use crate::resource::RawResource;

/// The parameters, conditions and resources that intrinsics can refer to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) pseudo: &'a PseudoParameters,
    pub(crate) parameters: &'a BTreeMap<String, Value>,
    pub(crate) conditions: &'a BTreeMap<String, bool>,
    pub(crate) resources: &'a BTreeMap<String, RawResource>,
    pub(crate) depth: u8,
}

impl Scope<'_> {
    /// Replaces the intrinsics in `value`; `None` is `AWS::NoValue`, which removes the property or list item.
    pub(crate) fn resolve(&self, value: &Value, place: &str) -> Result<Option<Value>, TemplateError> {
        match value {
            Value::Object(map) => match intrinsic(map, place)? {
                Some((name, argument)) => self.deeper(place)?.call(name, argument, place),
                None => {
                    let mut resolved = Map::new();
                    for (key, entry) in map {
                        if let Some(entry) = self.resolve(entry, &format!("{place}.{key}"))? {
                            resolved.insert(key.clone(), entry);
                        }
                    }
                    Ok(Some(Value::Object(resolved)))
                }
            },
            Value::Array(items) => {
                let mut resolved = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    resolved.extend(self.resolve(item, &format!("{place}[{at}]"))?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            // Refused, because CloudFormation would write the secret into a property, where it can be read in clear.
            Value::String(text) if text.contains("{{resolve:") => {
                Err(TemplateError::unsupported(place, "a dynamic reference", &["the ARN of a secret"]))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    /// Resolves a value that must be a text.
    pub(crate) fn resolve_text(&self, value: &Value, place: &str) -> Result<String, TemplateError> {
        text(place, &self.resolve(value, place)?.unwrap_or(Value::Null))
    }

    /// The value of a condition of the section `Conditions`.
    pub(crate) fn condition(&self, name: &str, place: &str) -> Result<bool, TemplateError> {
        self.conditions.get(name).copied().ok_or_else(|| TemplateError::UnknownName {
            place: place.to_owned(),
            name: name.to_owned(),
            hint: "; the section Conditions must declare it".to_owned(),
        })
    }

    /// The scope one level deeper. The depth is limited, because names of resources can refer to resources in a circle.
    pub(super) fn deeper(&self, place: &str) -> Result<Self, TemplateError> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..*self }),
            None => Err(TemplateError::Circle { place: place.to_owned() }),
        }
    }

    fn call(&self, name: &str, argument: &Value, place: &str) -> Result<Option<Value>, TemplateError> {
        let place = &format!("{place}.{name}");
        match name {
            "Ref" => {
                let Value::String(target) = argument else {
                    return Err(TemplateError::unexpected(place, "a name", argument));
                };
                if target == "AWS::NoValue" {
                    return Ok(None);
                }
                self.reference(target, place).map(Some)
            }
            "Fn::GetAtt" => {
                let (target, attribute) = self.attribute_path(argument, place)?;
                self.attribute(&target, &attribute, place).map(|value| Some(Value::String(value)))
            }
            "Fn::Sub" => self.substitute(argument, place).map(|value| Some(Value::String(value))),
            "Fn::Join" => self.join(argument, place).map(|value| Some(Value::String(value))),
            "Fn::Split" => self.split(argument, place).map(Some),
            "Fn::If" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(condition), then, otherwise]) => {
                    let branch = if self.condition(condition, place)? { then } else { otherwise };
                    self.resolve(branch, place)
                }
                _ => Err(TemplateError::unexpected(
                    place,
                    "[condition, value if true, value if false]",
                    argument,
                )),
            },
            unknown => Err(TemplateError::unsupported(place, unknown, &SUPPORTED)),
        }
    }

    /// The value of `Ref`: of a pseudo parameter, a parameter or a resource.
    fn reference(&self, target: &str, place: &str) -> Result<Value, TemplateError> {
        if target.starts_with("AWS::") {
            return match self.pseudo.value(target) {
                Some(value) => Ok(Value::String(value.to_owned())),
                None => Err(TemplateError::unsupported(place, target, &PseudoParameters::NAMES)),
            };
        }
        if let Some(api) = target.strip_suffix(".Stage") {
            return self.stage(api, place).map(Value::String);
        }
        match self.parameters.get(target) {
            Some(value) => Ok(value.clone()),
            None => self.resource_reference(target, place).map(Value::String),
        }
    }

    fn attribute_path(&self, argument: &Value, place: &str) -> Result<(String, String), TemplateError> {
        let dotted = match argument {
            Value::String(dotted) => dotted.split_once('.'),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(target), Value::String(attribute)] => {
                    Some((target.as_str(), attribute.as_str()))
                }
                _ => None,
            },
            _ => None,
        };
        dotted
            .map(|(target, attribute)| (target.to_owned(), attribute.to_owned()))
            .ok_or_else(|| TemplateError::unexpected(place, "a resource and an attribute", argument))
    }

    fn substitute(&self, argument: &Value, place: &str) -> Result<String, TemplateError> {
        let none = Map::new();
        let (pattern, variables) = match argument {
            Value::String(pattern) => (pattern, &none),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(pattern), Value::Object(variables)] => (pattern, variables),
                _ => return Err(TemplateError::unexpected(place, "[text, mapping of variables]", argument)),
            },
            other => {
                return Err(TemplateError::unexpected(place, "text, or [text, mapping of variables]", other));
            }
        };
        let mut result = String::new();
        for piece in split_parts(pattern) {
            match piece {
                SubPart::Text(plain) => result.push_str(plain),
                SubPart::Literal(inner) => result.push_str(&format!("${{{inner}}}")),
                SubPart::Name(name) => {
                    let value = match (variables.get(name), name.split_once('.')) {
                        (Some(value), _) => self.resolve_text(value, place)?,
                        (None, Some((target, attribute))) => self.attribute(target, attribute, place)?,
                        (None, None) => text(place, &self.reference(name, place)?)?,
                    };
                    result.push_str(&value);
                }
                SubPart::Unclosed => {
                    return Err(TemplateError::unexpected(place, "a closing brace after ${", argument));
                }
            }
        }
        Ok(result)
    }

    fn split(&self, argument: &Value, place: &str) -> Result<Value, TemplateError> {
        let Some([Value::String(separator), whole]) = argument.as_array().map(Vec::as_slice) else {
            return Err(TemplateError::unexpected(place, "[separator, text]", argument));
        };
        let whole = self.resolve_text(whole, place)?;
        Ok(whole.split(separator.as_str()).map(|part| Value::String(part.to_owned())).collect())
    }

    fn join(&self, argument: &Value, place: &str) -> Result<String, TemplateError> {
        let shape = || TemplateError::unexpected(place, "[separator, list]", argument);
        let Some([Value::String(separator), list]) = argument.as_array().map(Vec::as_slice) else {
            return Err(shape());
        };
        let Some(Value::Array(items)) = self.resolve(list, place)? else { return Err(shape()) };
        let items: Vec<String> = items.iter().map(|item| text(place, item)).collect::<Result<_, _>>()?;
        Ok(items.join(separator))
    }
}

/// The intrinsic that a mapping stands for; `None` for a plain mapping.
pub(crate) fn intrinsic<'a>(
    map: &'a Map<String, Value>,
    place: &str,
) -> Result<Option<(&'a str, &'a Value)>, TemplateError> {
    let Some((name, argument)) = map.iter().find(|(key, _)| *key == "Ref" || key.starts_with("Fn::")) else {
        return Ok(None);
    };
    if map.len() == 1 {
        return Ok(Some((name, argument)));
    }
    Err(TemplateError::unsupported(place, format!("{name} beside other keys"), &["an intrinsic alone"]))
}

pub(crate) const DEPTH: u8 = 64;
const SUPPORTED: [&str; 6] = ["Fn::GetAtt", "Fn::If", "Fn::Join", "Fn::Split", "Fn::Sub", "Ref"];
