//! Tests of bills: both versions, missing bills, and changes by tests.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::fixture::Fixture;
use super::merchant::TestResponse;
use super::tls;
use crate::core::clock::{DAY, HOUR, MINUTE};
use crate::core::random;
use crate::pay::v2::xml;

const TODAY: &str = "2023-11-15";

/// A fixture with a payment, half of which is refunded, after the bill of that day was generated.
async fn reconciling() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    fixture.buy("order-0002").await;
    fixture.v3_post("/v3/refund/domestic/refunds", fixture.v3_refund("refund-1", 50)).await;
    fixture.wechat.wait_for_notices().await;
    fixture.advance(DAY + 4 * HOUR);
    fixture
}

async fn v2(fixture: &Fixture, changes: &[(&str, &str)]) -> String {
    let mut fields = fixture.query_fields(&[("out_trade_no", ""), ("bill_date", "20231115")]);
    fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let answer = fixture.post("/pay/downloadbill", fixture.signed(fields)).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

async fn v2_failure(fixture: &Fixture, changes: &[(&str, &str)]) -> String {
    let fields = xml::parse(&v2(fixture, changes).await).unwrap();
    assert_eq!(fields["return_code"], "FAIL");
    assert!(!fields.contains_key("sign"));
    fields["error_code"].clone()
}

async fn v3(fixture: &Fixture, query: &str) -> TestResponse {
    fixture.v3_get(&format!("/v3/bill/tradebill?{query}")).await
}

/// Downloads the file of the `download_url` in the response.
async fn file(fixture: &Fixture, answer: &TestResponse) -> TestResponse {
    let body = answer.json();
    let url = body["download_url"].as_str().unwrap();
    fixture.v3_get(url.strip_prefix(&fixture.base).unwrap()).await
}

/// The detail rows, without the back-ticks.
fn rows(text: &str) -> Vec<Vec<String>> {
    let details = text.lines().skip(1).take_while(|line| line.starts_with('`'));
    details.map(|line| line[1..].split(",`").map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn the_bill_has_what_was_paid_and_refunded_that_day() {
    let fixture = reconciling().await;
    fixture.v3_buy("order-0003").await;
    let text = v2(&fixture, &[]).await;
    let rows = rows(&text);
    assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [27, 27, 27]);
    let body: Vec<_> = rows.iter().map(|row| (row[6].as_str(), row[9].as_str(), row[24].as_str())).collect();
    assert_eq!(
        body,
        [
            ("order-0001", "SUCCESS", "1.01"),
            ("order-0002", "SUCCESS", "1.01"),
            ("order-0001", "REFUND", "0.00")
        ]
    );
    let refund = &rows[2];
    assert_eq!(
        (refund[15].as_str(), refund[16].as_str(), refund[19].as_str()),
        ("refund-1", "0.50", "SUCCESS")
    );
    assert_eq!((refund[22].as_str(), refund[25].as_str()), ("0.00000", "0.50"));
    assert_eq!(text.lines().last(), Some("`3,`2.02,`0.50,`0.00,`0.02000,`2.02,`0.50"));
}

#[tokio::test]
async fn both_versions_give_the_same_file() {
    let fixture = reconciling().await;
    let answer = v3(&fixture, &format!("bill_date={TODAY}")).await;
    assert!(answer.signed_by().is_some());
    let file = file(&fixture, &answer).await;
    assert_eq!(file.status, 200);
    assert!(!file.headers.contains_key("wechatpay-signature"));
    assert_eq!(String::from_utf8(file.bytes.clone()).unwrap(), v2(&fixture, &[]).await);
    assert_eq!(answer.json()["hash_type"], "SHA1");
    assert_eq!(answer.json()["hash_value"], random::hex(&Sha1::digest(&file.bytes)));
}

#[tokio::test]
async fn the_hash_is_over_the_file_before_it_is_compressed() {
    let fixture = reconciling().await;
    let answer = v3(&fixture, &format!("bill_date={TODAY}&bill_type=ALL&tar_type=GZIP")).await;
    let mut plain = Vec::new();
    GzDecoder::new(&*file(&fixture, &answer).await.bytes).read_to_end(&mut plain).unwrap();
    assert_eq!(answer.json()["hash_value"], random::hex(&Sha1::digest(&plain)));
    assert!(plain.starts_with("\u{feff}交易时间".as_bytes()));
}

#[tokio::test]
async fn a_bill_can_have_payments_or_refunds_only() {
    let fixture = reconciling().await;
    for (bill_type, count, columns) in [("SUCCESS", 2, 20), ("REFUND", 1, 29)] {
        let rows = rows(&v2(&fixture, &[("bill_type", bill_type)]).await);
        assert_eq!((rows.len(), rows[0].len()), (count, columns), "{bill_type}");
    }
}

#[tokio::test]
async fn an_address_is_good_for_five_minutes_and_needs_a_signature() {
    let fixture = reconciling().await;
    let answer = v3(&fixture, &format!("bill_date={TODAY}")).await;
    let url = answer.json()["download_url"].as_str().unwrap().to_owned();
    assert!(fixture.client.get(&url).send().await.unwrap().status().is_client_error());
    fixture.advance(5 * MINUTE - 1);
    assert_eq!(file(&fixture, &answer).await.status, 200);
    fixture.advance(1);
    assert_eq!(file(&fixture, &answer).await.outcome(), "404 RESOURCE_NOT_EXISTS");
}

#[tokio::test]
async fn over_tls_the_address_is_https() {
    let mut fixture = reconciling().await;
    fixture.base = tls::serve(&fixture).await;
    fixture.client = tls::client(&fixture.wechat, None);
    let answer = v3(&fixture, &format!("bill_date={TODAY}")).await;
    assert!(fixture.base.starts_with("https://"));
    assert_eq!(file(&fixture, &answer).await.status, 200);
}

#[tokio::test]
async fn a_bill_is_there_at_ten_the_next_day_and_for_three_months() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    let query = format!("bill_date={TODAY}");
    // 2023-11-15 06:14:02
    for wait in [0, 17 * HOUR + 46 * MINUTE, 9 * HOUR + 59 * MINUTE] {
        fixture.advance(wait);
        assert_eq!(v3(&fixture, &query).await.outcome(), "400 STATEMENT_CREATING");
        assert_eq!(v2_failure(&fixture, &[]).await, "20003");
    }
    fixture.advance(MINUTE);
    assert_eq!(v3(&fixture, &query).await.outcome(), "200");
    assert_eq!(v3(&fixture, "bill_date=2023-11-14").await.outcome(), "400 NO_STATEMENT_EXIST");
    assert_eq!(v2_failure(&fixture, &[("bill_date", "20231114")]).await, "20002");
    assert_eq!(v2_failure(&fixture, &[("bill_date", "20231117")]).await, "20001");
    fixture.advance(93 * DAY);
    assert_eq!(v3(&fixture, &query).await.outcome(), "400 PARAM_ERROR");
}

#[tokio::test]
async fn the_request_for_a_bill_is_checked() {
    let fixture = reconciling().await;
    for query in
        ["", "bill_date=20231115", "bill_date=2023-11-15&bill_type=NONE", "bill_date=2023-11-15&tar_type=ZIP"]
    {
        assert_eq!(v3(&fixture, query).await.outcome(), "400 PARAM_ERROR", "{query}");
    }
    for (name, value) in [("bill_date", "2023-11-15"), ("bill_type", "NONE"), ("tar_type", "ZIP")] {
        assert_eq!(v2_failure(&fixture, &[(name, value)]).await, "20001", "{name}");
    }
    let unsigned = fixture.post("/pay/downloadbill", "<xml></xml>").await.unwrap().text().await.unwrap();
    assert_eq!(xml::parse(&unsigned).unwrap()["error_code"], "20001");
}

#[tokio::test]
async fn a_bill_can_differ_from_what_happened() {
    let fixture = reconciling().await;
    fixture.wechat.alter_bill_amount("order-0001", 999);
    fixture.wechat.set_wrong_fee("order-0002");
    let text = rows(&v2(&fixture, &[]).await);
    assert_eq!((text[0][24].as_str(), text[1][22].as_str()), ("9.99", "0.02000"));
    let omit = json!({"change": "omit", "out_trade_no": "order-0001"});
    assert_eq!(fixture.post("/_wechat/bill", omit).await.unwrap().status(), 200);
    assert_eq!(rows(&v2(&fixture, &[]).await).len(), 1);
    assert_eq!(fixture.post("/_wechat/bill", json!({"change": "nothing"})).await.unwrap().status(), 400);

    let number = "4200000000202311150000000000";
    fixture.wechat.add_foreign_payment(number, "order-9999", 5, "oGZUI0egBJY1zhBYw2KhdUfwVJJE");
    fixture.advance(DAY);
    let next = rows(&v2(&fixture, &[("bill_date", "20231116")]).await);
    assert_eq!(
        (next[0][5].as_str(), next[0][6].as_str(), next[0][24].as_str()),
        (number, "order-9999", "0.05")
    );
}

#[tokio::test]
async fn a_bill_of_an_earlier_day_can_have_a_foreign_payment() {
    let fixture = reconciling().await;
    let foreign = |paid_at: &str| {
        json!({
            "change": "add_foreign",
            "transaction_id": "4200000000202311130000000000",
            "out_trade_no": "order-9998",
            "fee": 7,
            "openid": "oGZUI0egBJY1zhBYw2KhdUfwVJJE",
            "paid_at": paid_at,
        })
    };
    let added = fixture.post("/_wechat/bill", foreign("2023-11-13T23:59:59+08:00")).await.unwrap();
    assert_eq!(added.status(), 200);
    assert_eq!(fixture.post("/_wechat/bill", foreign("yesterday")).await.unwrap().status(), 400);
    let earlier = rows(&v2(&fixture, &[("bill_date", "20231113")]).await);
    assert_eq!((earlier[0][0].as_str(), earlier[0][6].as_str()), ("2023-11-13 23:59:59", "order-9998"));
}

#[tokio::test]
async fn a_bill_says_whether_it_is_text_or_compressed() {
    let fixture = reconciling().await;
    for (query, content_type) in [("", "text/plain"), ("&tar_type=GZIP", "application/x-gzip")] {
        let answer = v3(&fixture, &format!("bill_date={TODAY}{query}")).await;
        assert_eq!(file(&fixture, &answer).await.headers["content-type"], content_type);
    }
}

#[tokio::test]
async fn faults_make_a_bill_late_missing_or_corrupt() {
    let fixture = reconciling().await;
    fixture
        .add_faults(json!([
            {"fault": "bill_none", "times": 2},
            {"fault": "bill_not_ready", "times": 2},
            {"fault": "bill_corrupt", "times": 3},
        ]))
        .await;
    let query = format!("bill_date={TODAY}");
    assert_eq!(v3(&fixture, &query).await.outcome(), "400 NO_STATEMENT_EXIST");
    assert_eq!(v2_failure(&fixture, &[]).await, "20002");
    assert_eq!(v3(&fixture, &query).await.outcome(), "400 STATEMENT_CREATING");
    assert_eq!(v2_failure(&fixture, &[]).await, "20003");

    let answer = v3(&fixture, &query).await;
    let broken = file(&fixture, &answer).await.bytes;
    assert_ne!(answer.json()["hash_value"], random::hex(&Sha1::digest(&broken)));
    let answer = v3(&fixture, &format!("{query}&tar_type=GZIP")).await;
    let broken = file(&fixture, &answer).await.bytes;
    assert!(GzDecoder::new(&*broken).read_to_end(&mut Vec::new()).is_err());
    assert!(!v2(&fixture, &[]).await.contains("总交易单数"));
    assert!(v2(&fixture, &[]).await.contains("总交易单数"));
}

#[tokio::test]
async fn the_faults_of_every_api_apply_to_bills() {
    let fixture = reconciling().await;
    fixture
        .add_faults(json!([
            {"fault": "busy", "path": "/v3/bill/tradebill"},
            {"fault": "http_status", "path": "/v3/billdownload/file", "status": 502},
            {"fault": "busy", "path": "/pay/downloadbill"},
        ]))
        .await;
    let query = format!("bill_date={TODAY}");
    assert_eq!(v3(&fixture, &query).await.outcome(), "500 SYSTEM_ERROR");
    let answer = v3(&fixture, &query).await;
    assert_eq!(file(&fixture, &answer).await.status, 502);
    assert_eq!(file(&fixture, &answer).await.status, 200);
    let busy = xml::parse(&v2(&fixture, &[]).await).unwrap();
    assert_eq!(busy["return_msg"], "SYSTEMERROR");
}
