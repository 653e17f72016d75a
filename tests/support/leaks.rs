//! The search for secrets and people when a world ends.

use aho_corasick::AhoCorasick;

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
    let timeline = world.bundle().timeline().texts_after(0).join("\n");
    let responses = world.responses();

    // Secrets: nowhere.
    let needles = Needles::new(secrets);
    needles.refuse(&log, "a secret is in the log");
    needles.refuse(&tables, "a secret is in a table in clear");
    needles.refuse(&timeline, "a secret is in the timeline");
    for response in &responses {
        needles.refuse(&response.body, "a secret is in a response");
    }
    // A session token is answered once, to its owner, and stands nowhere else.
    let tokens = responses.iter().filter_map(|response| response.body.split_once(r#""token":""#));
    let tokens = tokens.map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned());
    let tokens = Needles::new(tokens.collect());
    tokens.refuse(&log, "a session token is in the log");
    tokens.refuse(&tables, "a session token is in a table");
    tokens.refuse(&timeline, "a session token is in the timeline");
    // People: neither in the log nor in a response of failure.
    let failures = responses.iter().filter(|response| response.status >= 400);
    let failures: String = failures.map(|response| response.body.as_str()).collect();
    let people = Needles::new(wechat.identities().into_iter().collect());
    people.refuse(&log, "an openid, a unionid or a phone number is in the log");
    people.refuse(&failures, "an openid, a unionid or a phone number is in a failure");
}

/// Texts that must not be found, all searched for at once.
struct Needles(AhoCorasick);

impl Needles {
    fn new(texts: Vec<String>) -> Self {
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        Self(AhoCorasick::new(texts).expect("an automaton"))
    }

    fn refuse(&self, text: &str, what: &str) {
        if let Some(found) = self.0.find(text) {
            let (before, after) = (&text[..found.start()], &text[found.end()..]);
            let before =
                before.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect::<String>();
            let after: String = after.chars().take(200).collect();
            panic!("{what}: …{before}<HERE>{after}…");
        }
    }
}
