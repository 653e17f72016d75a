//! What ships: the packages that functions are made of.
//!
//! The features are those of the whole workspace at once, so that this holds however functions are built.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

use crate::workspace::{assert_none, metadata};

#[derive(Clone, Default)]
struct Package {
    name: String,
    version: String,
    /// Of a package of this workspace, relative to its root.
    folder: Option<String>,
    features: Vec<String>,
    /// Ids of what it is made of; empty for what runs only in the compiler.
    made_of: Vec<String>,
    /// The packages of this workspace that it names, tests included.
    names: Vec<String>,
}

#[derive(Clone)]
struct Graph(BTreeMap<String, Package>);

impl Graph {
    fn read() -> Self {
        Self::of(&metadata())
    }

    fn of(metadata: &Metadata) -> Self {
        let mut packages = BTreeMap::new();
        for package in &metadata.packages {
            let is_member = metadata.workspace_members.contains(&package.id);
            let folder = package.manifest_path.parent().filter(|_| is_member);
            let folder = folder.and_then(|folder| folder.strip_prefix(&metadata.workspace_root).ok());
            let named = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
            let kept = Package {
                name: package.name.to_string(),
                version: package.version.to_string(),
                folder: folder.map(|folder| folder.as_str().replace('\\', "/")),
                features: package.features.keys().cloned().collect(),
                made_of: Vec::new(),
                names: named.map(|dependency| dependency.name.clone()).collect(),
            };
            packages.insert(
                package.id.repr.clone(),
                (kept, package.targets.iter().any(|one| one.is_proc_macro())),
            );
        }
        for node in &metadata.resolve.as_ref().expect("the resolved graph").nodes {
            let Some((package, false)) = packages.get_mut(&node.id.repr) else { continue };
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            package.made_of = normal.map(|dependency| dependency.pkg.repr.clone()).collect();
        }
        Self(packages.into_iter().map(|(id, (package, _))| (id, package)).collect())
    }

    fn below(&self, folder: &str) -> impl Iterator<Item = (&String, &Package)> {
        self.0.iter().filter(move |(_, package)| {
            package
                .folder
                .as_deref()
                .is_some_and(|own| own == folder || own.starts_with(&format!("{folder}/")))
        })
    }

    /// The packages that functions are made of, themselves included.
    fn shipped(&self) -> Vec<&Package> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&String> = self.below("functions").map(|(id, _)| id).collect();
        while let Some(id) = next.pop() {
            if reached.insert(id) {
                next.extend(self.0.get(id).map(|package| &package.made_of).into_iter().flatten());
            }
        }
        reached.into_iter().filter_map(|id| self.0.get(id)).collect()
    }

    fn problems(&self) -> Vec<String> {
        let shipped = self.shipped();
        let mut problems = Vec::new();
        for Package { name, folder, .. } in &shipped {
            if folder.as_deref().is_some_and(|own| own != "shared" && !own.starts_with("functions/")) {
                problems.push(format!("{name} would ship, and is for development alone"));
            }
            if NEVER.contains(&name.as_str()) {
                problems.push(format!("{name} would ship"));
            }
        }
        for name in ONCE {
            let versions: Vec<_> = shipped.iter().filter(|package| package.name == name).collect();
            if versions.len() != 1 {
                let versions: Vec<_> = versions.iter().map(|package| package.version.as_str()).collect();
                problems.push(format!("{name} should ship once, and does as [{}]", versions.join(", ")));
            }
        }
        for (_, package) in self.below("functions").chain(self.below("shared")) {
            let name = &package.name;
            if !package.features.is_empty() {
                problems.push(format!("{name} declares features: {}", package.features.join(", ")));
            }
            let functions = self.below("functions").map(|(_, function)| &function.name);
            let named = functions.filter(|function| package.names.contains(function));
            problems.extend(named.map(|function| format!("{name} depends on the function {function}")));
        }
        problems
    }
}

#[test]
fn nothing_for_development_ships_and_nothing_ships_twice() {
    let graph = Graph::read();
    assert!(graph.shipped().len() > 50, "the graph is there");
    assert_none(&graph.problems());
}

#[test]
fn a_package_that_must_not_ship_is_named() {
    let whole = Graph::read();
    let id = |name: &str| {
        let found = whole.0.iter().find(|(_, package)| package.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).0.clone()
    };
    let broken = |edit: &dyn Fn(&mut BTreeMap<String, Package>)| {
        let mut graph = whole.clone();
        edit(&mut graph.0);
        graph.problems()
    };
    let add = |to: &str, what: &str| {
        let (to, what) = (id(to), id(what));
        broken(&|graph| graph.get_mut(&to).expect("it").made_of.push(what.clone()))
    };
    let shipping_the_database = add("shared", "local-dynamo");
    for name in ["local-dynamo would ship, and is for development alone", "dynoxide-rs would ship"] {
        assert!(shipping_the_database.contains(&name.to_owned()), "{shipping_the_database:?}");
    }
    assert_eq!(add("hyper-util", "clap"), ["clap would ship"]);
    let old = Package { name: "hyper".to_owned(), version: "0.14.0".to_owned(), ..Package::default() };
    let shared = id("shared");
    let twice = broken(&|graph| {
        graph.insert("old".to_owned(), old.clone());
        graph.get_mut(&shared).expect("it").made_of.push("old".to_owned());
    });
    assert!(twice.len() == 1 && twice[0].starts_with("hyper should ship once"), "{twice:?}");
    let user = id("user");
    let feature = broken(&|graph| graph.get_mut(&user).expect("it").features.push("local".to_owned()));
    assert_eq!(feature, ["user declares features: local"]);
    let sideways = broken(&|graph| graph.get_mut(&user).expect("it").names.push("login".to_owned()));
    assert_eq!(sideways, ["user depends on the function login"]);
}

/// A second TLS stack, a second HTTP client, a loader of credentials that Lambda has no use for, and tools of tests and of the local world.
const NEVER: [&str; 13] = [
    "aws-config",
    "aws-lc-rs",
    "aws-lc-sys",
    "axum",
    "clap",
    "dynoxide-rs",
    "insta",
    "native-tls",
    "openssl-sys",
    "proptest",
    "reqwest",
    "saphyr",
    "toml",
];
const ONCE: [&str; 4] = ["hyper", "hyper-util", "rustls", "tokio"];
