//! `infra/deploy/PERMISSIONS.md` is written from the template.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use local_template::{Function, RouteAuth, ScheduleExpression, Stack, Statement};

use crate::workspace::{read, stack, stack_with, template, with};

const PAGE: &str = "infra/deploy/PERMISSIONS.md";

/// Everything on one page.
fn page(template: &str) -> String {
    let stack = stack(template);
    let mut page = HEAD.to_owned();
    page.push_str(
        "\n## Functions\n\n| function | started by | tables | secrets | else |\n|---|---|---|---|---|\n",
    );
    for function in &stack.functions {
        let (tables, secrets, others) = sorted(&stack, &function.statements);
        let cells = [
            starts(function),
            lines(&tables),
            secrets.into_keys().collect::<Vec<_>>().join("<br>"),
            lines(&others),
        ];
        page.push_str(&format!("| {} | {} |\n", function.folder, cells.join(" | ")));
    }
    page.push_str(LAMBDA);
    page.push_str("\n| when | function | may |\n|---|---|---|\n");
    let usual: Words = stack
        .functions
        .iter()
        .map(|function| (function.folder.clone(), for_lambda(&stack, function)))
        .collect();
    let logs = "logs: CreateLogStream, PutLogEvents on its log group".to_owned();
    page.push_str(&format!("| always | every one | {logs} |\n"));
    for (folder, may) in &usual {
        for words in may.iter().filter(|words| **words != logs) {
            page.push_str(&format!("| always | {folder} | {words} |\n"));
        }
    }
    for (when, parameters) in [("`Tracing` is `Active`", &TRACED[..]), ("`Egress` is `VPC`", &NETWORK)] {
        let other = stack_with(template, parameters);
        let mut more = BTreeMap::<String, Vec<&str>>::new();
        for function in &other.functions {
            for words in for_lambda(&other, function).difference(&usual[&function.folder]) {
                more.entry(words.clone()).or_default().push(&function.folder);
            }
        }
        for (words, folders) in more {
            let who = if folders.len() == other.functions.len() {
                "every one".to_owned()
            } else {
                folders.join(", ")
            };
            page.push_str(&format!("| {when} | {who} | {words} |\n"));
        }
    }
    page.push_str("\n## Tables\n\n| table | who does what |\n|---|---|\n");
    page.push_str(&by_resource(&stack, |stack, statements| sorted(stack, statements).0));
    page.push_str("\n## Secrets\n\n| secret | read by |\n|---|---|\n");
    page.push_str(&by_resource(&stack, |stack, statements| sorted(stack, statements).1));
    page
}

type Words = BTreeMap<String, BTreeSet<String>>;

/// What is done to each table, each secret, and to anything else.
fn sorted(stack: &Stack, statements: &[Statement]) -> (Words, Words, Words) {
    let (mut tables, mut secrets, mut others) = (Words::new(), Words::new(), Words::new());
    for statement in statements {
        for resource in &statement.resources {
            let name = name(stack, resource);
            let sort = match resource.split(':').nth(2) {
                Some("dynamodb") => &mut tables,
                Some("secretsmanager") => &mut secrets,
                _ => &mut others,
            };
            let actions =
                statement.actions.iter().filter_map(|action| Some(action.split_once(':')?.1.to_owned()));
            sort.entry(name).or_default().extend(actions);
        }
    }
    (tables, secrets, others)
}

/// A resource by its name in the template.
fn name(stack: &Stack, arn: &str) -> String {
    if let Some(table) = stack.tables.iter().find(|table| arn.starts_with(&table.arn)) {
        let rest = arn.strip_prefix(&table.arn).unwrap_or_default();
        let stream = table.stream_arn.as_deref() == Some(arn);
        let rest = if stream { "'s stream" } else { rest.strip_prefix("/index").unwrap_or(rest) };
        return format!("{}{rest}", table.logical_id);
    }
    let bucket = |bucket: &&local_template::Bucket| arn.starts_with(&bucket.arn);
    if let Some(bucket) = stack.buckets.iter().find(bucket) {
        return format!("{}{}", bucket.logical_id, arn.strip_prefix(&bucket.arn).unwrap_or_default());
    }
    let known =
        stack.secrets.iter().find(|secret| secret.arn == arn).map(|secret| secret.logical_id.as_str());
    let known = known.or_else(|| {
        stack.queues.iter().find(|queue| queue.arn == arn).map(|queue| queue.logical_id.as_str())
    });
    let known = known
        .or_else(|| stack.event_buses.iter().find(|bus| bus.arn == arn).map(|bus| bus.logical_id.as_str()));
    let function = |one: &&Function| arn.ends_with(&format!(":function:{}", one.name));
    let known = known.or_else(|| stack.functions.iter().find(function).map(|one| one.folder.as_str()));
    let group = |group: &&local_template::LogGroup| arn.ends_with(&format!(":log-group:{}:*", group.name));
    let known = known.or_else(|| stack.log_groups.iter().find(group).map(|_| "its log group"));
    // What has no name in the template: the last part of an ARN, or everything.
    known.unwrap_or_else(|| arn.rsplit(':').next().unwrap_or(arn)).to_owned()
}

fn starts(function: &Function) -> String {
    let routes = function.routes.iter().map(|route| {
        let signed = if route.auth == RouteAuth::AwsIam { ", IAM" } else { "" };
        format!("{} {}{signed}", route.method, route.path)
    });
    let schedules = function.schedules.iter().map(|schedule| match &schedule.expression {
        ScheduleExpression::Rate(every) => format!("every {} min", every.as_secs() / 60),
        ScheduleExpression::Cron(_) => "a schedule".to_owned(),
    });
    let streams = function.streams.iter().map(|_| "a stream".to_owned());
    routes.chain(schedules).chain(streams).collect::<Vec<_>>().join("<br>")
}

fn lines(words: &Words) -> String {
    let line = |(name, actions): (&String, &BTreeSet<String>)| {
        format!("{name}: {}", actions.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    words.iter().map(line).collect::<Vec<_>>().join("<br>")
}

fn for_lambda(stack: &Stack, function: &Function) -> BTreeSet<String> {
    let one = |statement: &Statement| {
        let service = statement
            .actions
            .first()
            .and_then(|action| action.split_once(':'))
            .map_or("", |(service, _)| service);
        let actions = statement.actions.iter().filter_map(|action| Some(action.split_once(':')?.1));
        let on =
            statement.resources.iter().map(|resource| name(stack, resource)).collect::<Vec<_>>().join(", ");
        format!("{service}: {} on {on}", actions.collect::<Vec<_>>().join(", "))
    };
    function.lambda_statements.iter().map(one).collect()
}

fn by_resource(stack: &Stack, of: impl Fn(&Stack, &[Statement]) -> Words) -> String {
    let mut rows = BTreeMap::<String, Vec<String>>::new();
    for function in &stack.functions {
        for (resource, actions) in of(stack, &function.statements) {
            let actions = actions
                .into_iter()
                .filter(|action| action != "GetSecretValue")
                .collect::<Vec<_>>()
                .join(", ");
            let what = if actions.is_empty() {
                function.folder.clone()
            } else {
                format!("{}: {actions}", function.folder)
            };
            rows.entry(resource).or_default().push(what);
        }
    }
    let separator = |row: &Vec<String>| if row.iter().any(|what| what.contains(':')) { "<br>" } else { ", " };
    rows.into_iter()
        .map(|(resource, row)| format!("| {resource} | {} |\n", row.join(separator(&row))))
        .collect()
}

#[test]
fn the_page_of_permissions_is_current() {
    let expected = page(&template());
    if read(PAGE) != expected {
        let proposal = Path::new(env!("CARGO_TARGET_TMPDIR")).join("PERMISSIONS.md");
        std::fs::write(&proposal, &expected).expect("the proposal");
        panic!("{PAGE} is not what the template says:\n\n    cp {} {PAGE}\n", proposal.display());
    }
    let more = with(
        &template(),
        "                  - dynamodb:PutItem\n",
        "                  - dynamodb:DeleteItem\n",
    );
    assert_ne!(page(&more), expected);
}

const TRACED: [(&str, &str); 1] = [("Tracing", "Active")];
const NETWORK: [(&str, &str); 3] =
    [("Egress", "VPC"), ("BrokerSubnetIds", "subnet-1a"), ("BrokerSecurityGroupIds", "sg-1b")];
const HEAD: &str = "\
# What each function may do

Every permission and every secret, from [template.yaml](../../template.yaml). A test writes this page and fails when it is not
current; it says how to copy the new one. That each permission is needed, and that none is missing, is what
`tests/contract/permissions.rs` shows by doing everything once.

`IAM` marks the routes that operators sign for. Nobody else may read a secret, and no function may change one.
";
const LAMBDA: &str = "
## What Lambda may do in their name

The function's code does none of this: Lambda writes the log, reads the stream and names in a queue what it gave up. `*` stands only
where AWS takes no name. Each schedule has a role of its own, made by SAM, that may start its one function and do nothing else; API
Gateway may start the functions of its routes.
";
