//! A server that asks whether its session key is live, and one that has it replaced.

use serde_json::Value;

use super::world::World;
use crate::base::open_data;
use crate::base::tokens::Owner;

async fn ask(world: &World, api: &str, session_key: &str, changes: &[(&str, &str)]) -> Value {
    let signature = open_data::session_signature("", session_key);
    let token = world.token_of(Owner::MiniProgram).await;
    let mut path = format!("/wxa/{api}?access_token={token}");
    for (name, value) in
        [("openid", world.openid.as_str()), ("signature", &signature), ("sig_method", "hmac_sha256")]
    {
        let value = changes.iter().find(|(given, _)| *given == name).map_or(value, |(_, value)| value);
        path.push_str(&format!("&{name}={value}"));
    }
    world.get_json(&path).await
}

async fn log_in(world: &World) -> String {
    world.code_to_session(&world.login_code().await).await["session_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_the_live_key_is_confirmed() {
    let world = World::new().await;
    let old = log_in(&world).await;
    assert_eq!(ask(&world, "checksession", &old, &[]).await["errcode"], 0);
    let new = log_in(&world).await;
    assert_eq!(ask(&world, "checksession", &old, &[]).await["errcode"], 87009);
    assert_eq!(ask(&world, "checksession", &new, &[]).await["errcode"], 0);
    for (name, value, errcode) in [
        ("openid", "onobody", 40003),
        ("openid", "", 40003),
        ("sig_method", "md5", 87008),
        ("signature", "", 87009),
    ] {
        assert_eq!(ask(&world, "checksession", &new, &[(name, value)]).await["errcode"], errcode, "{name}");
    }
}

#[tokio::test]
async fn a_reset_ends_the_old_key_at_once() {
    let world = World::new().await;
    let old = log_in(&world).await;
    let answer = ask(&world, "resetusersessionkey", &old, &[]).await;
    assert_eq!((&answer["errcode"], &answer["openid"]), (&0.into(), &world.openid.as_str().into()));
    let new = answer["session_key"].as_str().unwrap();
    assert_eq!(ask(&world, "checksession", &old, &[]).await["errcode"], 87009);
    assert_eq!(ask(&world, "checksession", new, &[]).await["errcode"], 0);
    assert_eq!(ask(&world, "resetusersessionkey", &old, &[]).await["errcode"], 87009);
    assert!(world.wechat.canaries().contains(&new.to_owned()));
    let shown = world.get_json("/_wechat/log").await.to_string();
    assert!(!shown.contains(new));
}
