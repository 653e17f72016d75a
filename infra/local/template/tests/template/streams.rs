//! Functions that read streams, queues for what they fail at, event buses.

use serde_json::json;

use crate::support::{deploy, refusal};

const EVENT: &str = "Stream: !GetAtt T.StreamArn, StartingPosition: LATEST";

/// A table with a stream, a queue, a bus, and a function that reads the stream with these properties.
fn template(event: &str) -> String {
    format!(
        r#"
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/f
      Handler: bootstrap
      Runtime: provided.al2023
      Environment: {{Variables: {{BUS: !Ref B}}}}
      Policies:
        - Statement: [{{Effect: Allow, Action: events:PutEvents, Resource: !GetAtt B.Arn}}]
      Events:
        Changes: {{Type: DynamoDB, Properties: {{{event}}}}}
        Daily: {{Type: ScheduleV2, Properties: {{ScheduleExpression: rate(1 day)}}}}
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      StreamSpecification: {{StreamViewType: NEW_IMAGE}}
  B: {{Type: AWS::Events::EventBus, Properties: {{Name: !Sub "${{AWS::StackName}}-bus"}}}}
  Q: {{Type: AWS::SQS::Queue}}
"#
    )
}

fn refuses(event: &str, expected: &str) {
    let error = refusal(&template(&format!("{EVENT}, {event}")));
    assert!(error.contains(expected), "{error}\nlacks: {expected}");
}

#[test]
fn a_stream_a_schedule_a_queue_and_a_bus_stand_beside_each_other() {
    let stack = deploy(&template(&format!(
        "{EVENT}, BatchSize: 5, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 3, \
         FunctionResponseTypes: [ReportBatchItemFailures], \
         DestinationConfig: {{OnFailure: {{Type: SQS, Destination: !GetAtt Q.Arn}}}}"
    )))
    .unwrap();
    let function = &stack.functions[0];
    let stream = &function.streams[0];
    assert_eq!((stream.batch_size, stream.retry_attempts, stream.bisect_on_error), (5, Some(3), true));
    assert_eq!(stream.on_failure.as_ref(), Some(&stack.queues[0].arn));
    assert_eq!(function.schedules.len(), 1);
    let bus = &stack.event_buses[0];
    assert_eq!((bus.logical_id.as_str(), bus.name.as_str()), ("B", "local-bus"));
    assert_eq!(bus.arn, "arn:aws:events:us-east-1:000000000000:event-bus/local-bus");
    assert_eq!(function.environment["BUS"], bus.name);
    assert_eq!(function.statements[0].resources, std::slice::from_ref(&bus.arn));
}

#[test]
fn filters_are_read_with_the_template() {
    let filter = |pattern: &str| format!("FilterCriteria: {{Filters: [{{Pattern: '{pattern}'}}]}}");
    let pattern = r#"{"dynamodb":{"NewImage":{"kind":{"S":["paid"]}}}}"#;
    let stack = deploy(&template(&format!("{EVENT}, {}", filter(pattern)))).unwrap();
    let filters = &stack.functions[0].streams[0].filters;
    assert!(filters[0].matches(&json!({"dynamodb": {"NewImage": {"kind": {"S": "paid"}}}})));
    assert!(!filters[0].matches(&json!({"dynamodb": {"NewImage": {"kind": {"S": "closed"}}}})));
    refuses(&filter(r#"{"$or":[]}"#), "Filters[0].Pattern.$or: a pattern for this field is not supported");
    refuses(&filter(r#"{"eventName":[{"numeric":["=",1]}]}"#), "the rule {\"numeric\"");
    refuses(&filter("x"), "expected JSON as text");
}

#[test]
fn a_stream_with_unsupported_settings_is_refused() {
    refuses("BatchSize: 0", "a number from 1 to 10000");
    refuses("TumblingWindowInSeconds: 10", "TumblingWindowInSeconds: this property is not supported");
    refuses("FunctionResponseTypes: [Other]", "Other is not supported");
    refuses("DestinationConfig: {OnFailure: {Destination: !GetAtt Q.Arn}}", "the property Type is missing");
    refuses("DestinationConfig: {OnFailure: {Type: SNS, Destination: x}}", "SNS is not supported");
    refuses("DestinationConfig: {OnFailure: {Type: SQS, Destination: x}}", "<queue of this template>.Arn");
    let error = refusal(&template("Stream: x, StartingPosition: LATEST"));
    assert!(error.contains("Events.Changes: x is not supported; supported: !GetAtt <table"), "{error}");
    let error = refusal(&template(EVENT).replace("NEW_IMAGE", "NEWEST"));
    assert!(error.contains("NEWEST is not supported"), "{error}");
}

#[test]
fn a_bus_has_a_name() {
    let bus = |properties: &str| {
        format!("Resources:\n  B: {{Type: AWS::Events::EventBus, Properties: {{{properties}}}}}\n")
    };
    assert!(refusal(&bus("")).contains("the property Name is missing"));
    assert!(refusal(&bus("Name: default")).contains("not \"default\""));
    assert!(refusal(&bus("Name: a/b")).contains("letters, digits"));
}
