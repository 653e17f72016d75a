//! YAML, and typed access to the properties of a mapping.

pub(crate) mod fields;
pub(crate) mod plain;
pub(crate) mod yaml;
