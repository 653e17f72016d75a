//! The section `Conditions`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::scope::{DEPTH, Scope};
use crate::error::TemplateError;
use crate::pseudo_parameters::PseudoParameters;
use crate::read::fields::Fields;

/// Evaluates every condition of the section.
pub(crate) fn evaluate_all(
    section: Option<&Value>,
    pseudo: &PseudoParameters,
    parameters: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, bool>, TemplateError> {
    let Some(section) = section else { return Ok(BTreeMap::new()) };
    let declared: BTreeMap<&str, &Value> = Fields::new("Conditions", section)?.entries().collect();
    // Conditions can't refer to resources, and to each other only with `Condition`.
    let (no_conditions, no_resources) = (BTreeMap::new(), BTreeMap::new());
    let scope =
        Scope { pseudo, parameters, conditions: &no_conditions, resources: &no_resources, depth: DEPTH };
    let evaluation = Evaluation { scope, declared: &declared };
    declared
        .iter()
        .map(|(name, value)| {
            let value = evaluation.evaluate(value, &format!("Conditions.{name}"), DEPTH)?;
            Ok(((*name).to_owned(), value))
        })
        .collect()
}

/// Evaluates a condition function outside of the section, as rules have them.
pub(super) fn evaluate_one(
    value: &Value,
    place: &str,
    pseudo: &PseudoParameters,
    parameters: &BTreeMap<String, Value>,
) -> Result<bool, TemplateError> {
    let (no_conditions, no_resources, declared) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let scope =
        Scope { pseudo, parameters, conditions: &no_conditions, resources: &no_resources, depth: DEPTH };
    Evaluation { scope, declared: &declared }.evaluate(value, place, DEPTH)
}

struct Evaluation<'a> {
    scope: Scope<'a>,
    declared: &'a BTreeMap<&'a str, &'a Value>,
}

impl Evaluation<'_> {
    fn evaluate(&self, value: &Value, place: &str, depth: u8) -> Result<bool, TemplateError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(TemplateError::Circle { place: place.to_owned() });
        };
        let Some((name, argument)) =
            value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next())
        else {
            return Err(TemplateError::unexpected(place, "one condition function", value));
        };
        let place = &format!("{place}.{name}");
        match name.as_str() {
            "Condition" => match argument.as_str().and_then(|name| self.declared.get(name)) {
                Some(condition) => self.evaluate(condition, place, depth),
                None => Err(TemplateError::unexpected(place, "the name of a condition", argument)),
            },
            "Fn::And" => self.operands(argument, place, 2, depth).map(|all| all.into_iter().all(|one| one)),
            "Fn::Or" => self.operands(argument, place, 2, depth).map(|all| all.into_iter().any(|one| one)),
            "Fn::Not" => self.operands(argument, place, 1, depth).map(|all| !all.into_iter().all(|one| one)),
            "Fn::Equals" => match argument.as_array().map(Vec::as_slice) {
                Some([left, right]) => {
                    Ok(self.scope.resolve_text(left, place)? == self.scope.resolve_text(right, place)?)
                }
                _ => Err(TemplateError::unexpected(place, "two values", argument)),
            },
            unknown => Err(TemplateError::unsupported(place, unknown, &SUPPORTED)),
        }
    }

    fn operands(
        &self,
        argument: &Value,
        place: &str,
        least: usize,
        depth: u8,
    ) -> Result<Vec<bool>, TemplateError> {
        let most = if least == 1 { 1 } else { 10 };
        match argument.as_array() {
            Some(items) if (least..=most).contains(&items.len()) => {
                items.iter().map(|item| self.evaluate(item, place, depth)).collect()
            }
            _ => Err(TemplateError::unexpected(
                place,
                &format!("a list of {least} to {most} conditions"),
                argument,
            )),
        }
    }
}

const SUPPORTED: [&str; 5] = ["Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"];
