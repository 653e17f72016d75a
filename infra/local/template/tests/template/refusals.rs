//! Everything that is not known is an error that says where it stands and what is supported.

use crate::support::{deploy, deploy_with, function, refusal};

fn refuses(sections: &str, expected: &str) {
    let error = refusal(sections);
    assert!(error.contains(expected), "{error}\nlacks: {expected}");
}

fn resource(kind: &str, properties: &str) -> String {
    format!("Resources:\n  R: {{Type: '{kind}', Properties: {{{properties}}}}}\n")
}

fn policy(statement: &str) -> String {
    function(&format!("Policies:\n  - Statement:\n      - {{{statement}}}"))
}

fn event(kind: &str, properties: &str) -> String {
    function(&format!("Events:\n  E: {{Type: {kind}, Properties: {{{properties}}}}}"))
}

#[test]
fn unknown_sections_and_transforms_are_refused() {
    refuses(
        "Mappings: {}\nResources: {}\n",
        "Mappings: this property is not supported; supported: Conditions",
    );
    let error =
        local_template::Template::parse("Transform: Other\nResources: {}\n").err().unwrap().to_string();
    assert!(error.starts_with("Transform: Other is not supported"), "{error}");
    refuses("Globals: {Api: {}}\nResources: {}\n", "Globals.Api");
    refuses("Globals: {Function: {Policies: []}}\nResources: {}\n", "Globals.Function.Policies");
}

#[test]
fn unknown_resources_and_properties_are_refused() {
    refuses(
        &resource("AWS::EC2::Instance", ""),
        "Resources.R.Type: AWS::EC2::Instance is not supported; supported: AWS::C",
    );
    refuses(
        &resource("AWS::SNS::Topic", "Colour: 1"),
        "Resources.R.Properties.Colour: this property is not supported",
    );
    refuses(&function("Role: arn:aws:iam::0:role/x"), "!GetAtt <role of this template>.Arn");
    refuses(&function("Layers: []"), "Resources.F.Properties.Layers");
    refuses(&function("Environment: {Values: {}}"), "Resources.F.Properties.Environment.Values");
    refuses("Resources:\n  R: {Type: AWS::SNS::Topic, CreationPolicy: {}}\n", "Resources.R.CreationPolicy");
    refuses(
        "Resources:\n  R: {Type: AWS::SNS::Topic, DeletionPolicy: Snapshot}\n",
        "Snapshot is not supported",
    );
    refuses("Resources:\n  R: {Type: AWS::SNS::Topic, DependsOn: [X]}\n", "nothing is called \"X\"");
}

#[test]
fn functions_outside_the_bundle_are_refused() {
    let base = function("");
    refuses(&base.replace("functions/f", "code/f"), "expected functions/<name>, found \"code/f\"");
    refuses(&base.replace("functions/f", "functions/../f"), "expected functions/<name>");
    refuses(&base.replace("provided.al2023", "nodejs22.x"), "nodejs22.x is not supported");
    refuses(&base.replace("bootstrap", "index.handler"), "index.handler is not supported");
    refuses(&function("Timeout: soon"), "expected a whole number in range, found \"soon\"");
    for uri in ["functions/f/", "./functions/f", "./functions/f/"] {
        assert_eq!(deploy(&base.replace("functions/f", uri)).unwrap().functions[0].folder, "f");
    }
}

#[test]
fn permissions_that_are_not_explicit_are_refused() {
    refuses(&function("Policies: [AWSLambdaBasicExecutionRole]"), "a managed policy is not supported");
    refuses(&function("Policies: [{DynamoDBCrudPolicy: {TableName: t}}]"), "explicit statements only");
    refuses(&function("Policies: AWSLambda"), "expected a list");
    let arn = "Resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/t'";
    refuses(
        &policy(&format!("Effect: Deny, Action: dynamodb:GetItem, {arn}")),
        "Deny is not supported; supported: Allow",
    );
    refuses(&policy(&format!("Effect: Allow, Action: '*', {arn}")), "the action * is not supported");
    refuses(
        &policy(&format!("Effect: Allow, Action: 'dynamodb:*', {arn}")),
        "the action dynamodb:* is not supported",
    );
    refuses(&policy(&format!("Effect: Allow, Action: dynamodb:PutItems, {arn}")), "PutItem");
    refuses(&policy(&format!("Effect: Allow, Action: iam:PassRole, {arn}")), "supported: dynamodb:…");
    refuses(&policy(&format!("Effect: Allow, NotAction: dynamodb:GetItem, {arn}")), "NotAction");
    refuses(
        &policy("Effect: Allow, Action: dynamodb:GetItem, Resource: '*'"),
        "the resource * is not supported",
    );
    refuses(
        &policy("Effect: Allow, Action: dynamodb:GetItem, Resource: 'arn:aws:dynamodb:::table/*'"),
        "one whole ARN",
    );
    refuses(&policy("Effect: Allow, Action: dynamodb:GetItem"), "the property Resource is missing");
    refuses(
        &policy(&format!(
            "Effect: Allow, Action: dynamodb:GetItem, {arn}, Condition: {{StringLike: {{a: b}}}}"
        )),
        "StringLike: this property is not supported; supported: ForAllValues:StringEquals",
    );
}

#[test]
fn wildcards_are_refused_where_a_resource_can_be_named() {
    for (actions, resource) in [
        ("xray:PutTraceSegments", "*"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:000000000000:log-group:g:*"),
        ("ec2:CreateNetworkInterface", "arn:aws:ec2:us-east-1:000000000000:subnet/*"),
    ] {
        let stack = deploy(&policy(&format!("Effect: Allow, Action: '{actions}', Resource: '{resource}'")));
        let function = &stack.unwrap().functions[0];
        assert!(function.statements.is_empty() && function.lambda_statements.len() == 1, "{actions}");
    }
    for (actions, resource) in [
        ("[xray:PutTraceSegments, sqs:SendMessage]", "*"),
        ("logs:PutLogEvents", "*"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:000000000000:log-group:*:*"),
        ("ec2:CreateNetworkInterface", "*"),
        ("ec2:DeleteNetworkInterface", "arn:aws:ec2:us-east-1:*/*"),
        ("dynamodb:GetRecords", "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/*"),
    ] {
        refuses(
            &policy(&format!("Effect: Allow, Action: {actions}, Resource: '{resource}'")),
            "supported: one whole ARN",
        );
    }
    refuses(
        &policy(
            "Effect: Allow, Action: [dynamodb:GetItem, dynamodb:GetRecords], \
             Resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/t'",
        ),
        "such a mixture is not supported",
    );
}

#[test]
fn roles_with_unsupported_parts_are_refused() {
    let role = |function: &str, properties: &str| {
        let trusted = "{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}";
        let document = format!("AssumeRolePolicyDocument: {{Statement: [{trusted}]}}");
        let role = format!("  R: {{Type: AWS::IAM::Role, Properties: {{{document}, {properties}}}}}\n");
        self::function(function) + &role
    };
    let own = "Policies: [{PolicyName: own, PolicyDocument: {Statement: [{Effect: Allow, Action: sns:Publish, \
               Resource: 'arn:aws:sns:us-east-1:000000000000:t'}]}}]";
    let whole = role("Role: !GetAtt R.Arn", own);
    let function = &deploy(&whole).unwrap().functions[0];
    assert_eq!(function.role.as_deref(), Some("R"));
    assert_eq!(function.statements[0].actions, ["sns:Publish"]);
    let policy = |roles: &str| {
        let statement = "{Effect: Allow, Action: lambda:InvokeFunction, Resource: !GetAtt F.Arn}";
        let document = format!("PolicyDocument: {{Statement: [{statement}]}}");
        whole.clone()
            + &format!(
                "  P: {{Type: AWS::IAM::Policy, Properties: {{PolicyName: p, Roles: [{roles}], {document}}}}}\n"
            )
    };
    let allowed = &deploy(&policy("!Ref R")).unwrap().functions[0].statements;
    assert_eq!(allowed[1].actions, ["lambda:InvokeFunction"]);
    refuses(&policy("another"), "Resources.P.Properties.Roles: another is not supported");
    refuses(&role("", own), "Resources.R: a role that no function has is not supported");
    refuses(&role("Role: !GetAtt R.Arn\nPolicies: []", own), "Policies beside a Role");
    refuses(&role("Role: !GetAtt R.Arn", "ManagedPolicyArns: ['arn:aws:iam::aws:policy/A']"), "!Ref <policy");
    refuses(&whole.replace("lambda.amazonaws", "ec2.amazonaws"), "another principal than Lambda");
    refuses(&whole.replace("Service: lambda.amazonaws.com", "AWS: x"), "Principal.AWS");
}

#[test]
fn parameters_that_break_a_rule_are_refused() {
    let rules = "Parameters: {A: {Type: String, Default: \"\"}, B: {Type: String, Default: \"\"}}\nRules:\n  AHasB:\n    \
                 RuleCondition: !Not [!Equals [!Ref A, '']]\n    Assertions:\n      - Assert: !Not [!Equals [!Ref B, \
                 '']]\n        AssertDescription: A needs B\nResources: {}\n";
    assert!(deploy(rules).is_ok());
    assert!(deploy_with(rules, &[("A", "a"), ("B", "b")]).is_ok());
    let broken = deploy_with(rules, &[("A", "a")]).err();
    assert_eq!(broken.as_deref(), Some("Rules.AHasB.Assertions[0]: A needs B"));
}

#[test]
fn unknown_events_are_refused() {
    refuses(&event("SQS", "Queue: x"), "Events.E.Type: SQS is not supported; supported: DynamoDB, HttpApi");
    refuses(&event("HttpApi", "Path: api, Method: get"), "a path that starts with /");
    refuses(&event("HttpApi", "Path: /a, Method: fetch"), "FETCH is not supported");
    refuses(&event("HttpApi", "Path: /a, Method: get, PayloadFormatVersion: '1.0'"), "1.0 is not supported");
    refuses(&event("HttpApi", "Path: /a, Method: get, Auth: {Authorizer: AWS_IAM}"), "EnableIamAuthorizer");
    refuses(&event("HttpApi", "Path: /a, Method: get, Auth: {Authorizer: Mine}"), "Mine is not supported");
    refuses(&event("HttpApi", "Path: /a, Method: get, Auth: {Scopes: []}"), "Auth.Scopes");
    refuses(&event("ScheduleV2", "ScheduleExpression: at(2026-01-01T00:00:00)"), "supported: rate(1 minute)");
    refuses(&event("ScheduleV2", "ScheduleExpression: rate(1 minute), StartDate: x"), "StartDate");
    refuses(&event("Schedule", "Schedule: rate(1 minutes)"), "rate(1 minutes) is not supported");
    refuses(&event("DynamoDB", "Stream: x, StartingPosition: AT_TIMESTAMP"), "AT_TIMESTAMP is not supported");
}

#[test]
fn a_second_api_or_definition_is_refused() {
    refuses(&resource("AWS::Serverless::HttpApi", "CorsConfiguration: true"), "Properties.CorsConfiguration");
    refuses(&resource("AWS::Serverless::HttpApi", "DefinitionBody: {}"), "Properties.DefinitionBody");
    let two = "Resources:\n  A: {Type: AWS::Serverless::HttpApi}\n  B: {Type: AWS::Serverless::HttpApi}\n";
    refuses(two, "Resources.B: a second API is not supported");
    let unnamed = event("HttpApi", "Path: /a, Method: get") + "  Api: {Type: AWS::Serverless::HttpApi}\n";
    refuses(&unnamed, "the property ApiId is missing");
    let double = function(
        "Events:\n  A: {Type: HttpApi, Properties: {Path: /a, Method: get}}\n  \
                           B: {Type: HttpApi, Properties: {Path: /a, Method: GET}}",
    );
    refuses(&double, "the route GET /a stands there already");
}

#[test]
fn limits_of_unknown_routes_are_refused() {
    let api = |route: &str| {
        let limits = "{ThrottlingBurstLimit: 2, ThrottlingRateLimit: 1}";
        event("HttpApi", "ApiId: !Ref Api, Path: /a, Method: get")
            + &format!(
                "  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{RouteSettings: {{{route}: {limits}}}}}}}\n"
            )
    };
    assert_eq!(deploy(&api("GET /a")).unwrap().api.unwrap().route_throttling["GET /a"].burst, 2);
    refuses(&api("GET /b"), "nothing is called \"GET /b\"");
}

#[test]
fn an_api_may_be_implied() {
    let stack = deploy(&event("HttpApi", "Path: /a, Method: get")).unwrap();
    assert_eq!(stack.api.unwrap().logical_id, "ServerlessHttpApi");
    assert_eq!(deploy(&function("")).unwrap().api, None);
}

#[test]
fn incomplete_tables_are_refused() {
    let keys = "AttributeDefinitions: [{AttributeName: a, AttributeType: S}], KeySchema: [{AttributeName: a, KeyType: HASH}]";
    let table = |more: &str| resource("AWS::DynamoDB::Table", &format!("{keys}, {more}"));
    refuses(&table("BillingMode: PROVISIONED"), "PROVISIONED is not supported");
    refuses(&table("DeletionProtectionEnabled: true"), "the property BillingMode is missing");
    refuses(&table("BillingMode: PAY_PER_REQUEST, ProvisionedThroughput: {}"), "ProvisionedThroughput");
    refuses(
        &table("BillingMode: PAY_PER_REQUEST, TimeToLiveSpecification: {Enabled: true}"),
        "AttributeName is missing",
    );
    refuses(
        &resource("AWS::DynamoDB::Table", "BillingMode: PAY_PER_REQUEST"),
        "AttributeDefinitions is missing",
    );
    let streamless = table("BillingMode: PAY_PER_REQUEST") + "Outputs:\n  S: {Value: !GetAtt R.StreamArn}\n";
    refuses(&streamless, "the property StreamSpecification is missing");
}

#[test]
fn secrets_in_clear_are_refused() {
    refuses(
        &resource("AWS::SecretsManager::Secret", "SecretString: hunter2"),
        "Resources.R.Properties: a secret value must not stand in the template",
    );
    let half = "GenerateSecretString: {SecretStringTemplate: '{}'}";
    refuses(&resource("AWS::SecretsManager::Secret", half), "GenerateStringKey is missing");
    let wrong = "GenerateSecretString: {SecretStringTemplate: 'x', GenerateStringKey: k}";
    refuses(&resource("AWS::SecretsManager::Secret", wrong), "a JSON object as text");
}
