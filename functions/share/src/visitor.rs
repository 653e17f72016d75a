//! Who comes through a card.
//!
//! A page that opens in Moments can't log in, so most visitors have no token. Those are told apart by address and `User-Agent`, which names
//! model, version of WeChat and network: two people with the same phone behind one address are one visitor, and one person who changes from
//! mobile data to Wi-Fi is two. A visitor with a valid token is the user, wherever the user is.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use shared::{
    api::request,
    runtime::Request,
    types::{Caller, Day},
};

/// A visitor.
pub(crate) struct Visitor {
    /// Tells visitors apart.
    pub(crate) name: String,
    /// Where the visitor comes from, for the limit on floods. Whoever sends requests can choose any `User-Agent`, but no address.
    pub(crate) source: String,
}

impl Visitor {
    pub(crate) fn of(request: &Request, caller: Option<&Caller>) -> Self {
        if let Some(caller) = caller {
            let name = format!("user\0{}", caller.user_id);
            return Self { source: name.clone(), name };
        }
        let source = request::source_ip(request).unwrap_or_default().to_owned();
        let agent = request::header(request, "user-agent").ok().flatten().unwrap_or_default();
        Self { name: format!("address\0{source}\0{agent}"), source }
    }
}

/// The marks of visitors who were counted today, so that a flood of the same entry costs no request.
#[derive(Default)]
pub(crate) struct RecentVisitors(Mutex<(Option<Day>, HashSet<String>)>);

impl RecentVisitors {
    pub(crate) fn contain(&self, mark: &str, today: Day) -> bool {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.0 == Some(today) && recent.1.contains(mark)
    }

    pub(crate) fn add(&self, mark: String, today: Day) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.0 != Some(today) || recent.1.len() >= MAX_MARKS {
            *recent = (Some(today), HashSet::new());
        }
        recent.1.insert(mark);
    }
}

/// A mark has about 100 bytes in memory. Who is forgotten costs one request again.
const MAX_MARKS: usize = 20_000;
