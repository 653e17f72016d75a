//! The search for secrets and people when a world ends.

use crate::World;

/// Searches the log, the tables, the timeline and the responses; panics at the first secret or person found.
pub(crate) fn search(world: &World) {
    let Some(wechat) = world.bundle().wechat() else { return };
    let log = world.log();
    let tables = world.dynamo().dump_tables().expect("the tables");
    let mut secrets = wechat.secrets();
    for secret in &world.bundle().stack().secrets {
        let value = world.dynamo().secret(&secret.logical_id).unwrap_or_default();
        // Every text in the secret that is long enough to be a key.
        secrets.extend(value.split('"').filter(|text| text.len() >= 16).map(str::to_owned));
    }
    let timeline: Vec<String> =
        world.bundle().timeline().events_after(0).iter().map(ToString::to_string).collect();
    let timeline = timeline.join("\n");
    let responses = world.responses();

    // Secrets: nowhere.
    for secret in &secrets {
        refuse(&log, secret, "a secret is in the log");
        refuse(&tables, secret, "a secret is in a table in clear");
        refuse(&timeline, secret, "a secret is in the timeline");
        for response in &responses {
            refuse(&response.body, secret, "a secret is in a response");
        }
    }
    // A session token is answered once, to its owner, and stands nowhere else.
    for token in responses.iter().filter_map(|response| response.body.split_once(r#""token":""#)) {
        let token = token.1.split('"').next().unwrap_or_default();
        refuse(&log, token, "a session token is in the log");
        refuse(&tables, token, "a session token is in a table");
        refuse(&timeline, token, "a session token is in the timeline");
    }
    // People: neither in the log nor in a response of failure.
    let failures = responses.iter().filter(|response| response.status >= 400);
    let failures: String = failures.map(|response| response.body.as_str()).collect();
    for person in wechat.identities() {
        refuse(&log, &person, "an openid, a unionid or a phone number is in the log");
        refuse(&failures, &person, "an openid, a unionid or a phone number is in a failure");
    }
}

fn refuse(text: &str, needle: &str, what: &str) {
    if let Some((before, after)) = text.split_once(needle).filter(|_| !needle.is_empty()) {
        let before = before.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        let after: String = after.chars().take(200).collect();
        panic!("{what}: …{before}<HERE>{after}…");
    }
}
