//! `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`.
//!
//! Only private buckets are supported, and policies that deny. What a lifecycle deletes is kept locally, and so is the rest of what
//! only AWS does.

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The age, in milliseconds, above which its policy denies signatures (`s3:signatureAge`); `None` when it denies none.
    pub max_signature_age_ms: Option<u64>,
}

impl Bucket {
    pub(crate) fn read(
        logical_id: &str,
        name: String,
        arn: String,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        properties.only(
            &["BucketName", "PublicAccessBlockConfiguration"],
            &[
                "BucketEncryption",
                "LifecycleConfiguration",
                "OwnershipControls",
                "Tags",
                "VersioningConfiguration",
            ],
        )?;
        let property = "PublicAccessBlockConfiguration";
        let block = properties.object(property)?.ok_or_else(|| properties.missing(property))?;
        block.only(&PUBLIC_ACCESS, &[])?;
        for setting in PUBLIC_ACCESS {
            if block.bool(setting)? != Some(true) {
                let place = block.below(setting);
                return Err(TemplateError::unsupported(&place, "a public bucket", &["true"]));
            }
        }
        Ok(Self { logical_id: logical_id.to_owned(), name, arn, max_signature_age_ms: None })
    }
}

/// Reads a policy, and gives its bucket what it denies.
pub(crate) fn apply_policy(buckets: &mut [Bucket], properties: &Fields<'_>) -> Result<(), TemplateError> {
    properties.only(&["Bucket", "PolicyDocument"], &[])?;
    let name = properties.required_string("Bucket")?;
    let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.name == name) else {
        let place = properties.below("Bucket");
        return Err(TemplateError::UnknownName { place, name, hint: "; use !Ref <bucket>".to_owned() });
    };
    let document =
        properties.object("PolicyDocument")?.ok_or_else(|| properties.missing("PolicyDocument"))?;
    document.only(&["Statement", "Version"], &[])?;
    for statement in document.objects("Statement")? {
        apply_denial(bucket, &statement)?;
    }
    Ok(())
}

/// Reads one statement. It must deny everything to everyone under one condition, because a denial that leaves something out is easily
/// weaker than it looks.
fn apply_denial(bucket: &mut Bucket, statement: &Fields<'_>) -> Result<(), TemplateError> {
    statement.only(&["Action", "Condition", "Effect", "Principal", "Resource"], &["Sid"])?;
    let whole = [bucket.arn.clone(), format!("{}/*", bucket.arn)];
    for (property, values, only) in [
        ("Effect", statement.strings("Effect")?, &["Deny".to_owned()][..]),
        ("Principal", statement.strings("Principal")?, &["*".to_owned()]),
        ("Action", statement.strings("Action")?, &["s3:*".to_owned()]),
        ("Resource", statement.strings("Resource")?, &whole),
    ] {
        if values != only {
            let place = statement.below(property);
            return Err(TemplateError::unsupported(&place, format!("{values:?}"), &[&only.join(" and ")]));
        }
    }
    let condition = statement.object("Condition")?.ok_or_else(|| statement.missing("Condition"))?;
    condition.only(&["Bool", "NumericGreaterThan"], &[])?;
    if let Some(flags) = condition.object("Bool")? {
        flags.only(&["aws:SecureTransport"], &[])?;
        // The local servers have no certificate, so nothing follows from it here.
        if flags.bool("aws:SecureTransport")? != Some(false) {
            let place = flags.below("aws:SecureTransport");
            return Err(TemplateError::unsupported(&place, "denying secure transport", &["false"]));
        }
    }
    if let Some(numbers) = condition.object("NumericGreaterThan")? {
        numbers.only(&["s3:signatureAge"], &[])?;
        bucket.max_signature_age_ms =
            numbers.number::<u32>("s3:signatureAge")?.map(u64::from).or(bucket.max_signature_age_ms);
    }
    Ok(())
}

const PUBLIC_ACCESS: [&str; 4] =
    ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
