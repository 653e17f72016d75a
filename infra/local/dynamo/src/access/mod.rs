//! Callers and their permissions.

pub(crate) mod access_keys;
pub(crate) mod policy;
pub(crate) mod required_permissions;
