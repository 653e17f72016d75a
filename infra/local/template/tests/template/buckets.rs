//! Buckets, their policies, and permissions on their objects.

use crate::support::{deploy, refusal};

const PRIVATE: &str = "PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, \
                       RestrictPublicBuckets: true}";

fn bucket(properties: &str) -> String {
    format!("Resources:\n  B: {{Type: 'AWS::S3::Bucket', Properties: {{{properties}}}}}\n")
}

fn denying(condition: &str) -> String {
    format!(
        "{}  P:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      Bucket: !Ref B\n      PolicyDocument:\n        \
         Statement:\n          - Effect: Deny\n            Principal: '*'\n            Action: s3:*\n            \
         Resource: [!GetAtt B.Arn, !Sub '${{B.Arn}}/*']\n            Condition: {condition}\n",
        bucket(PRIVATE)
    )
}

fn objects(resource: &str) -> String {
    format!(
        "{}  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: functions/f\n      \
         Handler: bootstrap\n      Runtime: provided.al2023\n      Policies:\n        - Statement:\n            \
         - {{Effect: Allow, Action: s3:PutObject, Resource: !Sub '{resource}'}}\n",
        bucket(PRIVATE)
    )
}

#[test]
fn a_bucket_has_a_name_that_s3_takes() {
    let outputs = "Outputs:\n  Host: {Value: !GetAtt B.RegionalDomainName}\n  Name: {Value: !Ref B}\n";
    let stack = deploy(&format!("{}{outputs}", bucket(PRIVATE))).unwrap();
    let bucket = stack.bucket("B").unwrap();
    assert_eq!((bucket.name.as_str(), bucket.arn.as_str()), ("local-b", "arn:aws:s3:::local-b"));
    assert_eq!(bucket.max_signature_age_ms, None);
    assert_eq!(stack.outputs["Name"], "local-b");
    assert_eq!(stack.outputs["Host"], "local-b.s3.us-east-1.amazonaws.com");
}

#[test]
fn a_bucket_that_is_not_private_is_refused() {
    assert!(refusal(&bucket("")).contains("the property PublicAccessBlockConfiguration is missing"));
    let public = PRIVATE.replace("BlockPublicPolicy: true", "BlockPublicPolicy: false");
    assert!(refusal(&bucket(&public)).contains("a public bucket is not supported"));
    assert!(refusal(&bucket(&format!("{PRIVATE}, AccessControl: Private"))).contains("AccessControl"));
}

#[test]
fn a_policy_limits_the_age_of_signatures() {
    let stack = deploy(&denying("{NumericGreaterThan: {s3:signatureAge: 900000}}")).unwrap();
    assert_eq!(stack.bucket("B").unwrap().max_signature_age_ms, Some(900_000));
    deploy(&denying("{Bool: {aws:SecureTransport: false}}")).unwrap();
}

#[test]
fn a_policy_that_allows_or_leaves_something_out_is_refused() {
    let good = denying("{Bool: {aws:SecureTransport: false}}");
    for (part, other) in [
        ("Effect: Deny", "Effect: Allow"),
        ("Principal: '*'", "Principal: 'arn:aws:iam::0:root'"),
        ("Action: s3:*", "Action: s3:GetObject"),
        ("[!GetAtt B.Arn, !Sub '${B.Arn}/*']", "[!Sub '${B.Arn}/*']"),
        ("SecureTransport: false", "SecureTransport: true"),
        ("aws:SecureTransport", "aws:SourceVpc"),
        ("Bucket: !Ref B", "Bucket: other"),
    ] {
        assert!(good.contains(part), "{part}");
        refusal(&good.replace(part, other));
    }
}

#[test]
fn a_function_may_be_granted_the_objects_below_a_prefix() {
    let stack = deploy(&objects("${B.Arn}/incoming/*")).unwrap();
    assert_eq!(stack.functions[0].statements[0].resources, ["arn:aws:s3:::local-b/incoming/*"]);
    for resource in ["${B.Arn}/in*", "${B.Arn}*", "*", "${B.Arn}/*/x"] {
        assert!(refusal(&objects(resource)).contains("is not supported"), "{resource}");
    }
}
