//! Arrows between files point one way.
//!
//! 1. The layers of `shared` use only those below them, and so do the folders of the simulated WeChat ([`LAYERED`]).
//! 2. No crate has a circle of files, such as `a.rs` that uses a name of `b.rs` that uses a name of `a.rs`.
//! 3. No crate has a circle of what stands directly below its `src`, folders and files.
//!
//! What counts as a use stands in `uses.rs`. One more thing does not count for the second rule: what a file takes from the `mod.rs` of
//! its own folder, or of a folder above. Such a `mod.rs` holds what the files of its folder have in common, down to the private fields
//! of its types, so that the folder is read as one module. `lib.rs` is no such file: there a type with a name gets a file with a name.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::LazyLock,
};

use crate::{
    uses::{Sources, Use, crate_of},
    workspace::{assert_none, names, read, root, rust_files},
};

/// A crate whose parts, the folders and files directly below `src`, are in layers.
struct Layered {
    folder: &'static str,
    /// From top to bottom. Parts in one layer do not use each other.
    layers: &'static [&'static [&'static str]],
    /// A part of which each folder inside stands for itself.
    apart: Option<&'static str>,
}

const LAYERED: [Layered; 2] = [
    Layered {
        folder: "shared",
        layers: &[
            &["runtime"],
            &["api"],
            &["service"],
            &["store"],
            &["order"],
            &["pay", "wechat"],
            &["secrets"],
            &["host"],
            &["telemetry"],
            &["crypto"],
            &["types"],
        ],
        apart: None,
    },
    Layered {
        folder: "infra/local/wechat",
        layers: &[&["simulator"], &["services", "pay"], &["base"], &["core"]],
        apart: Some("services"),
    },
];

/// All crates by their folder, without the one of these tests.
static CRATES: LazyLock<Vec<(String, Sources)>> = LazyLock::new(|| {
    let folders = ["shared", "infra/bench", "infra/bench/hello", "infra/fuzz"].map(str::to_owned).into_iter();
    let below = ["functions", "infra/local"].into_iter().flat_map(|above| {
        let folders = names(above, true).into_iter().map(move |name| format!("{above}/{name}"));
        folders.filter(|folder| root().join(folder).join("Cargo.toml").exists())
    });
    folders
        .chain(below)
        .map(|folder| {
            let src = format!("{folder}/src/");
            let files = rust_files(src.trim_end_matches('/'));
            let files: BTreeMap<String, String> =
                files.iter().map(|file| (file.replacen(&src, "", 1), read(file))).collect();
            (folder, Sources::read(&files))
        })
        .collect()
});

/// The folder or file directly below `src`.
fn part(file: &str) -> &str {
    let part = file.split('/').next().unwrap_or(file);
    part.strip_suffix(".rs").unwrap_or(part)
}

fn layer_problems(layered: &Layered, sources: &Sources) -> Vec<String> {
    let Layered { folder, layers, apart } = layered;
    let layer = |file: &str| layers.iter().position(|layer| layer.contains(&part(file)));
    let homeless = sources.files.iter().filter(|file| *file != "lib.rs" && layer(file).is_none());
    let mut problems: Vec<String> = homeless
        .map(|file| format!("{folder}/src/{file}: {} is in no layer of tests/contract/layers.rs", part(file)))
        .collect();
    for one in &sources.uses {
        let (from, to) = (part(&one.file), part(&one.to));
        let is_apart = apart.is_some_and(|apart| from == apart && to == apart)
            && one.file.split('/').nth(1) != one.to.split('/').nth(1)
            && one.file.split('/').count() > 2;
        let why = if one.is_through_root {
            "name the module that defines it, not what lib.rs shows of it".to_owned()
        } else if is_apart {
            format!("the folders in {from} do not use each other")
        } else if from == to || one.file == "lib.rs" {
            continue;
        } else {
            match (layer(&one.file), layer(&one.to)) {
                (Some(from), Some(to)) if from < to => continue,
                (Some(from), _) => {
                    let below = layers[from + 1..].concat().join(", ");
                    let below = if below.is_empty() { "nothing else" } else { below.as_str() };
                    format!("{} may use {below}", part(&one.file))
                }
                (None, _) => continue,
            }
        };
        problems.push(format!("{} points the wrong way: {why}", described(folder, one)));
    }
    problems
}

fn described(folder: &str, one: &Use) -> String {
    format!("{folder}/src/{}:{}: `{}` of {}", one.file, one.line, one.path, one.to)
}

/// Whether a file takes something from the `mod.rs` of its own folder or of one above.
fn is_from_own_folder(one: &Use) -> bool {
    let folder = one.to.strip_suffix("mod.rs").filter(|folder| !folder.is_empty());
    folder.is_some_and(|folder| one.file.starts_with(folder))
}

fn circle_problems(folder: &str, uses: &[Use]) -> Vec<String> {
    let files = uses.iter().filter(|one| !is_from_own_folder(one));
    let files = circles(files.map(|one| (one.file.as_str(), one.to.as_str(), one)));
    let parts = uses.iter().map(|one| (part(&one.file), part(&one.to), one));
    // What the root of the crate uses is above all parts, and what it defines is found by the circles of files.
    let parts = circles(parts.filter(|(from, to, _)| !["lib", "main"].contains(from) && *to != "lib"));
    // A circle of parts that are files has been found already.
    let parts = parts.into_iter().filter(|circle| circle.iter().any(|one| one.to.contains('/')));
    let described = |circle: Vec<&Use>| {
        let uses: Vec<String> =
            circle.into_iter().map(|one| format!("\n  {}", described(folder, one))).collect();
        uses.concat()
    };
    files
        .into_iter()
        .map(|circle| format!("a circle of files:{}", described(circle)))
        .chain(parts.map(|circle| format!("a circle of folders:{}", described(circle))))
        .collect()
}

/// Circles that have no place in common, the shortest first; each is a use per step.
fn circles<'u>(uses: impl Iterator<Item = (&'u str, &'u str, &'u Use)>) -> Vec<Vec<&'u Use>> {
    let mut steps: BTreeMap<&str, BTreeMap<&str, &Use>> = BTreeMap::new();
    for (from, to, one) in uses.filter(|(from, to, _)| from != to) {
        steps.entry(from).or_default().entry(to).or_insert(one);
    }
    let mut circles = Vec::new();
    while let Some(circle) =
        steps.keys().filter_map(|start| shortest_circle(start, &steps)).min_by_key(Vec::len)
    {
        circles.push(circle.iter().map(|(from, to)| steps[from][to]).collect());
        for (place, _) in circle {
            steps.remove(place);
        }
    }
    circles
}

/// The shortest way from a place back to it, as steps.
fn shortest_circle<'u>(
    start: &'u str,
    steps: &BTreeMap<&'u str, BTreeMap<&'u str, &'u Use>>,
) -> Option<Vec<(&'u str, &'u str)>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(place) = next.pop_front() {
        for to in steps.get(place).into_iter().flat_map(BTreeMap::keys) {
            if !came_from.contains_key(to) {
                came_from.insert(to, place);
                next.push_back(to);
            }
        }
        if came_from.contains_key(start) {
            break;
        }
    }
    let mut circle = vec![(*came_from.get(start)?, start)];
    while circle[0].0 != start {
        circle.insert(0, (came_from[circle[0].0], circle[0].0));
    }
    Some(circle)
}

#[test]
fn layers_use_only_those_below_them() {
    for layered in &LAYERED {
        let (_, sources) = CRATES.iter().find(|(folder, _)| folder == layered.folder).expect("the crate");
        assert!(sources.files.len() > 80 && sources.uses.len() > 300, "{}", layered.folder);
        assert_none(&layer_problems(layered, sources));
    }
}

#[test]
fn no_crate_has_a_circle_of_files_or_folders() {
    assert!(CRATES.len() > 20, "the crates are there");
    let found: Vec<_> =
        CRATES.iter().flat_map(|(folder, sources)| circle_problems(folder, &sources.uses)).collect();
    assert_none(&found);
}

#[test]
fn a_use_that_points_up_or_sideways_is_named_with_its_line() {
    let layered =
        Layered { folder: "x", layers: &[&["top"], &["left", "right"], &["low"]], apart: Some("left") };
    let around = [
        ("lib.rs", "pub use top::Top;"),
        ("top.rs", "pub struct Top;\nuse crate::left::a::A;"),
        ("left/a.rs", "pub struct A;\nuse crate::low::Low;"),
        ("left/b/mod.rs", "pub struct B;"),
        ("right/mod.rs", "pub struct Right;"),
        ("low.rs", "pub struct Low;"),
    ];
    for (file, code, expected) in [
        ("top.rs", "use crate::{low::Low, right::Right};", ""),
        ("left/b/c.rs", "use super::B;\nuse crate::low::Low;", ""),
        (
            "low.rs",
            "/// See [`crate::top::Top`].\npub struct Low;\n#[cfg(test)]\nmod tests { use crate::top::Top; }",
            "",
        ),
        (
            "low.rs",
            "pub struct Low;\nuse crate::right::Right;",
            "x/src/low.rs:2: `crate::right::Right` of right/mod.rs points the wrong way: low may use nothing else",
        ),
        (
            "right/d.rs",
            "fn f() {\n    crate::left::a::A\n}",
            "x/src/right/d.rs:2: `crate::left::a::A` of left/a.rs points the wrong way: right may use low",
        ),
        (
            "left/b/c.rs",
            "use super::super::a::A;",
            "x/src/left/b/c.rs:1: `super::super::a::A` of left/a.rs points the wrong way: the folders in left do not use each other",
        ),
        (
            "right/d.rs",
            "use crate::Top;",
            "x/src/right/d.rs:1: `crate::Top` of top.rs points the wrong way: name the module that defines it, not what lib.rs shows of it",
        ),
        ("new/mod.rs", "", "x/src/new/mod.rs: new is in no layer of tests/contract/layers.rs"),
    ] {
        let others = around.iter().filter(|(other, _)| *other != file).copied();
        let files = crate_of(&others.chain([(file, code)]).collect::<Vec<_>>());
        let found = layer_problems(&layered, &Sources::read(&files));
        assert_eq!(found.join("\n"), expected, "{file}: {code}");
    }
}

#[test]
fn a_circle_of_files_or_folders_is_named_use_by_use() {
    let problems =
        |files: &[(&str, &str)]| circle_problems("x", &Sources::read(&crate_of(files)).uses).join("\n");
    let two = [
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b.rs", "pub struct B;\nimpl From<crate::a::A> for B {}"),
    ];
    assert_eq!(
        problems(&two),
        "a circle of files:\n  x/src/a.rs:1: `crate::b::B` of b.rs\n  x/src/b.rs:2: `crate::a::A` of a.rs"
    );
    let one_way = [("a.rs", "use crate::b::B;\npub struct A(B);"), ("b.rs", "pub struct B;")];
    assert_eq!(problems(&one_way), "");
    let folder = [("a/mod.rs", "pub struct A(b::B);"), ("a/b.rs", "use super::A;\npub struct B;\nimpl A {}")];
    assert_eq!(problems(&folder), "");
    let root = [("lib.rs", "pub struct A(b::B);"), ("b.rs", "use crate::A;\npub struct B;\nimpl A {}")];
    assert_eq!(
        problems(&root),
        "a circle of files:\n  x/src/b.rs:1: `crate::A` of lib.rs\n  x/src/lib.rs:1: `b::B` of b.rs"
    );
    let folders = [
        ("a/one.rs", "use crate::b::three::Three;\npub struct One;"),
        ("a/two.rs", "pub struct Two;"),
        ("b/three.rs", "use crate::a::two::Two;\npub struct Three;"),
    ];
    assert_eq!(
        problems(&folders),
        "a circle of folders:\n  x/src/a/one.rs:1: `crate::b::three::Three` of b/three.rs\n  \
         x/src/b/three.rs:1: `crate::a::two::Two` of a/two.rs"
    );
}
