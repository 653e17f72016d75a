//! Every seed through its reader, in the normal tests: what a fuzzer has found stays repaired, and the readers keep compiling.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed, and says why")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fuzz::TARGETS;
use local_template::Template;

#[test]
fn every_seed_is_read_without_a_fault() {
    for target in TARGETS.into_iter().filter(|target| target.name != "world") {
        read_seeds(target.name, target.name);
    }
}

#[test]
fn the_local_world_answers_every_seed_without_a_fault() {
    read_seeds("world", "route");
}

#[test]
fn every_route_has_a_seed() {
    let template = Template::read(&root().join("../../template.yaml")).expect("the template");
    let needed = [("MiniProgramAppId", "wx0123456789abcdef"), ("MerchantId", "1900000109")];
    let stack = template.deploy(&needed.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let stack = stack.expect("a stack");
    let first_line = |path: PathBuf| {
        let seed = String::from_utf8_lossy(&fs::read(path).expect("a seed")).into_owned();
        seed.lines().next().unwrap_or_default().to_owned()
    };
    let seeded: BTreeSet<_> = seeds("route").into_iter().map(first_line).collect();
    for route in stack.functions.iter().flat_map(|function| &function.routes) {
        // The readers take a route of any method as a POST.
        let method = if route.method == "ANY" { "POST" } else { &route.method };
        let key = format!("{method} {}", route.path);
        assert!(seeded.contains(&key), "infra/fuzz/seeds/route has no request of {key}");
    }
}

/// Runs the seeds of a folder through the target's reader.
fn read_seeds(target: &str, folder: &str) {
    let target = TARGETS.into_iter().find(|known| known.name == target).expect("a target");
    let (mut read, seeds) = ((target.start)(), seeds(folder));
    assert!(!seeds.is_empty(), "{} has no seed", target.name);
    for path in seeds {
        // Shown only if the test fails: the last one is at fault.
        eprintln!("{}", path.display());
        read(&fs::read(&path).expect("a seed"));
    }
}

/// The seeds of a folder.
fn seeds(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("seeds").join(folder);
    let entries = fs::read_dir(folder).expect("a folder of seeds");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
