//! Tests of WeRun: encrypted steps, generated or set by a test.

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::login::{decrypt, session_key};
use crate::StepInfo;

async fn steps(fixture: &Fixture) -> Value {
    let session = fixture.code_to_session(&fixture.login_code().await).await;
    let (status, data) = fixture.call_wx("getWeRunData", json!({})).await;
    assert_eq!((status, &data["errMsg"]), (200, &json!("getWeRunData:ok")));
    let plain = decrypt(&data, session_key(&session)).unwrap();
    let watermark = json!({"timestamp": fixture.now() / 1000, "appid": fixture.wechat.account().app_id});
    assert_eq!(plain["watermark"], watermark);
    plain["stepInfoList"].clone()
}

#[tokio::test]
async fn thirty_one_days_are_generated_until_a_test_sets_others() {
    let fixture = Fixture::new().await;
    let walked = steps(&fixture).await;
    assert_eq!(walked.as_array().unwrap().len(), 31);
    assert_eq!(walked[30]["timestamp"], 1_699_977_600);

    let set = json!([{"timestamp": 1_699_891_200, "step": 10_086}, {"timestamp": 1_699_718_400, "step": 0}]);
    let answer =
        fixture.post_json("/_wechat/werun", json!({"openid": fixture.openid, "stepInfoList": set})).await;
    let ascending =
        json!([{"timestamp": 1_699_718_400, "step": 0}, {"timestamp": 1_699_891_200, "step": 10_086}]);
    assert_eq!(answer["stepInfoList"], ascending);
    assert_eq!(steps(&fixture).await, ascending);
    fixture.wechat.set_steps(&fixture.openid, [StepInfo { timestamp: 1, step: 2 }]);
    assert_eq!(steps(&fixture).await, json!([{"timestamp": 1, "step": 2}]));
    fixture.post_json("/_wechat/werun", json!({"openid": fixture.openid})).await;
    assert_eq!(steps(&fixture).await, walked);
}

#[tokio::test]
async fn a_user_can_refuse() {
    let fixture = Fixture::new().await;
    let (status, answer) = fixture.call_wx("getWeRunData", json!({"userChoice": "reject"})).await;
    assert_eq!((status, &answer["errMsg"]), (400, &json!("getWeRunData:fail auth deny")));
}

#[tokio::test]
async fn wrong_steps_and_unknown_users_are_refused() {
    let fixture = Fixture::new().await;
    for body in [
        json!({}),
        json!({"openid": "onobody", "stepInfoList": []}),
        json!({"openid": fixture.openid, "stepInfoList": [{"timestamp": 1, "step": -1}]}),
        json!({"openid": fixture.openid, "steps": []}),
    ] {
        assert_eq!(fixture.post("/_wechat/werun", &body).await.unwrap().status(), 400, "{body}");
    }
}
