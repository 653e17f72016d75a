//! Embedded DynamoDB and secrets endpoint that enforce the template's IAM statements.
