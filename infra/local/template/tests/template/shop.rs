//! The whole template of a small shop.

use std::time::Duration;

use local_template::{RouteAuth, ScheduleExpression, Stack, StartingPosition, Template};
use serde_json::json;

use crate::support::given;

const SHOP: &str = include_str!("shop.yaml");

fn shop(more: &[(&str, &str)]) -> Stack {
    let mut parameters = given(more);
    parameters.insert("AppId".to_owned(), "wx12ab".to_owned());
    Template::parse(SHOP).unwrap().deploy(&parameters).unwrap()
}

#[test]
fn a_function_has_its_folder_environment_and_timeout() {
    let stack = shop(&[]);
    let order = stack.function("OrderFunction").unwrap();
    assert_eq!(order.folder, "order");
    assert_eq!(order.name, "local-OrderFunction");
    assert_eq!(order.timeout_seconds, 20);
    assert_eq!(order.memory_mib, Some(256));
    let environment: Vec<(&str, &str)> =
        order.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        environment,
        [
            ("APP_ID", "wx12ab"),
            ("NOTIFY_URL", "https://local.execute-api.us-east-1.amazonaws.com/api/pay/notify"),
            ("ORDERS_TABLE", "local-OrdersTable"),
            ("RUST_LOG", "debug"),
            ("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:000000000000:secret:local/pay-local0"),
            ("STAGE", "dev"),
        ]
    );
}

#[test]
fn routes_keep_their_variables_and_authorizers() {
    let stack = shop(&[]);
    let routes: Vec<(&str, &str, RouteAuth)> = stack.functions[0]
        .routes
        .iter()
        .map(|route| (route.method.as_str(), route.path.as_str(), route.auth))
        .collect();
    assert_eq!(
        routes,
        [
            ("ANY", "/api/admin/orders", RouteAuth::AwsIam),
            ("POST", "/api/orders", RouteAuth::None),
            ("GET", "/api/orders/{orderId}", RouteAuth::None),
        ]
    );
    let api = stack.api.unwrap();
    assert_eq!(api.stage, "$default");
    assert_eq!(api.throttling.unwrap().burst, 200);
    assert!(stack.outputs["ApiUrl"].starts_with(&api.endpoint));
}

#[test]
fn statements_name_whole_arns() {
    let stack = shop(&[]);
    let statements = &stack.functions[0].statements;
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/local-OrdersTable";
    assert_eq!(statements[0].sid.as_deref(), Some("Orders"));
    assert_eq!(statements[0].actions, ["dynamodb:GetItem", "dynamodb:PutItem"]);
    assert_eq!(statements[0].resources, [table]);
    assert_eq!(statements[1].resources, [format!("{table}/index/byUser")]);
    assert_eq!(statements[2].resources, [stack.secrets[0].arn.clone()]);
    assert_eq!(stack.tables[0].index_arn("byUser"), statements[1].resources[0]);
}

#[test]
fn schedules_and_streams_are_typed() {
    let stack = shop(&[]);
    let order = &stack.functions[0];
    assert_eq!(order.schedules[0].name, "local-daily");
    assert!(!order.schedules[0].enabled);
    assert_eq!(order.schedules[0].input.as_deref(), Some("{\"daily\":true}"));
    let ScheduleExpression::Cron(cron) = &order.schedules[0].expression else { panic!("not cron") };
    assert!(cron.fires_at(1_767_234_600), "half past ten in China");
    assert_eq!(order.schedules[1].name, "OrderFunctionSweep");
    assert_eq!(order.schedules[1].expression, ScheduleExpression::Rate(Duration::from_secs(60)));
    let stream = &order.streams[0];
    assert_eq!(Some(&stream.stream_arn), stack.tables[0].stream_arn.as_ref());
    assert_eq!(stream.starting_position, StartingPosition::TrimHorizon);
    assert_eq!(stream.batch_size, 10);
    assert!(stream.reports_item_failures);
    assert!(stream.filters[0].matches(&json!({"eventName": "INSERT"})));
    assert!(!stream.filters[0].matches(&json!({"eventName": "REMOVE"})));
}

#[test]
fn a_table_becomes_a_request_to_make_it() {
    let stack = shop(&[]);
    let table = &stack.tables[0];
    assert_eq!(
        table.create,
        json!({
            "TableName": "local-OrdersTable",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "orderId", "AttributeType": "S"},
                {"AttributeName": "userId", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "orderId", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "byUser",
                "KeySchema": [{"AttributeName": "userId", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]},
            }],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        })
    );
    assert_eq!(table.ttl_attribute.as_deref(), Some("expiresAt"));
    assert!(table.retained && table.point_in_time_recovery && table.encrypted);
}

#[test]
fn secrets_and_log_groups_are_listed() {
    let stack = shop(&[("Retention", "7")]);
    let secret = &stack.secrets[0];
    assert_eq!(secret.name, "local/pay");
    let generate = secret.generate.as_ref().unwrap();
    assert_eq!(generate.into.as_ref().unwrap().1, "apiKey");
    assert!(generate.exclude_punctuation);
    assert_eq!(stack.log_groups[0].name, "local-ApiLog");
    assert_eq!(stack.log_groups[1].name, "/aws/lambda/local-OrderFunction");
    assert_eq!(stack.log_groups[1].retention_days, Some(7));
}

#[test]
fn conditions_add_what_belongs_to_a_stage() {
    assert!(!shop(&[]).outputs.contains_key("Topic"));
    let stack = shop(&[("Stage", "prod"), ("AlarmEmail", "ops@example.com")]);
    let topic = "arn:aws:sns:us-east-1:000000000000:local-AlarmTopic";
    assert_eq!(stack.outputs["Topic"], topic);
    assert_eq!(stack.functions[0].environment["ALARM_TOPIC"], topic);
    assert_eq!(stack.functions[0].statements[2].conditions[0].values, ["a"]);
}

#[test]
fn the_template_of_this_repository_can_be_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../template.yaml");
    if path.exists() {
        Template::read(&path).unwrap();
    }
}
