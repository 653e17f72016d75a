//! What must agree with what: template, folders, registry, tests, pages, permissions, costs, dependencies.
//!
//! Most checks are functions from texts or data to a list of problems, so that each file can also show that its check finds
//! what it is there to find.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on has failed"
)]

mod api_description;
mod bytes;
mod checklist;
mod complaints;
mod cost;
mod cost_people;
mod customer_service;
mod dependencies;
mod docs;
mod features;
mod flows;
mod intervals;
mod layers;
mod layout;
mod licences;
mod media_checks;
mod meter;
mod money;
mod operations;
mod permissions;
mod permissions_page;
mod profiles;
mod routes;
mod settings;
mod sharing;
mod simulator_page;
mod template;
mod template_contents;
mod test_names;
mod uses;
mod walk;
mod workspace;
