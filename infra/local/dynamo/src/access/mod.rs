//! Who calls, and what they may do.

pub(crate) mod keys;
mod leading;
pub(crate) mod needs;
pub(crate) mod policy;
