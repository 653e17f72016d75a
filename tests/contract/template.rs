//! What every block of the template must have.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use local_gateway::start_function;
use local_template::{Function, Schedule, ScheduleExpression, Stack, Statement, Template};
use regex_lite::Regex;
use shared::{
    host::{Host, SystemClock, SystemRandomness},
    types::error_chain,
};

use crate::workspace::{assert_none, stack, stack_with, template, with};

/// The lines of a resource, from its logical id to the next one.
fn block<'t>(template: &'t str, logical_id: &str) -> &'t str {
    let (_, rest) = template.split_once(&format!("\n  {logical_id}:\n")).expect("the resource");
    let next = rest.match_indices("\n  ").map(|(at, _)| at + 3);
    let end = next.filter(|at| rest[*at..].starts_with(|first: char| first.is_ascii_uppercase())).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// The log group that the function's block names.
fn logged_to<'a>(template: &'a str, logical_id: &str) -> Option<&'a str> {
    let (_, rest) = block(template, logical_id).split_once("LogGroup: !Ref ")?;
    rest.split(|next: char| !next.is_ascii_alphanumeric()).next()
}

/// Each function writes to a log group of its own, and no log is kept for ever.
fn log_problems(template: &str) -> Vec<String> {
    let stack = stack(template);
    let mut named = BTreeMap::new();
    let mut problems = Vec::new();
    for function in &stack.functions {
        let id = &function.logical_id;
        match logged_to(template, id) {
            None => problems.push(format!("{id} has no LoggingConfig with a LogGroup")),
            Some(group) if !stack.log_groups.iter().any(|known| known.logical_id == group) => {
                problems.push(format!("{id} logs to {group}, which is no log group"));
            }
            Some(group) => {
                if let Some(other) = named.insert(group.to_owned(), id) {
                    problems.push(format!("{id} and {other} log to {group}"));
                }
            }
        }
    }
    let endless = stack.log_groups.iter().filter(|group| group.retention_days.is_none());
    problems.extend(endless.map(|group| format!("{} has no RetentionInDays", group.logical_id)));
    problems
}

/// Each function has a role of its own, with which Lambda may write the function's log, read its stream and name what it gave up.
fn role_problems(template: &str, stack: &Stack) -> Vec<String> {
    let mut taken = BTreeMap::new();
    let mut problems = Vec::new();
    for function in &stack.functions {
        let id = function.logical_id.as_str();
        match &function.role {
            None => problems.push(format!("{id} has the role that SAM makes, which may write to every log")),
            Some(role) => {
                if let Some(other) = taken.insert(role.clone(), id) {
                    problems.push(format!("{id} and {other} have the role {role}"));
                }
            }
        }
        let allowed: BTreeSet<(String, String)> = grants(&function.lambda_statements);
        let expected = expected_grants(template, stack, function);
        problems
            .extend(expected.difference(&allowed).map(|(action, on)| format!("{id} lacks {action} on {on}")));
        problems.extend(
            allowed.difference(&expected).map(|(action, on)| format!("{id} needs no {action} on {on}")),
        );
    }
    problems
}

fn grants(statements: &[Statement]) -> BTreeSet<(String, String)> {
    let pairs = |statement: &Statement| {
        let on = statement.resources.clone();
        let actions = statement.actions.clone().into_iter();
        actions.flat_map(move |action| on.clone().into_iter().map(move |on| (action.clone(), on)))
    };
    statements.iter().flat_map(|statement| pairs(statement).collect::<Vec<_>>()).collect()
}

/// What Lambda does in the function's name.
fn expected_grants(template: &str, stack: &Stack, function: &Function) -> BTreeSet<(String, String)> {
    let group = logged_to(template, &function.logical_id).unwrap_or_default();
    let group = stack.log_groups.iter().find(|known| known.logical_id == group);
    let logs = group.map(|group| format!("arn:aws:logs:us-east-1:000000000000:log-group:{}:*", group.name));
    let mut expected = BTreeSet::new();
    let mut add = |actions: &[&str], on: &str| {
        expected.extend(actions.iter().map(|action| ((*action).to_owned(), on.to_owned())));
    };
    add(&["logs:CreateLogStream", "logs:PutLogEvents"], &logs.unwrap_or_default());
    for stream in &function.streams {
        let read = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];
        let read = read.map(|action| format!("dynamodb:{action}"));
        add(&read.each_ref().map(String::as_str), &stream.stream_arn);
        if let Some(queue) = &stream.on_failure {
            add(&["sqs:SendMessage"], queue);
        }
    }
    expected
}

/// All tables are encrypted, what is money outlives mistakes, and rows go when and only when they should.
fn table_problems(stack: &Stack) -> Vec<String> {
    let mut problems = Vec::new();
    for table in &stack.tables {
        let id = table.logical_id.as_str();
        let mut check = |holds: bool, problem: &str| {
            if !holds {
                problems.push(format!("{id} {problem}"));
            }
        };
        check(table.encrypted, "is not encrypted (SSESpecification)");
        if KEPT.contains(&id) {
            check(table.retained, "is deleted with the stack (DeletionPolicy, UpdateReplacePolicy)");
            check(table.point_in_time_recovery, "can't be restored (PointInTimeRecoverySpecification)");
            check(
                table.deletion_protected,
                "can be deleted by a slip of the hand (DeletionProtectionEnabled)",
            );
        }
        let expected = EXPIRING.contains(&id).then_some("expires_at");
        check(
            table.ttl_attribute.as_deref() == expected,
            "has another TimeToLiveSpecification than it should",
        );
    }
    let missing = KEPT.iter().chain(&EXPIRING).filter(|id| stack.table(id).is_none());
    problems.extend(missing.map(|id| format!("{id} is not there")));
    problems
}

/// A setting that names a table or a secret stands beside a statement on it, and the other way round. That statements are used
/// is seen in `permissions.rs`.
fn setting_problems(stack: &Stack) -> Vec<String> {
    let tables = stack.tables.iter().map(|table| (&table.logical_id, &table.name, &table.arn));
    let secrets = stack.secrets.iter().map(|secret| (&secret.logical_id, &secret.arn, &secret.arn));
    let resources: Vec<_> = tables.chain(secrets).collect();
    let mut problems = Vec::new();
    for function in &stack.functions {
        let folder = &function.folder;
        for (id, value, arn) in &resources {
            let named = function.environment.values().any(|given| given == *value);
            let mut granted = function.statements.iter().flat_map(|statement| &statement.resources);
            let granted = granted.any(|given| given == *arn || given.starts_with(&format!("{arn}/index/")));
            match (named, granted) {
                (true, false) => {
                    problems.push(format!("{folder} knows the name of {id} and may do nothing with it"))
                }
                (false, true) => problems.push(format!("{folder} may use {id} and does not know its name")),
                _ => {}
            }
        }
    }
    problems
}

fn limit_problems(stack: &Stack) -> Vec<String> {
    let mut problems = Vec::new();
    for Function { logical_id, routes, schedules, timeout_seconds, memory_mib, .. } in &stack.functions {
        // API Gateway gives up after 30 seconds; a run every minute should end before the next, and one every hour may take as
        // long as Lambda allows.
        let is_seldom = |schedule: &Schedule| match &schedule.expression {
            ScheduleExpression::Cron(cron) => cron.minutes.len() == 1,
            ScheduleExpression::Rate(every) => every.as_secs() >= 3600,
        };
        let longest = match (routes.is_empty(), schedules.iter().all(is_seldom)) {
            (false, _) => 29,
            // Its workers overlap with the next run, and that does no harm.
            (true, false) if logical_id == "OrderSweepFunction" => 119,
            (true, false) => 59,
            (true, true) => 900,
        };
        if !(5..=longest).contains(timeout_seconds) {
            problems.push(format!("{logical_id} has a Timeout of {timeout_seconds} s: 5 to {longest}"));
        }
        if !memory_mib.is_some_and(|mib| (128..=1024).contains(&mib)) {
            problems.push(format!("{logical_id} has a MemorySize of {memory_mib:?} MiB: 128 to 1024"));
        }
        if routes.is_empty() && schedules.is_empty() {
            problems.push(format!("{logical_id} is called by nothing"));
        }
    }
    let Some(api) = &stack.api else { return vec!["there is no API".to_owned()] };
    if api.throttling.is_none() {
        problems.push("the API lets through any number of requests (DefaultRouteSettings)".to_owned());
    }
    // A flood elsewhere must not make WeChat Pay wait.
    for route in ["POST /api/pay/notify", "POST /api/pay/refund-notify"] {
        if !api.route_throttling.contains_key(route) {
            problems.push(format!("{route} has no share of its own (RouteSettings)"));
        }
    }
    problems
}

fn output_problems(stack: &Stack) -> Vec<String> {
    let notify = stack.outputs.get("NotifyUrl").map(String::as_str).unwrap_or_default();
    let path = notify.strip_prefix("https://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let routes = stack.functions.iter().flat_map(|function| &function.routes);
    let mut posts = routes.filter(|route| route.method == "POST").map(|route| route.path.as_str());
    match path {
        Some(path) if posts.any(|route| route == path) => Vec::new(),
        _ => vec![format!("the output NotifyUrl is {notify}, which is no route")],
    }
}

/// Every parameter is explained and none is a secret, because CloudFormation shows parameters: secrets are put into Secrets Manager.
fn parameter_problems(template: &str) -> Vec<String> {
    let template = Template::parse(template).expect("a template");
    let problems = template.parameters().iter().flat_map(|parameter| {
        let name = &parameter.name;
        let secret = ["Secret", "Key", "Password", "Token"].iter().any(|word| name.contains(word));
        let undescribed = parameter.description.is_none();
        let wrong = [
            (secret || parameter.no_echo, format!("the parameter {name} looks like a secret")),
            (undescribed, format!("the parameter {name} has no Description")),
        ];
        wrong.into_iter().filter_map(|(is, what)| is.then_some(what))
    });
    problems.collect()
}

/// What Lambda adds to the environment.
fn host(mut environment: BTreeMap<String, String>) -> Host {
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_FUNCTION_NAME"] {
        environment.insert(name.to_owned(), "local".to_owned());
    }
    Host::new(environment, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())
}

/// Each function starts with what the template gives it, and with nothing less.
async fn start_problems(stack: &Stack) -> Vec<String> {
    let mut problems = Vec::new();
    for Function { folder, environment, .. } in &stack.functions {
        if let Err(error) = start_function(folder, host(environment.clone())).await {
            let error = error_chain(&error);
            problems.push(format!("{folder} does not start with what the template gives it: {error}"));
            continue;
        }
        for name in environment.keys() {
            // Tables and secrets are judged by the permissions on them.
            if name.ends_with("_TABLE")
                || name.ends_with("_ARN")
                || name == "STACK_NAME" // The log reads it, of all functions.
                || OPTIONAL.contains(&(folder.as_str(), name.as_str()))
            {
                continue;
            }
            let mut less = environment.clone();
            less.remove(name);
            if start_function(folder, host(less)).await.is_ok() {
                problems.push(format!("{folder} starts without {name}: does it read it?"));
            }
        }
    }
    problems
}

#[test]
fn every_function_has_a_log_group_of_its_own_and_no_log_is_kept_for_ever() {
    assert_none(&log_problems(&template()));
    let template = template();
    let without = with(&template, "{LogGroup: !Ref UserLogGroup}", "{}");
    assert_eq!(log_problems(&without), ["UserFunction has no LoggingConfig with a LogGroup"]);
    let twice = with(&template, "!Ref UserLogGroup", "!Ref LoginLogGroup");
    assert_eq!(log_problems(&twice), ["UserFunction and LoginFunction log to LoginLogGroup"]);
    let lost = with(&template, "!Ref UserLogGroup", "!Ref UsersTable");
    assert_eq!(log_problems(&lost), ["UserFunction logs to UsersTable, which is no log group"]);
    let group = "  LoginLogGroup:\n    Type: AWS::Logs::LogGroup\n";
    let retention = "    Properties: {RetentionInDays: !Ref LogRetentionDays}\n";
    let endless = with(&template, &format!("{group}{retention}"), group);
    assert_eq!(log_problems(&endless), ["LoginLogGroup has no RetentionInDays"]);
}

#[test]
fn every_function_has_a_role_of_its_own_with_the_least_rights() {
    let template = template();
    assert_none(&role_problems(&template, &stack(&template)));
    // `stack` would refuse the role that is left over.
    let role = "      Role: !GetAtt UserRole.Arn\n";
    let none = with(&template, role, "");
    assert!(std::panic::catch_unwind(|| stack(&none)).is_err());
    let other = with(&template, "Resource: !GetAtt UserLogGroup.Arn", "Resource: !GetAtt LoginLogGroup.Arn");
    assert_eq!(role_problems(&other, &stack(&other)).len(), 4);
    let blind = with(&template, "                  - dynamodb:GetShardIterator\n", "");
    let problems = role_problems(&blind, &stack(&blind));
    assert!(problems.len() == 1 && problems[0].contains("lacks dynamodb:GetShardIterator"), "{problems:?}");
}

#[test]
fn parameters_that_need_each_other_must_be_given_together() {
    let template = template();
    let certificate = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/0123-abcd";
    let domain = [("DomainName", "api.example.cn"), ("CertificateArn", certificate)];
    let whole = stack_with(&template, &domain);
    assert_eq!(whole.outputs["NotifyUrl"], "https://api.example.cn/api/pay/notify");
    let prepay = &whole.function("UnifiedOrderFunction").expect("a function").environment;
    assert_eq!(prepay["PUBLIC_BASE_URL"], "https://api.example.cn");
    let network =
        [("Egress", "VPC"), ("BrokerSubnetIds", "subnet-1a,subnet-2b"), ("BrokerSecurityGroupIds", "sg-1")];
    let broker = stack_with(&template, &network);
    let more =
        |stack: &Stack, id: &str| grants(&stack.function(id).expect("a function").lambda_statements).len();
    let usual = stack(&template);
    assert!(more(&broker, "AccessTokenFunction") > more(&usual, "AccessTokenFunction"));
    assert_eq!(more(&broker, "LoginFunction"), more(&usual, "LoginFunction"));
    let traced = stack_with(&template, &[("Tracing", "Active")]);
    assert_eq!(more(&traced, "LoginFunction"), more(&usual, "LoginFunction") + 2);
    for refused in [&domain[..1], &network[..1], &network[..2]] {
        assert!(std::panic::catch_unwind(|| stack_with(&template, refused)).is_err(), "{refused:?}");
    }
    let both = [domain[0], domain[1], ("PublicBaseUrl", "https://other.example")];
    assert!(std::panic::catch_unwind(|| stack_with(&template, &both)).is_err());
}

#[test]
fn nothing_in_the_template_holds_in_one_partition_only() {
    let here = |template: &str| -> Vec<String> {
        let lines =
            template.lines().filter(|line| line.contains("arn:aws:") || line.contains("amazonaws.com"));
        let own = lines.filter(|line| !line.contains("Service: lambda.amazonaws.com"));
        own.map(|line| line.trim().to_owned()).collect()
    };
    assert_none(&here(&template()));
    let fixed = with(&template(), "!Sub arn:${AWS::Partition}:ec2", "!Sub arn:aws:ec2");
    assert_eq!(here(&fixed).len(), 1);
}

#[test]
fn tables_are_encrypted_money_is_kept_and_only_what_should_expires() {
    let template = template();
    assert_none(&table_problems(&stack(&template)));
    let kept = "  PaymentsTable:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n";
    let deleted = with(&template, kept, "  PaymentsTable:\n    Type: AWS::DynamoDB::Table\n");
    assert_eq!(
        table_problems(&stack(&deleted)),
        ["PaymentsTable is deleted with the stack (DeletionPolicy, UpdateReplacePolicy)"]
    );
    let bare = with(
        &template,
        &format!("{kept}    Properties:\n      DeletionProtectionEnabled: true\n"),
        &format!("{kept}    Properties:\n"),
    );
    assert_eq!(
        table_problems(&stack(&bare)),
        ["PaymentsTable can be deleted by a slip of the hand (DeletionProtectionEnabled)"]
    );
    let plain = with(&template, "SSEEnabled: true", "SSEEnabled: false");
    assert_eq!(table_problems(&stack(&plain)), ["UsersTable is not encrypted (SSESpecification)"]);
    let lost = with(&template, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false");
    assert_eq!(
        table_problems(&stack(&lost)),
        ["UsersTable can't be restored (PointInTimeRecoverySpecification)"]
    );
    let other = with(&template, "AttributeName: expires_at", "AttributeName: expired_at");
    assert_eq!(
        table_problems(&stack(&other)),
        ["GroupsTable has another TimeToLiveSpecification than it should"]
    );
}

#[test]
fn no_secret_stands_in_the_template() {
    for secret in &stack(&template()).secrets {
        let random = secret.generate.as_ref();
        // What the operator puts, or random text: nothing that stands in the template is a key.
        let template = random.and_then(|random| random.into.as_ref()).map(|(template, _)| template.as_str());
        assert!(template.is_none_or(|text| text == r#"{"kid":"1"}"#), "{}: {template:?}", secret.logical_id);
        assert!(random.is_none_or(|random| random.length >= 32), "{} is too short", secret.logical_id);
    }
    let written = "      Description: The merchant's keys.\n      SecretString: hunter2\n";
    let written = with(&template(), "      Description: The merchant's keys.\n", written);
    assert!(std::panic::catch_unwind(|| stack(&written)).is_err());
    assert_none(&parameter_problems(&template()));
    let secret =
        with(&template(), "  Architecture:\n    Type: String\n", "  MerchantKey:\n    Type: String\n");
    let problems = parameter_problems(&with(&secret, "!Ref Architecture", "!Ref MerchantKey"));
    assert_eq!(problems, ["the parameter MerchantKey looks like a secret"]);
    let undescribed = with(
        &template(),
        "    Description: WeChat Pay; behind a comma, where it is asked while that does not answer.\n",
        "",
    );
    assert_eq!(parameter_problems(&undescribed), ["the parameter PayApiBase has no Description"]);
}

#[test]
fn each_function_knows_exactly_the_tables_and_secrets_it_may_use() {
    let template = template();
    assert_none(&setting_problems(&stack(&template)));
    let more = "          SESSIONS_TABLE: !Ref SessionsTable\n          ORDERS_TABLE: !Ref OrdersTable\n";
    let more = with(&template, "          SESSIONS_TABLE: !Ref SessionsTable\n", more);
    assert_eq!(
        setting_problems(&stack(&more)),
        ["login knows the name of OrdersTable and may do nothing with it"]
    );
    let less = with(&template, "          USERS_TABLE: !Ref UsersTable\n", "");
    assert_eq!(setting_problems(&stack(&less)), ["login may use UsersTable and does not know its name"]);
    let secret = with(&template, "          MERCHANT_SECRET_ARN: !Ref MerchantSecret\n", "");
    assert_eq!(
        setting_problems(&stack(&secret)),
        ["order may use MerchantSecret and does not know its name"]
    );
}

#[tokio::test]
async fn each_function_starts_with_the_template_s_settings_and_no_fewer() {
    let template = template();
    assert_none(&start_problems(&stack(&template)).await);
    let more = "          WECHAT_API_BASE: !Ref WechatApiBase\n          MERCHANT_ID: !Ref MerchantId\n";
    let more = with(&template, "          WECHAT_API_BASE: !Ref WechatApiBase\n", more);
    assert_eq!(
        start_problems(&stack(&more)).await,
        ["access-token starts without MERCHANT_ID: does it read it?"]
    );
    let less = with(&template, "          PAY_SIGN_TYPE: !Ref PaySignType\n", "");
    assert_eq!(
        start_problems(&stack(&less)).await,
        [
            "order does not start with what the template gives it: order can't start: the environment variable \
             PAY_SIGN_TYPE is not set"
        ]
    );
}

#[test]
fn limits_are_set_and_the_address_for_notices_is_an_output() {
    let template = template();
    let whole = stack(&template);
    assert_none(&[limit_problems(&whole), output_problems(&whole)].concat());
    let slow = with(
        &template,
        "      Description: Exchanges a code of wx.login for a session token.\n",
        "      Timeout: 30\n",
    );
    assert_eq!(limit_problems(&stack(&slow)), ["LoginFunction has a Timeout of 30 s: 5 to 29"]);
    let large = with(&template, "MemorySize: 256", "MemorySize: 10240");
    // The others have a size of their own.
    let usual = whole.functions.iter().filter(|function| function.memory_mib == Some(256)).count();
    assert_eq!(limit_problems(&stack(&large)).len(), usual);
    let values = "\n        ThrottlingBurstLimit: !Ref ApiBurstLimit\n        ThrottlingRateLimit: !Ref ApiRateLimit\n";
    let limits = format!("      DefaultRouteSettings:{values}");
    assert_eq!(limit_problems(&stack(&with(&template, &limits, ""))).len(), 1);
    let shared = values.replace("\n        ", "\n          ");
    let shared = with(&template, &format!("        POST /api/pay/notify:{shared}"), "");
    assert_eq!(
        limit_problems(&stack(&shared)),
        ["POST /api/pay/notify has no share of its own (RouteSettings)"]
    );
    let moved = with(&template, "POST /api/pay/notify:", "POST /api/pay/notice:");
    let moved = with(&moved, "Path: /api/pay/notify", "Path: /api/pay/notice");
    assert_eq!(output_problems(&stack(&moved)).len(), 1);
}

/// Names that the template gives and that a second stack in the same account and region would give as well. SAM names a `ScheduleV2`
/// after its logical id unless it is told to leave that out.
fn name_problems(template: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for schedule in template.split("\n          Type: ScheduleV2\n          Properties:\n").skip(1) {
        let properties: Vec<&str> =
            schedule.lines().map_while(|line| line.strip_prefix("            ")).collect();
        if !properties.contains(&"OmitName: true") || properties.iter().any(|line| line.starts_with("Name:"))
        {
            problems.push(format!("a schedule has a fixed name: {}", properties.join(" ")));
        }
    }
    let (_, resources) = template.split_once("\nResources:\n").expect("resources");
    let resources = resources.split("\nOutputs:").next().unwrap_or(resources);
    let named = Regex::new(r"(?m)^      ([A-Za-z]*Name): (.+)$").expect("a pattern");
    problems.extend(
        named
            .captures_iter(resources)
            .filter(|found| &found[1] != "MetricName")
            // Another resource's name, a parameter of the operator's, or one that the stack's name makes its own.
            .filter(|found| !found[2].starts_with("!Ref ") && !found[2].contains("${AWS::StackName}"))
            .map(|found| format!("{} is fixed: {}", &found[1], &found[2])),
    );
    problems.extend(
        template.contains("\n    Export:").then(|| "an output is exported under a fixed name".to_owned()),
    );
    problems
}

#[test]
fn nothing_has_a_name_that_a_second_stack_would_have_too() {
    let template = template();
    assert_none(&name_problems(&template));
    for (part, other) in [
        ("            OmitName: true\n", ""),
        ("            OmitName: true\n", "            OmitName: true\n            Name: every-minute\n"),
        ("DashboardName: !Sub ${AWS::StackName}-${AWS::Region}", "DashboardName: !Sub shop-${AWS::Region}"),
        ("Name: !Sub ${AWS::StackName}-orders", "Name: orders"),
    ] {
        assert_eq!(name_problems(&with(&template, part, other)).len(), 1, "{other}");
    }
}

#[test]
fn plain_http_is_refused_for_every_address_of_a_deployed_stack() {
    let template = template();
    for parameter in ["PayApiBase", "PublicBaseUrl", "WechatApiBase"] {
        for refused in ["http://a.example", "http://127.0.0.1:3000", "https://a.example/", "HTTP://a.example"]
        {
            let given = [(parameter, refused)];
            assert!(
                std::panic::catch_unwind(|| stack_with(&template, &given)).is_err(),
                "{parameter}={refused}"
            );
        }
        let _ = stack_with(&template, &[(parameter, "https://a.example:8443")]);
    }
}

#[test]
fn the_access_log_says_which_operator_it_was_and_no_path() {
    let template = template();
    let (_, format) = template.split_once("        Format: >-\n").expect("the access log's format");
    let format: Vec<&str> =
        format.lines().take_while(|line| line.starts_with("          ")).map(str::trim).collect();
    let format: serde_json::Value = serde_json::from_str(&format.join(" ")).expect("JSON");
    assert_eq!(format["operator"], "$context.identity.userArn");
    assert!(!format.to_string().contains("path"), "{format}");
}

/// Tables with people, money and the catalogue, whose `stock` stands nowhere else.
const KEPT: [&str; 11] = [
    "BillsTable",
    "CardsTable",
    "CasesTable",
    "ComplaintsTable",
    "OrdersTable",
    "OutboxTable",
    "PaymentsTable",
    "ProductsTable",
    "RefundsTable",
    "SessionsTable",
    "UsersTable",
];
/// Tables whose rows expire. An order has an `expires_at` too, which is the end of its payment and must not delete the row.
const EXPIRING: [&str; 8] = [
    "ChallengesTable",
    "ConversationsTable",
    "GroupsTable",
    "IdempotencyTable",
    "InboxTable",
    "MediaChecksTable",
    "OutboxTable",
    "SharesTable",
];
/// Settings that may be empty: without an official account, without a message about a paid order, with the address of API
/// Gateway, without an agreed rate of fees, without a welcome text, with the bucket's own address.
const OPTIONAL: [(&str, &str); 18] = [
    ("complaint", "PUBLIC_BASE_URL"),
    ("access-token", "OFFICIAL_ACCOUNT_APP_ID"),
    ("card", "OFFICIAL_ACCOUNT_APP_ID"),
    ("jssdk", "JSSDK_HOSTS"),
    ("jssdk", "OFFICIAL_ACCOUNT_APP_ID"),
    ("jssdk", "PUBLIC_BASE_URL"),
    ("order", "PUBLIC_BASE_URL"),
    ("order-events", "PAID_TEMPLATE_DATA"),
    ("order-events", "PAID_TEMPLATE_ID"),
    ("order-events", "PAID_TEMPLATE_PAGE"),
    ("push-events", "CUSTOMER_WELCOME_TEXT"),
    ("order-sweep", "PUBLIC_BASE_URL"),
    ("pay-notify", "PUBLIC_BASE_URL"),
    ("reconcile", "PAY_FEE_RATE"),
    ("reconcile", "PUBLIC_BASE_URL"),
    ("refund", "PUBLIC_BASE_URL"),
    ("unified-order", "PUBLIC_BASE_URL"),
    ("upload", "UPLOADS_BASE_URL"),
];
