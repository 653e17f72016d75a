//! The user's own record, profile and role.
