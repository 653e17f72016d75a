//! The section `Rules`: the combinations of parameters that are allowed. CloudFormation checks them before it creates anything.

use std::collections::BTreeMap;

use serde_json::Value;

use super::condition::evaluate_one;
use crate::error::TemplateError;
use crate::pseudo_parameters::PseudoParameters;
use crate::read::fields::Fields;

/// Checks every rule of the section.
pub(crate) fn check_rules(
    section: Option<&Value>,
    pseudo: &PseudoParameters,
    parameters: &BTreeMap<String, Value>,
) -> Result<(), TemplateError> {
    let Some(section) = section else { return Ok(()) };
    let section = Fields::new("Rules", section)?;
    for (name, value) in section.entries() {
        let rule = Fields::new(section.below(name), value)?;
        rule.only(&["Assertions", "RuleCondition"], &[])?;
        if let Some(condition) = rule.value("RuleCondition")
            && !evaluate_one(condition, &rule.below("RuleCondition"), pseudo, parameters)?
        {
            continue;
        }
        for assertion in rule.objects("Assertions")? {
            assertion.only(&["Assert", "AssertDescription"], &[])?;
            let assert = assertion.value("Assert").ok_or_else(|| assertion.missing("Assert"))?;
            if !evaluate_one(assert, &assertion.below("Assert"), pseudo, parameters)? {
                let why = assertion.required_string("AssertDescription")?;
                return Err(TemplateError::Rule { place: assertion.place().to_owned(), why });
            }
        }
    }
    Ok(())
}
