#!/usr/bin/env python3
"""What SAM makes of template.yaml: nothing is lost on the way, and SAM adds no permission that the template does not show.

The local world reads the template as it is written and the emulator of the rehearsal ignores part of it, so what CloudFormation is
given is looked at here.
"""

import json
import re
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

PARAMETERS = {"MiniProgramAppId": "wx0123456789abcdef", "MerchantId": "1900000109"}
STREAM_SETTINGS = [
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds",
]
SCHEDULER = "scheduler.amazonaws.com"
# What is called a name and names something below the resource, not the resource in its account.
NO_IDENTITY = [
    ("AWS::ApiGatewayV2::Stage", "StageName"),
    ("AWS::CloudWatch::Alarm", "MetricName"),
]


class NoManagedPolicies:
    def load(self):
        return {}


def translated():
    template = yaml_parse((Path(__file__).parents[1] / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return template["Resources"], transform(template, PARAMETERS, NoManagedPolicies())["Resources"]


def of(resources, kind):
    return {name: one for name, one in resources.items() if one["Type"] == kind}


def role_problems(written, made):
    own = of(written, "AWS::IAM::Role")
    for name, function in of(made, "AWS::Lambda::Function").items():
        role = function["Properties"]["Role"].get("Fn::GetAtt", [None])[0]
        if role not in own:
            yield f"{name} has the role {role}, which is not in the template"
    for name, role in of(made, "AWS::IAM::Role").items():
        if name in own:
            if role["Properties"] != own[name]["Properties"]:
                yield f"SAM changed {name}"
            continue
        # What a schedule starts its function with.
        properties = role["Properties"]
        if properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] != [SCHEDULER]:
            yield f"SAM made {name}, which is no schedule's"
        for policy in properties["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Action"] != "lambda:InvokeFunction" or "Fn::GetAtt" not in statement["Resource"]:
                    yield f"{name} may {statement['Action']} on {statement['Resource']}"
        if properties.get("ManagedPolicyArns"):
            yield f"{name} has policies of AWS"


def table_problems(written, made):
    tables = of(made, "AWS::DynamoDB::Table")
    for name, table in tables.items():
        if table != written[name]:
            yield f"SAM changed {name}"
        properties = table["Properties"]
        if properties.get("SSESpecification") != {"SSEEnabled": True}:
            yield f"{name} is not encrypted"
        if table.get("DeletionPolicy") == "Retain":
            if properties.get("DeletionProtectionEnabled") is not True:
                yield f"{name} is kept and can be deleted by hand"
            if properties.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
                yield f"{name} is kept and can't be restored"
    expires = lambda table: table["Properties"].get("TimeToLiveSpecification", {}).get("Enabled")
    expiring = {name for name, table in tables.items() if expires(table)}
    expected = {
        "ChallengesTable",
        "ConversationsTable",
        "GroupsTable",
        "IdempotencyTable",
        "InboxTable",
        "MediaChecksTable",
        "OutboxTable",
        "SharesTable",
    }
    if expiring != expected:
        yield f"rows expire in {sorted(expiring)}"


def api_problems(written, made):
    stages = list(of(made, "AWS::ApiGatewayV2::Stage").values())
    if len(stages) != 1:
        yield f"there are {len(stages)} stages"
        return
    stage, api = stages[0]["Properties"], written["Api"]["Properties"]
    for setting in ("AccessLogSettings", "DefaultRouteSettings", "RouteSettings"):
        if stage.get(setting) != api[setting]:
            yield f"the stage has another {setting}: {stage.get(setting)}"
    paths = made["Api"]["Properties"]["Body"]["paths"]
    for route in api["RouteSettings"]:
        method, path = route.split(" ")
        if method.lower() not in paths.get(path, {}):
            yield f"{route} is limited and is not there"
    for path, operations in paths.items():
        for method, operation in operations.items():
            signed = any("AWS_IAM" in security for security in operation.get("security", []))
            if signed != path.startswith("/api/admin/"):
                yield f"{method.upper()} {path} {'asks' if signed else 'does not ask'} for an operator's signature"


def function_problems(written, made):
    for name, function in of(made, "AWS::Lambda::Function").items():
        properties = function["Properties"]
        if properties.get("TracingConfig") not in ({"Mode": {"Ref": "Tracing"}}, {"Mode": "PassThrough"}):
            yield f"{name} is traced as {properties.get('TracingConfig')}"
        if "LogGroup" not in properties.get("LoggingConfig", {}):
            yield f"{name} has no log group"
    for name, mapping in of(made, "AWS::Lambda::EventSourceMapping").items():
        properties = mapping["Properties"]
        for wanted in STREAM_SETTINGS:
            if not properties.get(wanted):
                yield f"{name} lacks {wanted}"


def own(value):
    """Whether a name is one stack's own: made of another resource's, of the stack's, or of what the operator gives."""
    if not isinstance(value, dict):
        return False
    text = json.dumps(value)
    if "Fn::Sub" in value:
        return "${AWS::StackName}" in text or "${AWS::StackId}" in text
    return "Ref" in value or "Fn::GetAtt" in value or "AWS::StackName" in text


def name_problems(_, made):
    """A fixed name is taken once per account and region: the second stack would fail, and leave its kept tables behind."""
    for name, one in made.items():
        for setting, value in one.get("Properties", {}).items():
            if not setting.endswith("Name") or (one["Type"], setting) in NO_IDENTITY or own(value):
                continue
            yield f"{name} ({one['Type']}) has the fixed {setting} {value}"


def dashboard_problems(_, made):
    for name, dashboard in of(made, "AWS::CloudWatch::Dashboard").items():
        body = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
        unknown = {ref for ref in re.findall(r"\$\{(\w+)\}", body) if ref not in made}
        if unknown:
            yield f"{name} names {sorted(unknown)}"
        try:
            json.loads(re.sub(r"\$\{[^}]*\}", "x", body))
        except ValueError as error:
            yield f"{name} is no JSON: {error}"


def problems(written, made):
    for check in (role_problems, table_problems, api_problems, function_problems, name_problems, dashboard_problems):
        yield from check(written, made)
    text = json.dumps(made)
    if "arn:aws:" in text:
        yield f"an ARN of one partition: {text[text.index('arn:aws:'):][:80]}"


def blind(written, made):
    """The checks that do not notice that something is amiss."""
    for what, name, setting, value in (
        ("encryption", "OrdersTable", "SSESpecification", None),
        ("protection", "OrdersTable", "DeletionProtectionEnabled", None),
        ("a name of its own", "AccessTokenFunctionEveryMinute", "Name", "AccessTokenFunctionEveryMinute"),
        ("a name of its own", "OrdersTable", "TableName", "orders"),
        ("a name of its own", "EventBus", "Name", {"Fn::Sub": "orders-${AWS::Region}"}),
        ("recovery", "OrdersTable", "PointInTimeRecoverySpecification", None),
        ("expiry", "OutboxTable", "TimeToLiveSpecification", {}),
        ("a policy of AWS", "LoginRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        ("JSON", "Dashboard", "DashboardBody", {"Fn::Sub": '{"widgets": [}'}),
        ("throttling", "ApiApiGatewayDefaultStage", "RouteSettings", {}),
    ):
        properties = made[name]["Properties"]
        before = properties.get(setting)
        properties[setting] = value
        if not list(problems(written, made)):
            yield f"nothing notices a lack of {what} in {name}"
        if before is None:
            del properties[setting]
        else:
            properties[setting] = before


if __name__ == "__main__":
    written, made = translated()
    found = list(problems(written, made)) + list(blind(written, made))
    print("\n".join(found) or f"{len(made)} resources, as the template says")
    sys.exit(bool(found))
