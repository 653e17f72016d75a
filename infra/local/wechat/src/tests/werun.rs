//! Steps: from the phone, encrypted, as walked or as set.

use serde_json::{Value, json};

use super::login::{decrypt, session_key};
use super::world::World;
use crate::StepInfo;

async fn steps(world: &World) -> Value {
    let session = world.code_to_session(&world.login_code().await).await;
    let (status, data) = world.phone("getWeRunData", json!({})).await;
    assert_eq!((status, &data["errMsg"]), (200, &json!("getWeRunData:ok")));
    let plain = decrypt(&data, session_key(&session)).unwrap();
    let watermark = json!({"timestamp": world.now() / 1000, "appid": world.wechat.account().app_id});
    assert_eq!(plain["watermark"], watermark);
    plain["stepInfoList"].clone()
}

#[tokio::test]
async fn thirty_one_days_are_told_until_others_are_set() {
    let world = World::new().await;
    let walked = steps(&world).await;
    assert_eq!(walked.as_array().unwrap().len(), 31);
    assert_eq!(walked[30]["timestamp"], 1_699_977_600);

    let set = json!([{"timestamp": 1_699_891_200, "step": 10_086}, {"timestamp": 1_699_718_400, "step": 0}]);
    let answer =
        world.post_json("/_wechat/werun", json!({"openid": world.openid, "stepInfoList": set})).await;
    let ascending =
        json!([{"timestamp": 1_699_718_400, "step": 0}, {"timestamp": 1_699_891_200, "step": 10_086}]);
    assert_eq!(answer["stepInfoList"], ascending);
    assert_eq!(steps(&world).await, ascending);
    world.wechat.set_steps(&world.openid, [StepInfo { timestamp: 1, step: 2 }]);
    assert_eq!(steps(&world).await, json!([{"timestamp": 1, "step": 2}]));
    world.post_json("/_wechat/werun", json!({"openid": world.openid})).await;
    assert_eq!(steps(&world).await, walked);
}

#[tokio::test]
async fn a_user_may_say_no() {
    let world = World::new().await;
    let (status, answer) = world.phone("getWeRunData", json!({"userChoice": "reject"})).await;
    assert_eq!((status, &answer["errMsg"]), (400, &json!("getWeRunData:fail auth deny")));
}

#[tokio::test]
async fn wrong_steps_and_unknown_users_are_refused() {
    let world = World::new().await;
    for body in [
        json!({}),
        json!({"openid": "onobody", "stepInfoList": []}),
        json!({"openid": world.openid, "stepInfoList": [{"timestamp": 1, "step": -1}]}),
        json!({"openid": world.openid, "steps": []}),
    ] {
        assert_eq!(world.post("/_wechat/werun", &body).await.unwrap().status(), 400, "{body}");
    }
}
