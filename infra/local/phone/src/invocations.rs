//! The calls of functions that are open, so that what happens meanwhile can be said to be theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The calls of functions that are open now.
#[derive(Default)]
pub(crate) struct OpenInvocations(Mutex<Vec<Invocation>>);

struct Invocation {
    function: String,
    request_id: String,
    /// The request id of the function's call that waits for this one.
    parent: Option<String>,
}

/// An open call of a function. It ends when this is dropped.
pub struct OpenInvocation {
    all: Arc<OpenInvocations>,
    request_id: String,
}

impl OpenInvocations {
    pub(crate) fn open(
        self: &Arc<Self>,
        function: &str,
        request_id: &str,
        parent: Option<String>,
    ) -> OpenInvocation {
        let (function, request_id) = (function.to_owned(), request_id.to_owned());
        let open = OpenInvocation { all: Arc::clone(self), request_id: request_id.clone() };
        self.lock().push(Invocation { function, request_id, parent });
        open
    }

    /// Function and request id of the call that is running, if only one is: of `function`, or of any. A call that waits for another
    /// function does not run.
    pub(crate) fn running(&self, function: Option<&str>) -> Option<(String, String)> {
        let open = self.lock();
        let waits = |one: &Invocation| {
            open.iter().any(|other| other.parent.as_deref() == Some(one.request_id.as_str()))
        };
        let mut running =
            open.iter().filter(|one| function.is_none_or(|name| one.function == name) && !waits(one));
        match (running.next(), running.next()) {
            (Some(one), None) => Some((one.function.clone(), one.request_id.clone())),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Invocation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenInvocation {
    fn drop(&mut self) {
        let mut open = self.all.lock();
        if let Some(at) = open.iter().position(|one| one.request_id == self.request_id) {
            open.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(all: &OpenInvocations, function: Option<&str>) -> Option<String> {
        all.running(function).map(|(_, request_id)| request_id)
    }

    #[test]
    fn an_effect_belongs_to_the_only_call_that_runs() {
        let all = Arc::<OpenInvocations>::default();
        assert_eq!(running(&all, None), None);
        let login = all.open("login", "r1", None);
        assert_eq!(all.running(None), Some(("login".to_owned(), "r1".to_owned())));
        let broker = all.open("access-token", "r2", Some("r1".to_owned()));
        assert_eq!(running(&all, None), Some("r2".to_owned()), "r1 waits");
        drop(broker);
        let order = all.open("order", "r3", None);
        assert_eq!(running(&all, None), None, "one of two");
        assert_eq!(running(&all, Some("order")), Some("r3".to_owned()));
        drop(login);
        assert_eq!(running(&all, None), Some("r3".to_owned()));
        drop(order);
        assert_eq!(running(&all, None), None);
    }
}
