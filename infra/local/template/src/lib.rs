//! Reads template.yaml: routes, environment, policies, tables, schedules.
