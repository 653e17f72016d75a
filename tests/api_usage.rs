//! Every route, parameter and field of `docs/openapi.yaml` is used by a test.
//!
//! The other tests of this package record what they use. This one judges their records, so it runs when they have run, by a command of its
//! own: `cargo test -p e2e --test api-usage`.

use std::fs;

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

#[test]
fn a_field_that_is_only_described_is_named() {
    let text = fs::read_to_string("../docs/openapi.yaml").expect("the description");
    let field = "isNewUser: {type: boolean}\n";
    let altered = text.replacen(field, &format!("{field}        isFirst: {{type: boolean}}\n"), 1);
    let altered = usage::expected(&ApiDescription::parse(&altered));
    let known = usage::expected(ApiDescription::shared());
    let added: Vec<&String> = altered.difference(&known).collect();
    assert_eq!(added, ["/components/schemas/LoginAnswer/properties/isFirst"]);
}
