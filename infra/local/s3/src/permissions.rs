//! Which permission an operation requires, as IAM maps operations to actions.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>

use s3s::path::S3Path;

/// When the permission of an operation can be decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// At once: it is this action on the bucket or object of the path.
    Action(&'static str),
    /// With the request's content, which names an object.
    InContent,
    /// No statement of the template can allow it.
    OperatorOnly,
    /// At once: reading the object of the path, and listing the bucket to learn that there is none.
    Reading,
}

/// What the operation requires.
pub(crate) fn required(operation: &str) -> Requirement {
    match operation {
        "DeleteObject" => Requirement::Action("s3:DeleteObject"),
        "GetObject" | "HeadObject" => Requirement::Reading,
        "ListObjects" | "ListObjectsV2" => Requirement::Action("s3:ListBucket"),
        // The source of a copy requires one more permission, which the request's content decides.
        "CopyObject" | "PutObject" => Requirement::Action("s3:PutObject"),
        "DeleteObjects" | "PostObject" => Requirement::InContent,
        _ => Requirement::OperatorOnly,
    }
}

/// The ARN of a bucket or an object; `*` for the list of all buckets.
pub(crate) fn arn(partition: &str, path: &S3Path) -> String {
    match path {
        S3Path::Root => "*".to_owned(),
        S3Path::Bucket { bucket } => bucket_arn(partition, bucket),
        S3Path::Object { bucket, key } => object_arn(partition, bucket, key),
    }
}

/// The ARN of a bucket.
pub(crate) fn bucket_arn(partition: &str, bucket: &str) -> String {
    format!("arn:{partition}:s3:::{bucket}")
}

/// The ARN of an object.
pub(crate) fn object_arn(partition: &str, bucket: &str, key: &str) -> String {
    format!("arn:{partition}:s3:::{bucket}/{key}")
}
