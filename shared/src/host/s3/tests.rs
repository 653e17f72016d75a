use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::{
    host::SystemRandomness,
    types::{UploadKind, UserId},
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2026-11-27T08:00:00Z.
const NOW: UnixSeconds = UnixSeconds::new(1_795_766_400);

fn signer(region: &str, token: Option<&str>) -> Signer {
    let credentials =
        Credentials::new("AKIAIOSFODNN7EXAMPLE", SECRET, token.map(str::to_owned), None, "test");
    Signer { credentials, region: region.to_owned() }
}

fn bucket(more: &[(&str, &str)]) -> UploadsBucket {
    let settings = [
        ("AWS_REGION", "cn-north-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("UPLOADS_BUCKET", "uploads-example"),
    ];
    let environment: BTreeMap<_, _> =
        settings.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let host = Host::new(environment, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
    UploadsBucket::new(&host).unwrap()
}

fn avatar() -> (ObjectKey, MediaType) {
    let media_type = UploadKind::Avatar.media_type("image/jpeg").unwrap();
    (ObjectKey::new(UploadKind::Avatar, media_type, &UserId::parse("u1").unwrap(), [7; 16]), media_type)
}

fn policy(fields: &BTreeMap<&'static str, String>) -> Value {
    serde_json::from_slice(&STANDARD.decode(&fields["policy"]).unwrap()).unwrap()
}

#[test]
fn a_policy_is_signed_as_botocore_signs_it() {
    let conditions = |token: &str| {
        format!(
            "{{\"expiration\": \"2026-11-27T08:10:00Z\", \"conditions\": [{{\"Content-Type\": \"image/jpeg\"}}, \
             {{\"success_action_status\": \"201\"}}, [\"content-length-range\", 1, 5242880], \
             {{\"bucket\": \"uploads-example\"}}, {{\"key\": \"u/o1/01J.jpg\"}}, \
             {{\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"}}, \
             {{\"x-amz-credential\": \"AKIAIOSFODNN7EXAMPLE/20261127/cn-north-1/s3/aws4_request\"}}, \
             {{\"x-amz-date\": \"20261127T080000Z\"}}{token}]}}"
        )
    };
    let signer = signer("cn-north-1", None);
    let sign = |policy: String| signer.sign("20261127", &STANDARD.encode(policy));
    assert_eq!(sign(conditions("")), "e5e44862ba407180110e458b0780ac3f4595a30c89582e2204a5bca65123a6c6");
    assert_eq!(
        sign(conditions(", {\"x-amz-security-token\": \"FwoGZXIvYXdzEXAMPLETOKEN\"}")),
        "42c8ba3acb3d26e51cc8eb7cea822ef7e60c23213af3c5a9ee570edd337ec36d"
    );
}

#[test]
fn every_field_of_a_form_is_a_condition_of_its_policy() {
    for token in [None, Some("FwoGZXIvYXdzEXAMPLETOKEN")] {
        let upload = post_form::Upload {
            bucket: "uploads-example",
            key: "u/o1/01J.jpg",
            content_type: "image/jpeg",
            max_bytes: 5_242_880,
            lifetime: Duration::from_secs(600),
        };
        let signer = signer("cn-north-1", token);
        let fields = post_form::sign(&signer, &upload, NOW);
        let policy = policy(&fields);
        assert_eq!(policy["expiration"], "2026-11-27T08:10:00Z");
        let conditions = policy["conditions"].as_array().unwrap();
        for (name, value) in fields.iter().filter(|(name, _)| !["policy", "x-amz-signature"].contains(name)) {
            assert!(conditions.contains(&json!({ *name: value })), "{name}");
        }
        assert!(conditions.contains(&json!({ "bucket": "uploads-example" })));
        assert!(conditions.contains(&json!(["content-length-range", 1, 5_242_880])));
        assert_eq!(fields.get("x-amz-security-token").map(String::as_str), token);
        assert_eq!(fields["x-amz-signature"], signer.sign("20261127", &fields["policy"]));
        assert_eq!(fields["x-amz-date"], "20261127T080000Z");
        assert_eq!(
            conditions.len(),
            fields.len(),
            "two fields without a condition, two conditions without a field"
        );
    }
}

#[test]
fn a_url_is_signed_as_in_the_example_of_amazon() {
    let address = BucketAddress {
        scheme: "https://".to_owned(),
        host: "examplebucket.s3.amazonaws.com".to_owned(),
        path: "/".to_owned(),
    };
    // 2013-05-24T00:00:00Z.
    let (now, day) = (UnixSeconds::new(1_369_353_600), Duration::from_secs(86_400));
    assert_eq!(
        presigned_get::sign(&signer("us-east-1", None), &address, "test.txt", now, day),
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[test]
fn a_form_is_posted_to_the_bucket_or_to_the_front_before_it() {
    let (key, media_type) = avatar();
    let url = |more: &[(&str, &str)]| bucket(more).post_form(&key, media_type, 1).url;
    assert_eq!(url(&[]), "https://uploads-example.s3.cn-north-1.amazonaws.com.cn/");
    assert_eq!(url(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9/")]), "http://127.0.0.1:9/uploads-example/");
    assert_eq!(url(&[("UPLOADS_BASE_URL", "https://up.example.com")]), "https://up.example.com/");
}

#[test]
fn a_form_ends_after_five_minutes_and_a_url_after_at_most_thirty_five() {
    let (key, media_type) = avatar();
    let form = bucket(&[]).post_form_at(NOW, &key, media_type, 100);
    assert_eq!(policy(&form.fields)["expiration"], "2026-11-27T08:05:00Z");
    let url = |seconds| bucket(&[]).presigned_get(&key, Duration::from_secs(seconds));
    assert!(url(60).contains("&X-Amz-Expires=60&"));
    assert!(url(86_400).contains("&X-Amz-Expires=2100&"));
}
