//! One endpoint family is one folder, one block of the template, one line of the registry and one file of end-to-end tests.

use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::workspace::{assert_none, names, read, root, stack, template};

#[derive(Clone)]
struct Layout {
    folders: Vec<String>,
    template: Vec<String>,
    registry: Vec<String>,
    e2e_files: Vec<String>,
    e2e_modules: Vec<String>,
    binaries: Vec<Binary>,
}

#[derive(Clone)]
struct Binary {
    folder: String,
    package: String,
    name: String,
    documented: bool,
    tested: bool,
    lines: usize,
}

impl Layout {
    fn read() -> Self {
        let mut e2e_files = names("tests/e2e", false);
        e2e_files.retain(|file| file != "main.rs");
        let e2e_main = read("tests/e2e/main.rs");
        let modules = e2e_main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        Self {
            folders: names("functions", true),
            template: stack(&template()).functions.into_iter().map(|function| function.folder).collect(),
            registry: local_gateway::registered_folders().into_iter().map(str::to_owned).collect(),
            e2e_files: e2e_files
                .iter()
                .filter_map(|file| file.strip_suffix(".rs"))
                .map(str::to_owned)
                .collect(),
            e2e_modules: modules.map(str::to_owned).collect(),
            binaries: binaries(),
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for folder in &self.folders {
            let module = folder.replace('-', "_");
            let mut lacks = |has: bool, what: &str| {
                if !has {
                    problems.push(format!("functions/{folder} has no {what}"));
                }
            };
            lacks(self.template.contains(folder), "block in template.yaml");
            lacks(self.registry.contains(folder), "line in infra/local/gateway/src/registry.rs");
            lacks(self.e2e_files.contains(&module), &format!("tests/e2e/{module}.rs"));
            lacks(self.binaries.iter().any(|binary| binary.folder == *folder), "binary");
        }
        let without_folder = |place: &str, named: &[String]| -> Vec<String> {
            let lost = named.iter().filter(|name| !self.folders.contains(name));
            lost.map(|name| format!("{place} names functions/{name}, which is not there")).collect()
        };
        problems.extend(without_folder("template.yaml", &self.template));
        problems.extend(without_folder("infra/local/gateway/src/registry.rs", &self.registry));
        let unused = self.e2e_files.iter().filter(|file| !self.e2e_modules.contains(file));
        problems.extend(unused.map(|file| format!("tests/e2e/main.rs has no line mod {file};")));
        problems.extend(self.binaries.iter().flat_map(Binary::problems));
        problems
    }
}

impl Binary {
    fn problems(&self) -> Vec<String> {
        let Self { folder, package, name, documented, tested, lines } = self;
        let wrong = [
            (package != folder, format!("the package in functions/{folder} is named {package}")),
            (name != folder, format!("the binary of functions/{folder} is named {name}")),
            (*documented, format!("the binary of functions/{folder} lacks doc = false")),
            // A test program without a test takes a second to link, for each function.
            (*tested, format!("the binary of functions/{folder} lacks test = false")),
            (*lines > 10, format!("functions/{folder}/src/main.rs has {lines} lines, more than 10")),
        ];
        wrong.into_iter().filter_map(|(is, what)| is.then_some(what)).collect()
    }
}

fn binaries() -> Vec<Binary> {
    let manifest = root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata");
    let functions = root().join("functions");
    let packages = metadata.packages.iter().filter_map(|package| {
        let folder = Path::new(&package.manifest_path).parent()?.strip_prefix(&functions).ok()?;
        Some((folder.to_str()?.to_owned(), package))
    });
    let binaries = packages.flat_map(|(folder, package)| {
        package.targets.iter().filter(|target| target.is_bin()).map(move |target| Binary {
            folder: folder.clone(),
            package: package.name.to_string(),
            name: target.name.clone(),
            documented: target.doc,
            tested: target.test,
            lines: std::fs::read_to_string(&target.src_path).expect("main.rs").lines().count(),
        })
    });
    binaries.collect()
}

#[test]
fn folders_template_registry_and_tests_name_the_same_functions() {
    assert_none(&Layout::read().problems());
}

#[test]
fn a_function_that_is_missing_somewhere_is_named() {
    let whole = Layout::read();
    let lost = "order-sweep";
    let without = |names: &mut Vec<String>, lost: &str| names.retain(|name| name != lost);
    let mut broken = whole.clone();
    without(&mut broken.template, lost);
    without(&mut broken.registry, lost);
    without(&mut broken.e2e_files, "order_sweep");
    without(&mut broken.e2e_modules, "login");
    broken.binaries.retain(|binary| binary.folder != lost);
    assert_eq!(
        broken.problems(),
        [
            "functions/order-sweep has no block in template.yaml",
            "functions/order-sweep has no line in infra/local/gateway/src/registry.rs",
            "functions/order-sweep has no tests/e2e/order_sweep.rs",
            "functions/order-sweep has no binary",
            "tests/e2e/main.rs has no line mod login;",
        ]
    );
    let mut broken = whole;
    without(&mut broken.folders, lost);
    assert_eq!(
        broken.problems(),
        [
            "template.yaml names functions/order-sweep, which is not there",
            "infra/local/gateway/src/registry.rs names functions/order-sweep, which is not there",
        ]
    );
}

#[test]
fn a_binary_of_another_kind_is_named() {
    let binary = Binary {
        folder: "user".to_owned(),
        package: "users".to_owned(),
        name: "bootstrap".to_owned(),
        documented: true,
        tested: true,
        lines: 11,
    };
    assert_eq!(binary.problems().len(), 5);
}
