//! What must agree with what: template, folders, registry, tests, README, permissions, dependencies.
