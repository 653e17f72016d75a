//! Documentation is built with the features of the tests.
//!
//! rustdoc builds without development dependencies. If only one of these asked for a feature of a package, the package and all that stands on
//! it would be checked twice; in CI that was the AWS SDK.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::workspace::{assert_none, root};

/// The features by package and version.
type Features = BTreeMap<String, BTreeSet<String>>;

/// The features that cargo builds each package with, along these edges.
fn features(edges: &str) -> Features {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root()).args(["tree", "--workspace", "--locked", "--prefix", "none"]);
    let tree = tree.args(["--format", "{p}|{f}", "--edges", edges]).output().expect("cargo");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    read(&String::from_utf8(tree.stdout).expect("text"))
}

fn read(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines() {
        let Some((package, list)) = line.split_once('|') else { continue };
        let package = package.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let list = list.trim_end_matches(" (*)").split(',').filter(|feature| !feature.is_empty());
        features.entry(package).or_default().extend(list.map(str::to_owned));
    }
    features
}

fn problems(of_documentation: &Features, of_tests: &Features) -> Vec<String> {
    let missing = of_documentation.iter().filter_map(|(package, features)| {
        let more: Vec<_> = of_tests.get(package)?.difference(features).collect();
        (!more.is_empty()).then(|| format!("only a development dependency asks {package} for {more:?}"))
    });
    missing.collect()
}

#[test]
fn documentation_is_built_with_the_features_of_the_tests() {
    let (of_documentation, of_tests) = (features("normal,build"), features("normal,build,dev"));
    assert!(of_documentation.keys().any(|package| package.starts_with("aws-sdk-dynamodb ")));
    assert_none(&problems(&of_documentation, &of_tests));
}

#[test]
fn a_feature_that_only_tests_ask_for_is_named() {
    let of_documentation = read("either v1.19.0|\nserde v1.0.0|std,derive\nserde v1.0.0|std,derive (*)\n");
    let of_tests = read("either v1.19.0|std,use_std\nserde v1.0.0|std,derive\nproptest v1.0.0|std\n");
    assert_eq!(
        problems(&of_documentation, &of_tests),
        [r#"only a development dependency asks either v1.19.0 for ["std", "use_std"]"#]
    );
}
