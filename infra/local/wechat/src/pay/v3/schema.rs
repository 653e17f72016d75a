//! The rules for the fields of a JSON body: required or not, type, length and format.

use serde_json::Value;

use super::error::V3Error;

/// The rule for one field.
#[derive(Clone, Copy)]
pub(super) struct FieldSchema {
    name: &'static str,
    required: bool,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// A text: the greatest number of characters, and its format.
    Text(usize, fn(&str) -> bool),
    /// A text: the greatest number of bytes.
    Bytes(usize),
    /// A whole number: the least value.
    Integer(u64),
    Boolean,
    Object(&'static [FieldSchema]),
    List(&'static [FieldSchema]),
}

/// An optional text of at most `chars` characters.
pub(super) const fn text(name: &'static str, chars: usize) -> FieldSchema {
    FieldSchema { name, required: false, shape: Shape::Text(chars, |_| true) }
}

/// An optional text of at most `bytes` bytes.
pub(super) const fn bytes(name: &'static str, bytes: usize) -> FieldSchema {
    FieldSchema { name, required: false, shape: Shape::Bytes(bytes) }
}

/// An optional whole number, at least `least`.
pub(super) const fn integer(name: &'static str, least: u64) -> FieldSchema {
    FieldSchema { name, required: false, shape: Shape::Integer(least) }
}

pub(super) const fn boolean(name: &'static str) -> FieldSchema {
    FieldSchema { name, required: false, shape: Shape::Boolean }
}

pub(super) const fn object(name: &'static str, fields: &'static [FieldSchema]) -> FieldSchema {
    FieldSchema { name, required: false, shape: Shape::Object(fields) }
}

/// An optional list of objects.
pub(super) const fn list(name: &'static str, fields: &'static [FieldSchema]) -> FieldSchema {
    FieldSchema { name, required: false, shape: Shape::List(fields) }
}

impl FieldSchema {
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Sets the format of a text. It has no effect on other types.
    pub(super) const fn with_format(self, format: fn(&str) -> bool) -> Self {
        match self.shape {
            Shape::Text(limit, _) => Self { shape: Shape::Text(limit, format), ..self },
            _ => self,
        }
    }

    fn check(&self, value: Option<&Value>, at: &str) -> Result<(), V3Error> {
        let no = |issue: &str| Err(V3Error::parameter("body", at, issue));
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return if self.required { no("必填，不能为空") } else { Ok(()) };
        };
        match (self.shape, value) {
            (Shape::Text(..) | Shape::Bytes(_), Value::String(text)) if text.is_empty() && self.required => {
                no("必填，不能为空")
            }
            (Shape::Text(limit, _), Value::String(text)) if text.chars().count() > limit => {
                no("长度超过最大值")
            }
            (Shape::Bytes(limit), Value::String(text)) if text.len() > limit => no("长度超过最大值"),
            (Shape::Text(_, format), Value::String(text)) if !text.is_empty() && !format(text) => {
                no("不符合格式要求")
            }
            (Shape::Text(..) | Shape::Bytes(_), Value::String(_)) | (Shape::Boolean, Value::Bool(_)) => {
                Ok(())
            }
            (Shape::Integer(least), Value::Number(number)) => match number.as_i64() {
                Some(number) if u64::try_from(number).is_ok_and(|n| n >= least) && number <= MOST => Ok(()),
                Some(_) => no("超出取值范围"),
                None => no("应为整数"),
            },
            (Shape::Object(fields), Value::Object(_)) => check_at(fields, value, at),
            (Shape::List(fields), Value::Array(items)) => {
                (0..).zip(items).try_for_each(|(i, item): (usize, _)| match item {
                    Value::Object(_) => check_at(fields, item, &format!("{at}/{i}")),
                    _ => no("类型错误"),
                })
            }
            _ => no("类型错误"),
        }
    }
}

/// Checks all rules; the error names the first broken one. A null counts as absent. Fields without a rule may have any value.
pub(super) fn check(fields: &[FieldSchema], body: &Value) -> Result<(), V3Error> {
    check_at(fields, body, "")
}

fn check_at(fields: &[FieldSchema], object: &Value, at: &str) -> Result<(), V3Error> {
    fields.iter().try_for_each(|field| field.check(object.get(field.name), &format!("{at}/{}", field.name)))
}

/// The greatest whole number that Pay v3 takes.
const MOST: i64 = 2_147_483_647;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOODS: [FieldSchema; 2] = [text("id", 4).required(), integer("quantity", 1).required()];
    const RULES: [FieldSchema; 6] = [
        text("name", 4).required(),
        bytes("reason", 6),
        integer("total", 1),
        boolean("fapiao"),
        object("scene", &[text("ip", 9).required()]),
        list("goods", &GOODS),
    ];

    #[test]
    fn a_body_is_checked_by_type_length_and_least_value() {
        for good in [
            json!({"name": "四个汉字", "future": [1]}),
            json!({"name": "a", "reason": "两个", "total": 1, "fapiao": true, "scene": {"ip": "::1"}}),
            json!({"name": "a", "scene": null, "goods": [{"id": "1", "quantity": 1}]}),
        ] {
            assert_eq!(check(&RULES, &good), Ok(()), "{good}");
        }
        for bad in [
            json!({}),
            json!({"name": ""}),
            json!({"name": null}),
            json!({"name": 1}),
            json!({"name": "五个汉字呀"}),
            json!({"name": "a", "reason": "三个字"}),
            json!({"name": "a", "total": 0}),
            json!({"name": "a", "total": 1.0}),
            json!({"name": "a", "total": "1"}),
            json!({"name": "a", "total": 2_147_483_648_u64}),
            json!({"name": "a", "fapiao": "true"}),
            json!({"name": "a", "scene": {}}),
            json!({"name": "a", "scene": []}),
            json!({"name": "a", "goods": {}}),
            json!({"name": "a", "goods": [1]}),
            json!({"name": "a", "goods": [{"id": "1", "quantity": 0}]}),
        ] {
            assert_eq!(check(&RULES, &bad).unwrap_err().code, "PARAM_ERROR", "{bad}");
        }
    }
}
