//! Every package has a licence that `deny.toml` allows and comes from crates.io. `cargo deny` looks at the same file, and is for a nightly
//! run: building it takes longer than all of these tests.

use spdx::{Expression, ParseMode};
use toml::Value;

use crate::workspace::{assert_none, metadata, read};

#[derive(Clone)]
struct Package {
    name: String,
    licence: Option<String>,
    source: String,
}

fn packages() -> Vec<Package> {
    // A package of this workspace has no source.
    let of_others = metadata().packages.into_iter().filter_map(|package| {
        let source = package.source?.repr;
        Some(Package { name: package.name.to_string(), licence: package.license, source })
    });
    of_others.collect()
}

fn allowed() -> Vec<String> {
    let rules: Value = toml::from_str(&read("deny.toml")).expect("deny.toml");
    let allowed = rules["licenses"]["allow"].as_array().expect("a list").iter();
    allowed.map(|licence| licence.as_str().expect("a name").to_owned()).collect()
}

fn problems(packages: &[Package], allowed: &[String]) -> Vec<String> {
    let is_allowed = |licence: &str| {
        let expression = Expression::parse_mode(licence, ParseMode::LAX);
        expression.is_ok_and(|expression| expression.evaluate(|one| allowed.contains(&one.to_string())))
    };
    let mut problems = Vec::new();
    for Package { name, licence, source } in packages {
        if !licence.as_deref().is_some_and(is_allowed) {
            problems.push(format!("{name} has the licence {licence:?}, which deny.toml does not allow"));
        }
        if source != "registry+https://github.com/rust-lang/crates.io-index" {
            problems.push(format!("{name} comes from {source}"));
        }
    }
    problems
}

#[test]
fn every_package_has_an_allowed_licence_and_comes_from_crates_io() {
    let (packages, allowed) = (packages(), allowed());
    assert!(packages.len() > 100 && allowed.len() > 3, "{} packages, {allowed:?}", packages.len());
    assert_none(&problems(&packages, &allowed));

    let with = |change: &dyn Fn(&mut Package)| {
        let mut one = packages[0].clone();
        change(&mut one);
        problems(&[one], &allowed).len()
    };
    assert_eq!(with(&|one| one.licence = Some("GPL-3.0-only OR MIT".to_owned())), 0);
    assert_eq!(with(&|one| one.licence = Some("GPL-3.0-only AND MIT".to_owned())), 1);
    assert_eq!(with(&|one| one.licence = Some("my own".to_owned())), 1);
    assert_eq!(with(&|one| one.licence = None), 1);
    assert_eq!(with(&|one| one.source = "git+https://example.com/fork".to_owned()), 1);
}
