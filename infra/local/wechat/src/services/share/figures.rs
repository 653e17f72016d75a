//! How often pages were visited and shared, per day of UTC+8.

use serde::{Deserialize, Serialize};

use std::collections::{BTreeMap, HashSet};

/// The figures of a page on a day.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct PageFigures {
    pub(super) visits: u64,
    pub(super) visitors: HashSet<String>,
    pub(super) shares: u64,
    pub(super) sharers: HashSet<String>,
}

/// The figures of all pages, by day and path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Figures(BTreeMap<u64, BTreeMap<String, PageFigures>>);

impl Figures {
    pub(super) fn count_visit(&mut self, day: u64, path: &str, openid: &str) {
        let page = self.page(day, path);
        page.visits += 1;
        page.visitors.insert(openid.to_owned());
    }

    pub(super) fn count_share(&mut self, day: u64, path: &str, openid: &str) {
        let page = self.page(day, path);
        page.shares += 1;
        page.sharers.insert(openid.to_owned());
    }

    /// The pages of a day; empty if nothing happened.
    pub(super) fn pages_on(&self, day: u64) -> BTreeMap<String, PageFigures> {
        self.0.get(&day).cloned().unwrap_or_default()
    }

    /// The figures of all pages of a day together; `None` if nothing happened.
    pub(super) fn on(&self, day: u64) -> Option<PageFigures> {
        let mut all = PageFigures::default();
        for page in self.0.get(&day)?.values() {
            all.visits += page.visits;
            all.shares += page.shares;
            all.visitors.extend(page.visitors.iter().cloned());
            all.sharers.extend(page.sharers.iter().cloned());
        }
        Some(all)
    }

    /// How many users have visited on this day or before.
    pub(super) fn users_until(&self, day: u64) -> usize {
        let pages = self.0.range(..=day).flat_map(|(_, pages)| pages.values());
        pages.flat_map(|page| &page.visitors).collect::<HashSet<_>>().len()
    }

    fn page(&mut self, day: u64, path: &str) -> &mut PageFigures {
        let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
        self.0.entry(day).or_default().entry(path.to_owned()).or_default()
    }
}
