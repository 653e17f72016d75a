//! Small templates around the property under test.

use std::collections::BTreeMap;

use local_template::{Stack, Template};

pub(crate) fn given(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Deploys `sections`, to which the transform is added.
pub(crate) fn deploy(sections: &str) -> Result<Stack, String> {
    deploy_with(sections, &[])
}

pub(crate) fn deploy_with(sections: &str, parameters: &[(&str, &str)]) -> Result<Stack, String> {
    let text = format!("Transform: AWS::Serverless-2016-10-31\n{sections}");
    let template = Template::parse(&text).map_err(|error| error.to_string())?;
    template.deploy(&given(parameters)).map_err(|error| error.to_string())
}

pub(crate) fn refusal(sections: &str) -> String {
    match deploy(sections) {
        Ok(_) => panic!("accepted:\n{sections}"),
        Err(error) => error,
    }
}

/// A function with these properties, written at the depth of properties.
pub(crate) fn function(properties: &str) -> String {
    let properties: Vec<String> = properties.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: functions/f\n      \
         Handler: bootstrap\n      Runtime: provided.al2023\n{}",
        properties.concat()
    )
}

/// A topic whose name is the value under test; the topic's ARN ends with the result.
pub(crate) fn value_of(value: &str, more: &str) -> Result<String, String> {
    let stack = deploy(&format!(
        "Resources:\n  T: {{Type: AWS::SNS::Topic}}\nOutputs:\n  V:\n    Value: {value}\n{more}"
    ))?;
    Ok(stack.outputs["V"].clone())
}
