//! Each intrinsic, in long and in short form.

use crate::support::{deploy, refusal, value_of};

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:local-T";

#[test]
fn ref_gives_what_cloudformation_gives() {
    assert_eq!(value_of("!Ref T", "").unwrap(), TOPIC);
    assert_eq!(value_of("{Ref: T}", "").unwrap(), TOPIC);
    for (name, value) in [
        ("AWS::AccountId", "000000000000"),
        ("AWS::Partition", "aws"),
        ("AWS::Region", "us-east-1"),
        ("AWS::StackName", "local"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ] {
        assert_eq!(value_of(&format!("!Ref {name}"), "").unwrap(), value);
    }
}

#[test]
fn get_att_is_read_dotted_and_as_a_list() {
    assert_eq!(value_of("!GetAtt T.TopicName", "").unwrap(), "local-T");
    assert_eq!(value_of("{\"Fn::GetAtt\": [T, TopicName]}", "").unwrap(), "local-T");
    assert_eq!(value_of("!GetAtt [T, TopicArn]", "").unwrap(), TOPIC);
}

#[test]
fn sub_replaces_names_attributes_and_own_variables() {
    assert_eq!(value_of("!Sub 'a-${T}-${T.TopicName}'", "").unwrap(), format!("a-{TOPIC}-local-T"));
    assert_eq!(
        value_of("!Sub ['${X}:${AWS::Region}', {X: !Ref AWS::StackName}]", "").unwrap(),
        "local:us-east-1"
    );
    assert_eq!(value_of("{\"Fn::Sub\": '${!Literal}'}", "").unwrap(), "${Literal}");
}

#[test]
fn join_leaves_out_no_value() {
    assert_eq!(
        value_of("!Join ['-', [a, !Ref AWS::StackName, !Ref AWS::NoValue, c]]", "").unwrap(),
        "a-local-c"
    );
    assert_eq!(value_of("{\"Fn::Join\": ['', [a, b]]}", "").unwrap(), "ab");
}

#[test]
fn split_makes_a_list() {
    let joined = "!Join ['-', !Split [',', 'a,b,c']]";
    assert_eq!(value_of(joined, "").unwrap(), "a-b-c");
    assert!(value_of("!Join ['-', !Split [',', [a]]]", "").is_err());
}

#[test]
fn the_stage_of_an_api_can_be_named() {
    let section = "Resources:\n  A: {Type: AWS::Serverless::HttpApi}\nOutputs:\n  V: {Value: !Ref A.Stage}\n";
    assert_eq!(deploy(section).unwrap().outputs["V"], "$default");
    assert!(refusal(&section.replace("A.Stage", "B.Stage")).contains("nothing is called \"B\""));
}

#[test]
fn if_takes_the_branch_of_its_condition() {
    let conditions =
        "Conditions:\n  Here: !Equals [!Ref AWS::StackName, local]\n  There: !Not [!Condition Here]\n";
    assert_eq!(value_of("!If [Here, yes-it-is, !GetAtt Nothing.Arn]", conditions).unwrap(), "yes-it-is");
    assert_eq!(value_of("{\"Fn::If\": [There, a, b]}", conditions).unwrap(), "b");
}

#[test]
fn conditions_combine() {
    let section = "
Conditions:
  Holds: !Equals [a, a]
  Fails: !Equals [a, b]
  Both: !And [!Condition Holds, !Condition Fails]
  Either: !Or [{Condition: Holds}, {Condition: Fails}]
";
    assert_eq!(value_of("!If [Both, a, b]", section).unwrap(), "b");
    assert_eq!(value_of("!If [Either, a, b]", section).unwrap(), "a");
}

#[test]
fn names_in_the_template_win_over_generated_ones() {
    let stack = deploy(
        "Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${AWS::StackName}-q'}}\n  \
         B: {Type: AWS::Events::EventBus, Properties: {Name: bus}}\n\
         Outputs:\n  Url: {Value: !Ref Q}\n  Bus: {Value: !GetAtt B.Arn}\n  Name: {Value: !Ref B}\n",
    )
    .unwrap();
    assert_eq!(stack.outputs["Url"], "https://sqs.us-east-1.amazonaws.com/000000000000/local-q");
    assert_eq!(stack.outputs["Bus"], "arn:aws:events:us-east-1:000000000000:event-bus/bus");
    assert_eq!(stack.outputs["Name"], "bus");
}

#[test]
fn unknown_intrinsics_are_refused() {
    assert!(value_of("{\"Fn::Select\": [0, [a]]}", "").unwrap_err().contains("Fn::Select is not supported"));
    assert!(value_of("!ImportValue x", "").unwrap_err().contains("Outputs.V.Value: !ImportValue"));
    assert!(value_of("!Ref AWS::StackId", "").unwrap_err().contains("AWS::StackId is not supported"));
    assert!(value_of("{Ref: T, Other: 1}", "").unwrap_err().contains("Ref beside other keys"));
    assert!(value_of("'{{resolve:ssm:x}}'", "").unwrap_err().contains("a dynamic reference"));
}

#[test]
fn unknown_names_are_refused_with_their_place() {
    let error = value_of("!Ref Nobody", "").unwrap_err();
    assert!(error.starts_with("Outputs.V.Value.Ref: nothing is called \"Nobody\""), "{error}");
    assert!(value_of("!Sub '${Nobody}'", "").unwrap_err().contains("\"Nobody\""));
    assert!(value_of("!GetAtt T.Colour", "").unwrap_err().contains("supported: TopicArn, TopicName"));
    assert!(
        value_of("!If [Nobody, a, b]", "").unwrap_err().contains("the section Conditions must declare it")
    );
    assert!(value_of("!Sub '${T'", "").unwrap_err().contains("closing brace"));
}

#[test]
fn a_resource_whose_condition_is_false_is_not_created() {
    let error = refusal(
        "Conditions:\n  Never: !Equals [a, b]\n\
         Resources:\n  T: {Type: AWS::SNS::Topic, Condition: Never}\nOutputs:\n  V: {Value: !Ref T}\n",
    );
    assert!(error.contains("its condition Never does not hold"), "{error}");
}

#[test]
fn circular_references_are_refused() {
    let names = "Resources:\n  A: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref B}}\n  \
                 B: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref A}}\n";
    assert!(refusal(names).contains("in a circle"));
    let conditions = "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\nResources: {}\n";
    assert!(refusal(conditions).contains("in a circle"));
}
