//! The section `Parameters`: declarations, defaults, and the checks CloudFormation makes before it deploys.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{ParameterProblem, TemplateError};
use crate::read::fields::{Fields, text};

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The parameter's name.
    pub name: String,
    /// The default value, if there is one.
    pub default: Option<String>,
    /// The template's description.
    pub description: Option<String>,
    /// `NoEcho`: whether consoles and logs hide the value.
    pub no_echo: bool,
    is_list: bool,
    allowed_values: Vec<String>,
    allowed_pattern: Option<String>,
    lengths: (Option<usize>, Option<usize>),
    values: (Option<i64>, Option<i64>),
}

/// Whether a parameter may be an address with `http://` although its pattern asks for `https://`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttpPolicy {
    /// Refused, as CloudFormation does.
    Reject,
    /// Accepted, for servers on the developer's own machine or network.
    Accept,
}

impl Parameter {
    pub(crate) fn read_all(section: Option<&Value>) -> Result<Vec<Self>, TemplateError> {
        let Some(section) = section else { return Ok(Vec::new()) };
        Fields::new("Parameters", section)?
            .entries()
            .map(|(name, value)| Self::read(name, &Fields::new(format!("Parameters.{name}"), value)?))
            .collect()
    }

    fn read(name: &str, fields: &Fields<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &[
                "AllowedPattern",
                "AllowedValues",
                "Default",
                "Description",
                "MaxLength",
                "MaxValue",
                "MinLength",
                "MinValue",
                "NoEcho",
                "Type",
            ],
            &["ConstraintDescription"],
        )?;
        let kind = fields.required_string("Type")?;
        let is_list = match kind.as_str() {
            "String" | "Number" => false,
            "CommaDelimitedList" | "List<Number>" => true,
            other if other.starts_with("List<AWS::EC2::") => true,
            other if other.starts_with("AWS::EC2::") => false,
            other => return Err(TemplateError::unsupported(&fields.below("Type"), other, &TYPES)),
        };
        Ok(Self {
            name: name.to_owned(),
            // Not `string`: an empty default is a value.
            default: fields
                .value("Default")
                .map(|value| text(&fields.below("Default"), value))
                .transpose()?,
            description: fields.string("Description")?,
            no_echo: fields.bool("NoEcho")?.unwrap_or(false),
            is_list,
            allowed_values: fields.strings("AllowedValues")?,
            allowed_pattern: fields.string("AllowedPattern")?,
            lengths: (fields.number("MinLength")?, fields.number("MaxLength")?),
            values: (fields.number("MinValue")?, fields.number("MaxValue")?),
        })
    }

    /// The value of `Ref` for each parameter. The values in `given` win over the defaults.
    pub(crate) fn values(
        declared: &[Self],
        given: &BTreeMap<String, String>,
        plain_http: PlainHttpPolicy,
    ) -> Result<BTreeMap<String, Value>, TemplateError> {
        if let Some(name) =
            given.keys().find(|name| !declared.iter().any(|parameter| parameter.name == **name))
        {
            return Err(problem(name, ParameterProblem::Undeclared));
        }
        declared
            .iter()
            .map(|parameter| {
                let value = given.get(&parameter.name).or(parameter.default.as_ref());
                let value = value.ok_or_else(|| problem(&parameter.name, ParameterProblem::Unset))?;
                parameter.check_value(value, plain_http).map_err(|found| problem(&parameter.name, found))?;
                Ok((parameter.name.clone(), parameter.ref_value(value)))
            })
            .collect()
    }

    fn ref_value(&self, value: &str) -> Value {
        if self.is_list {
            Value::Array(value.split(',').map(|item| Value::String(item.trim().to_owned())).collect())
        } else {
            Value::String(value.to_owned())
        }
    }

    fn check_value(&self, value: &str, plain_http: PlainHttpPolicy) -> Result<(), ParameterProblem> {
        let out_of_range = |rule: String| ParameterProblem::OutOfRange { value: value.to_owned(), rule };
        if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|allowed| allowed == value) {
            let allowed = self.allowed_values.join(", ");
            return Err(ParameterProblem::NotAllowed { value: value.to_owned(), allowed });
        }
        if let Some(pattern) = &self.allowed_pattern {
            // CloudFormation matches the whole value.
            let matcher = regex_lite::Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|_| ParameterProblem::PatternUnreadable(pattern.clone()))?;
            let over_tls = value.strip_prefix("http://").filter(|_| plain_http == PlainHttpPolicy::Accept);
            let over_tls = over_tls.map(|rest| format!("https://{rest}"));
            if !matcher.is_match(value) && !over_tls.is_some_and(|address| matcher.is_match(&address)) {
                return Err(ParameterProblem::Pattern { value: value.to_owned(), pattern: pattern.clone() });
            }
        }
        let length = value.chars().count();
        match self.lengths {
            (Some(least), _) if length < least => return Err(out_of_range(format!("MinLength: {least}"))),
            (_, Some(most)) if length > most => return Err(out_of_range(format!("MaxLength: {most}"))),
            _ => {}
        }
        let (least, most) = self.values;
        if least.is_none() && most.is_none() {
            return Ok(());
        }
        let number: i64 = value.parse().map_err(|_| out_of_range("Type: Number".to_owned()))?;
        match (least, most) {
            (Some(least), _) if number < least => Err(out_of_range(format!("MinValue: {least}"))),
            (_, Some(most)) if number > most => Err(out_of_range(format!("MaxValue: {most}"))),
            _ => Ok(()),
        }
    }
}

fn problem(name: &str, problem: ParameterProblem) -> TemplateError {
    TemplateError::Parameter { name: name.to_owned(), problem }
}

const TYPES: [&str; 6] =
    ["String", "Number", "CommaDelimitedList", "List<Number>", "AWS::EC2::…", "List<AWS::EC2::…>"];
