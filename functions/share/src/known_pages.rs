//! The pages that are counted one by one.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use shared::types::{Day, PagePath};

/// The pages that were counted today. Callers name pages, so one who invents names must not make ever more rows.
#[derive(Default)]
pub(crate) struct KnownPages(Mutex<(Option<Day>, HashSet<PagePath>)>);

impl KnownPages {
    /// The page itself, or [`PagePath::other`] if today has as many pages as are counted one by one.
    pub(crate) fn known_or_other(&self, page: PagePath, today: Day) -> PagePath {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != Some(today) {
            *known = (Some(today), HashSet::new());
        }
        if known.1.len() < MAX_PAGES {
            known.1.insert(page.clone());
        }
        if known.1.contains(&page) { page } else { PagePath::other() }
    }
}

/// More pages than a mini program has.
const MAX_PAGES: usize = 500;

#[cfg(test)]
mod tests {
    use shared::types::UnixSeconds;

    use super::*;

    #[test]
    fn pages_beyond_500_a_day_are_counted_together() {
        let pages = KnownPages::default();
        let page = |number: usize| PagePath::parse(&format!("pages/{number}")).unwrap();
        let today = Day::of(UnixSeconds::new(1_700_000_000));
        for number in 0..500 {
            assert_eq!(pages.known_or_other(page(number), today), page(number));
        }
        assert_eq!(pages.known_or_other(page(500), today), PagePath::other());
        assert_eq!(pages.known_or_other(page(7), today), page(7));
        assert_eq!(pages.known_or_other(page(500), today.after(1)), page(500));
    }
}
