#!/usr/bin/env bash
# AWS SAM: a function's event of type ScheduleV2 gets a fixed name, so that a second stage in the same account can't be deployed.
#
# One would guess that ScheduleV2 is Schedule with more settings. A Schedule becomes an AWS::Events::Rule without a name, so that
# CloudFormation makes one that differs from stack to stack. A ScheduleV2 becomes an AWS::Scheduler::Schedule whose Name is its logical
# id, the same in every stack, and the name is unique in an account and region: dev deploys, prod rolls back with "already exists".
# `OmitName: true` is the way out; cfn-lint has no word about it. (aws-sam-translator 1.115.0, cfn-lint 1.58.0)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aws-sam-translator==1.115.0 cfn-lint==1.58.0 boto3
cat > template.yaml <<'YAML'
Transform: AWS::Serverless-2016-10-31
Resources:
  Sweep:
    Type: AWS::Serverless::Function
    Properties:
      Handler: bootstrap
      Runtime: provided.al2023
      CodeUri: s3://bucket/key
      Events:
        Old: { Type: Schedule, Properties: { Schedule: rate(5 minutes) } }
        New: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(5 minutes) } }
        NewWithout: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(5 minutes), OmitName: true } }
YAML
venv/bin/cfn-lint template.yaml && echo "cfn-lint: nothing" | tee found
AWS_DEFAULT_REGION=us-east-1 venv/bin/python - <<'PY' | tee -a found
from cfnlint.decode.cfn_yaml import load
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template = load("template.yaml")
resources = Translator({}, Parser()).translate(template, {})["Resources"]
for name, resource in sorted(resources.items()):
    if resource["Type"] in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
        print(name, resource["Type"], resource["Properties"].get("Name"))
PY
diff - found <<'END'
cfn-lint: nothing
SweepNew AWS::Scheduler::Schedule SweepNew
SweepNewWithout AWS::Scheduler::Schedule None
SweepOld AWS::Events::Rule None
END
