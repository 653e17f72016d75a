//! Parameters: defaults, overrides, and the checks before a deployment.

use local_template::Template;

use crate::support::deploy_with;

fn value(declaration: &str, given: &[(&str, &str)]) -> Result<String, String> {
    let text =
        format!("Parameters:\n  P: {{{declaration}}}\nResources: {{}}\nOutputs:\n  V: {{Value: !Ref P}}\n");
    deploy_with(&text, given).map(|stack| stack.outputs["V"].clone())
}

#[test]
fn a_given_value_wins_over_the_default() {
    assert_eq!(value("Type: String, Default: a", &[]).unwrap(), "a");
    assert_eq!(value("Type: String, Default: a", &[("P", "b")]).unwrap(), "b");
    assert_eq!(value("Type: Number, Default: 7", &[]).unwrap(), "7");
    assert_eq!(value("Type: String, Default: ''", &[]).unwrap(), "");
}

#[test]
fn a_parameter_without_a_value_is_refused() {
    assert_eq!(
        value("Type: String", &[]).unwrap_err(),
        "parameter P: it has no default and no value was given"
    );
}

#[test]
fn a_value_for_an_undeclared_parameter_is_refused() {
    let error = value("Type: String, Default: a", &[("Q", "b")]).unwrap_err();
    assert_eq!(error, "parameter Q: the template declares no such parameter");
}

#[test]
fn values_outside_the_declaration_are_refused() {
    for (declaration, bad, good) in [
        ("Type: String, AllowedValues: [a, b]", "c", "b"),
        ("Type: String, AllowedPattern: '[a-z]+'", "a1", "ab"),
        ("Type: String, MinLength: 2", "a", "ab"),
        ("Type: String, MaxLength: 2", "abc", "ab"),
        ("Type: Number, MinValue: 2, MaxValue: 4", "5", "4"),
        ("Type: Number, MinValue: 2", "x", "2"),
    ] {
        assert!(value(declaration, &[("P", bad)]).is_err(), "{declaration} accepts {bad}");
        assert_eq!(value(declaration, &[("P", good)]).unwrap(), good);
    }
}

#[test]
fn plain_http_is_refused_unless_the_world_is_a_local_one() {
    let text = "Transform: AWS::Serverless-2016-10-31\nParameters:\n  P: {Type: String, AllowedPattern: '^https://[^/]+$'}\n\
                Resources: {}\nOutputs:\n  V: {Value: !Ref P}\n";
    let template = Template::parse(text).unwrap();
    let given = |value: &str| [("P".to_owned(), value.to_owned())].into();
    assert!(template.deploy(&given("http://127.0.0.1:1")).is_err());
    let local = template.deploy_with_plain_http(&given("http://127.0.0.1:1")).unwrap();
    assert_eq!(local.outputs["V"], "http://127.0.0.1:1");
    for refused in ["http://127.0.0.1:1/path", "ftp://127.0.0.1", "http:/127.0.0.1"] {
        assert!(template.deploy_with_plain_http(&given(refused)).is_err(), "{refused}");
    }
    assert!(template.deploy_with_plain_http(&given("https://a.example")).is_ok());
}

#[test]
fn lists_are_split_at_commas() {
    let text = "Parameters:\n  P: {Type: CommaDelimitedList}\nResources: {}\n\
                Outputs:\n  V: {Value: !Join ['|', !Ref P]}\n";
    let stack = deploy_with(text, &[("P", "a, b")]).unwrap();
    assert_eq!(stack.outputs["V"], "a|b");
}

#[test]
fn unknown_types_are_refused() {
    let error = value("Type: AWS::SSM::Parameter::Value<String>, Default: /a", &[]).unwrap_err();
    assert!(
        error.starts_with("Parameters.P.Type: AWS::SSM::Parameter::Value<String> is not supported"),
        "{error}"
    );
}

#[test]
fn parameters_are_listed_with_their_defaults() {
    let text = "Transform: AWS::Serverless-2016-10-31\nParameters:\n  A: {Type: String, Default: x, NoEcho: true}\n  \
                B: {Type: String}\nResources: {}\n";
    let template = Template::parse(text).unwrap();
    let listed: Vec<_> = template
        .parameters()
        .iter()
        .map(|one| (one.name.as_str(), one.default.as_deref(), one.no_echo))
        .collect();
    assert_eq!(listed, [("A", Some("x"), true), ("B", None, false)]);
}
