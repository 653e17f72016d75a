//! The pages of the released mini program. The simulator knows no list of pages, so every page exists unless a fault says
//! otherwise.

use crate::base::platform::Errcode;
use crate::core::context::Context;
use crate::core::faults::Fault;

/// Whether a fault says that the released mini program has no such page; a query and a leading `/` do not matter.
pub(crate) fn is_page_missing(context: &Context, page: &str) -> bool {
    let path = page.split('?').next().unwrap_or_default().trim_start_matches('/');
    context.has_fault(|fault| matches!(fault, Fault::PageMissing { page } if page == path))
}

pub(crate) const PAGE_MISSING: Errcode = Errcode::new(41030, "invalid page");
