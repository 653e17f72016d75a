//! What readers need around them: the template's settings, secrets, a clock that stands still, and an AWS and a WeChat that know nothing.

use std::{rc::Rc, sync::Arc};

use local_bench::{deployment, merchant, upstream::Upstream};
use local_template::Stack;
use serde_json::{Value, json};
use shared::host::{Clock, Host, SystemRandomness};
use tokio::runtime::{Builder, Runtime};

/// The standing time, in Unix seconds.
pub(crate) const NOW: u64 = 1_795_262_400;
/// The token of the message push.
pub(crate) const PUSH_TOKEN: &str = "GDXypdOFO0qL";
/// The key of the message push: 43 characters, as the console shows it.
pub(crate) const PUSH_KEY: &str = "kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G";

/// AWS and WeChat on this machine, which answer with secrets and `{}`, and the stack whose functions call them.
pub(crate) struct Services {
    runtime: Runtime,
    pub(crate) upstream: Upstream,
    pub(crate) stack: Stack,
}

impl Services {
    /// Those of this thread. All its readers share them, because reading the template takes long.
    pub(crate) fn shared() -> Rc<Self> {
        thread_local! {
            static SHARED: Rc<Services> = Rc::new(Services::start());
        }
        SHARED.with(Rc::clone)
    }

    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let upstream = runtime.block_on(Upstream::start(&secret())).expect("a port");
        let stack = deployment::stack(&upstream.url).expect("the template");
        Self { runtime, upstream, stack }
    }

    /// The host of the function in this folder, with `more` variables.
    pub(crate) fn host(&self, folder: &str, more: &[(&str, &str)]) -> Host {
        let mut functions = self.stack.functions.iter();
        let function = functions.find(|function| function.folder == folder).expect("a function");
        let mut environment = deployment::environment(function, &self.upstream.url);
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Host::new(environment, Arc::new(StandingClock), Arc::new(SystemRandomness), Vec::new())
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

struct StandingClock;

impl Clock for StandingClock {
    fn now_millis(&self) -> u64 {
        NOW.saturating_mul(1000)
    }
}

/// One secret with every key that a function can ask for.
fn secret() -> String {
    let mut secret: Value = serde_json::from_str(&merchant::secret()).expect("JSON");
    let members = secret.as_object_mut().expect("an object");
    members.insert("token".to_owned(), json!(PUSH_TOKEN));
    members.insert("encoding_aes_key".to_owned(), json!(PUSH_KEY));
    secret.to_string()
}
