//! Every route, parameter and field of `docs/openapi.yaml` is used by a test.
//!
//! The other tests of this package record what they use. This one judges their records, so it runs when they have run, by a command of its
//! own: `cargo test -p e2e --test api-usage`.

use e2e::api::{ApiDescription, usage};

#[test]
fn every_part_of_the_description_is_used_by_a_test() {
    let recorded = usage::recorded();
    assert!(!recorded.is_empty(), "no test has recorded anything: run `cargo test -p e2e` first");
    let unused: Vec<String> =
        usage::expected(ApiDescription::shared()).difference(&recorded).cloned().collect();
    assert!(
        unused.is_empty(),
        "docs/openapi.yaml describes what no test has used (if only some tests have run, run all of them):\n{}",
        unused.join("\n")
    );
}
