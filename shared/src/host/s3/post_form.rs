//! S3's POST policy: a form that uploads one object.
//!
//! The string to sign is the Base64 text of the policy. There is no canonical request in it and no host, so the form also passes through a
//! front that keeps path and body.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ALGORITHM, Signer, day_of};
use crate::types::UnixSeconds;

/// A form for `wx.uploadFile`: a multipart POST to `url` with all `fields`, and the file as the last field, `file`.
#[derive(Clone, Serialize)]
pub struct PostForm {
    /// Where to post to.
    pub url: String,
    /// The fields before the file. S3 refuses further ones.
    pub fields: BTreeMap<&'static str, String>,
}

/// What a form may upload.
pub(super) struct Upload<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) content_type: &'a str,
    pub(super) max_bytes: u64,
    pub(super) lifetime: Duration,
}

/// The fields of the form, signed at `now`.
pub(super) fn sign(signer: &Signer, upload: &Upload<'_>, now: UnixSeconds) -> BTreeMap<&'static str, String> {
    let amz_date = now.to_amz_date();
    let day = day_of(&amz_date);
    let mut fields = BTreeMap::from([
        ("Content-Type", upload.content_type.to_owned()),
        ("key", upload.key.to_owned()),
        // With 201 the answer has a body that says what was stored.
        ("success_action_status", "201".to_owned()),
        ("x-amz-algorithm", ALGORITHM.to_owned()),
        ("x-amz-credential", signer.credential(day)),
        ("x-amz-date", amz_date.clone()),
    ]);
    // The credentials of a role are void without their token, and S3 refuses a field that the policy does not name.
    if let Some(token) = signer.credentials.session_token() {
        fields.insert("x-amz-security-token", token.to_owned());
    }
    let mut conditions: Vec<Value> = fields.iter().map(|(name, value)| json!({ *name: value })).collect();
    conditions.push(json!({ "bucket": upload.bucket }));
    conditions.push(json!(["content-length-range", 1, upload.max_bytes]));
    let policy = json!({ "expiration": now.plus(upload.lifetime).to_rfc3339(), "conditions": conditions });
    let policy = STANDARD.encode(policy.to_string());
    fields.insert("x-amz-signature", signer.sign(day, &policy));
    fields.insert("policy", policy);
    fields
}
