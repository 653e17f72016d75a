//! `POST /api/uploads`

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use e2e::{Phone, Requests, Response, World};
use local_dynamo::OPERATOR;
use serde_json::{Value, json};
use shared::{
    host::{Host, SystemClock, SystemRandomness, UploadsBucket},
    types::{ObjectKey, UnixSeconds, UploadKind},
};

const PATH: &str = "/api/uploads";
const PICTURE: &[u8] = &[0xff, 0xd8, 0xff, 0, 13, 10, 45, 45, 7];

fn avatar() -> Value {
    json!({ "kind": "avatar", "contentType": "image/jpeg", "size": PICTURE.len() })
}

/// Posts a file with the form, as the phone does.
async fn upload(phone: &Phone<'_>, form: &Value, bytes: &[u8]) -> Response {
    let arguments = json!({
        "url": form["url"],
        "filePath": "wxfile://tmp_0123.jpg",
        "fileContent": STANDARD.encode(bytes),
        "name": "file",
        "formData": form["fields"],
    });
    phone.wx("uploadFile", arguments).await
}

/// The keys and contents of the bucket.
fn stored(world: &World) -> Vec<(String, Vec<u8>)> {
    let bucket = world.bundle().stack().bucket("UploadsBucket").expect("a bucket");
    let objects = world.bundle().s3().objects(&bucket.name);
    objects.into_iter().map(|object| (object.key, object.bytes)).collect()
}

/// S3 refuses the form, and stores nothing.
async fn assert_refused(world: &World, phone: &Phone<'_>, what: &str, form: &Value, bytes: &[u8]) {
    let answer = upload(phone, form, bytes).await.json();
    let status = answer["statusCode"].as_u64().expect("a status");
    assert!((400..500).contains(&status), "{what}: {answer}");
    assert_eq!(stored(world), [], "{what}");
}

/// What the function in this folder can sign.
fn bucket_of(world: &World, folder: &str) -> UploadsBucket {
    UploadsBucket::new(&world.bundle().host(folder).expect("a function")).expect("its settings")
}

fn seconds_ago(seconds: u64) -> UnixSeconds {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a time").as_secs();
    UnixSeconds::new(now - seconds)
}

#[tokio::test]
async fn a_picture_is_uploaded_with_the_form_byte_for_byte() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.post(PATH, &avatar()).await.ok().json();
    assert_eq!(form["expiresIn"], 300);
    let key = form["objectKey"].as_str().expect("a key");
    let user_id = phone.get("/api/user").await.ok().text("/user/userId");
    let parsed = ObjectKey::parse(key).expect("a key");
    assert_eq!((parsed.kind(), parsed.owner().as_str()), (UploadKind::Avatar, user_id.as_str()));

    let answer = upload(&phone, &form, PICTURE).await.json();
    assert_eq!(answer["statusCode"], 201, "{answer}");
    assert!(answer["data"].as_str().is_some_and(|data| data.contains(key)), "{answer}");
    assert_eq!(stored(&world), [(key.to_owned(), PICTURE.to_vec())]);
}

#[tokio::test]
async fn each_form_has_a_key_of_its_own_and_costs_no_request() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.post(PATH, &avatar()).await.ok();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let (form, requests) = world.count_requests(phone.post(PATH, &avatar())).await;
        assert_eq!(requests, Requests { dynamodb: 0, wechat: 0 });
        keys.push(form.ok().text("/objectKey"));
    }
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_file_that_is_not_what_the_form_is_for_is_not_stored() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.post(PATH, &avatar()).await.ok().json();
    assert_refused(&world, &phone, "too large", &form, &[7; 10]).await;
    assert_refused(&world, &phone, "empty", &form, &[]).await;
    for (field, value) in [
        ("Content-Type", "text/html"),
        ("key", "incoming/somebody/avatar-00112233445566778899aabbccddeeff.jpg"),
        ("success_action_status", "200"),
        ("success_action_redirect", "https://example.com/"),
        ("x-amz-meta-more", "1"),
        ("x-amz-security-token", "another"),
        ("x-amz-signature", "00"),
        ("x-amz-credential", "WxacodeFunction/20261127/us-east-1/s3/aws4_request"),
    ] {
        let mut changed = form.clone();
        changed["fields"][field] = json!(value);
        assert_refused(&world, &phone, field, &changed, PICTURE).await;
    }
    for field in ["Content-Type", "key", "policy", "x-amz-signature", "x-amz-security-token"] {
        let mut changed = form.clone();
        changed["fields"].as_object_mut().expect("an object").remove(field);
        assert_refused(&world, &phone, field, &changed, PICTURE).await;
    }
    assert_eq!(upload(&phone, &form, PICTURE).await.json()["statusCode"], 201, "the form itself is good");
}

#[tokio::test]
async fn a_policy_that_we_did_not_sign_is_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.post(PATH, &avatar()).await.ok().json();
    let policy = form["fields"]["policy"].as_str().expect("a policy");
    let policy = String::from_utf8(STANDARD.decode(policy).expect("Base64")).expect("a text");
    let wider = policy.replace("[\"content-length-range\",1,9]", "[\"content-length-range\",1,999]");
    assert_ne!(wider, policy);
    let mut forged = form.clone();
    forged["fields"]["policy"] = json!(STANDARD.encode(wider));
    assert_refused(&world, &phone, "forged", &forged, &[7; 10]).await;
}

#[tokio::test]
async fn a_form_that_has_ended_is_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let key = phone.post(PATH, &avatar()).await.ok().text("/objectKey");
    let key = ObjectKey::parse(&key).expect("a key");
    let media_type = UploadKind::Avatar.media_type("image/jpeg").expect("a type");
    let bucket = bucket_of(&world, "upload");
    let form = |age| {
        let form = bucket.post_form_at(seconds_ago(age), &key, media_type, 9);
        json!({ "url": form.url, "fields": form.fields })
    };
    assert_refused(&world, &phone, "after five minutes", &form(301), PICTURE).await;
    assert_eq!(upload(&phone, &form(280), PICTURE).await.json()["statusCode"], 201);
}

#[tokio::test]
async fn a_url_is_refused_when_the_role_does_not_allow_reading() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.post(PATH, &avatar()).await.ok().json();
    assert_eq!(upload(&phone, &form, PICTURE).await.json()["statusCode"], 201);
    let key = ObjectKey::parse(form["objectKey"].as_str().expect("a key")).expect("a key");
    // The function's role may store and not read.
    let url = bucket_of(&world, "upload").presigned_get(&key, Duration::from_secs(60));
    let answer = world.http().get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 403);
    let denied = world.dynamo().denied_permissions();
    assert_eq!(denied[0].action, "s3:GetObject");
    assert!(denied[0].resource.ends_with(key.as_str()), "{denied:?}");
    // Nobody reads without a signature.
    let unsigned = url.split('?').next().expect("an address");
    assert_eq!(world.http().get(unsigned).send().await.expect("an answer").status(), 403);
}

/// A bucket for which the operator signs.
fn bucket_of_operator(world: &World) -> UploadsBucket {
    let name = &world.bundle().stack().bucket("UploadsBucket").expect("a bucket").name;
    let addresses = world.bundle().inner_addresses();
    let (_, s3) = addresses.iter().find(|(name, _)| *name == "S3").expect("an address");
    let environment = [
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", OPERATOR.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", world.dynamo().secret_access_key(OPERATOR)),
        ("AWS_ENDPOINT_URL_S3", format!("http://{s3}")),
        ("UPLOADS_BUCKET", name.clone()),
    ];
    let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let host = Host::new(environment, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
    UploadsBucket::new(&host).expect("its settings")
}

#[tokio::test]
async fn a_signed_url_downloads_the_object_with_its_media_type() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.post(PATH, &avatar()).await.ok().json();
    assert_eq!(upload(&phone, &form, PICTURE).await.json()["statusCode"], 201);
    let key = ObjectKey::parse(form["objectKey"].as_str().expect("a key")).expect("a key");
    let url = bucket_of_operator(&world).presigned_get(&key, Duration::from_secs(60));
    let answer = world.http().get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert_eq!(answer.bytes().await.expect("a body"), PICTURE);
    for changed in [url.replace("X-Amz-Expires=60", "X-Amz-Expires=900"), url.replace(".jpg?", ".png?")] {
        assert_eq!(world.http().get(changed).send().await.expect("an answer").status(), 403);
    }
}

#[tokio::test]
async fn a_request_that_is_not_for_an_upload_gets_no_form() {
    let world = World::start().await;
    let phone = world.user().await;
    for (field, value, problem) in [
        ("kind", json!("video"), "参数有误：kind 须为 avatar、image 或 audio"),
        ("kind", Value::Null, "参数有误：kind 不能为空"),
        ("contentType", json!("image/gif"), "参数有误：contentType 须为 image/jpeg、image/png"),
        ("contentType", json!("image/jpeg\r\nx"), "参数有误：contentType 须为 image/jpeg、image/png"),
        ("size", json!(0), "参数有误：size 须为 1 字节到 1 MB"),
        ("size", json!(1_048_577), "参数有误：size 须为 1 字节到 1 MB"),
        ("key", json!("mine"), "参数有误：key 不是已知字段"),
    ] {
        let mut body = avatar();
        body[field] = value;
        let answer = phone.post(PATH, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{field}");
        assert_eq!(answer.text("/message"), problem);
    }
    let ten = json!({ "kind": "audio", "contentType": "audio/mpeg", "size": 10_485_760 });
    phone.post(PATH, &ten).await.ok();
    assert_eq!(world.post(PATH, &avatar()).await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_user_gets_thirty_forms_a_minute() {
    let world = World::start().await;
    let phone = world.user().await;
    // The minute that begins now is whole.
    world.clock.advance(Duration::from_secs(60 - world.now() % 60));
    for _ in 0..30 {
        phone.post(PATH, &avatar()).await.ok();
    }
    assert_eq!(phone.post(PATH, &avatar()).await.outcome(), "429 RATE_LIMITED");
}
