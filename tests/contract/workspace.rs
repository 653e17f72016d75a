//! The workspace as it lies on the disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{Metadata, MetadataCommand};
use local_template::{Stack, Template};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ is in the workspace").to_owned()
}

/// The text of a file; its path is relative to the root, as all paths here.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a folder, sorted; of folders if `folders`, else of files.
pub(crate) fn names(path: &str, folders: bool) -> Vec<String> {
    let entries = fs::read_dir(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let entries = entries.map(|entry| entry.expect("an entry"));
    let wanted = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir() == folders));
    let mut names: Vec<String> =
        wanted.map(|entry| entry.file_name().into_string().expect("a name in UTF-8")).collect();
    names.sort();
    names
}

/// The paths of all files below a folder.
pub(crate) fn files(path: &str) -> Vec<String> {
    let below = |name: String| if path.is_empty() { name } else { format!("{path}/{name}") };
    let mut files: Vec<String> = names(path, false).into_iter().map(below).collect();
    for folder in names(path, true).into_iter().filter(|name| !NOT_SOURCES.contains(&name.as_str())) {
        files.extend(self::files(&below(folder)));
    }
    files
}

/// The paths of all Rust files below a folder.
pub(crate) fn rust_files(path: &str) -> Vec<String> {
    files(path).into_iter().filter(|file| file.ends_with(".rs")).collect()
}

/// `template.yaml`.
pub(crate) fn template() -> String {
    read("template.yaml")
}

/// What a template deploys to the local world.
pub(crate) fn stack(template: &str) -> Stack {
    stack_with(template, &[])
}

/// The same, with more parameters than it needs.
pub(crate) fn stack_with(template: &str, more: &[(&str, &str)]) -> Stack {
    let needed = [("MiniProgramAppId", "wx0123456789abcdef"), ("MerchantId", "1900000109")];
    let parameters = needed.iter().chain(more);
    let parameters: BTreeMap<String, String> =
        parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let template = Template::parse(template).unwrap_or_else(|error| panic!("template.yaml: {error}"));
    template.deploy(&parameters).unwrap_or_else(|error| panic!("template.yaml: {error}"))
}

/// The text with one part replaced, which must be there.
pub(crate) fn with(text: &str, part: &str, other: &str) -> String {
    assert!(text.contains(part), "nothing to replace: {part}");
    text.replacen(part, other, 1)
}

/// The packages of the workspace and all that they are made of. What ships is built for Lambda.
pub(crate) fn metadata() -> Metadata {
    let options = ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(str::to_owned);
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).other_options(options).exec().expect("cargo metadata")
}

/// Panics with the problems, a line each.
#[track_caller]
pub(crate) fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// What appears only on one side, in words.
pub(crate) fn differences(one: (&str, &[String]), other: (&str, &[String])) -> Vec<String> {
    let lacks = |(place, has): (&str, &[String]), wanted: &[String]| -> Vec<String> {
        let missing = wanted.iter().filter(|name| !has.contains(name));
        missing.map(|name| format!("{name} is not in {place}")).collect()
    };
    [lacks(one, other.1), lacks(other, one.1)].concat()
}

/// Every Markdown file of the repository, by its path.
pub(crate) fn pages() -> Vec<(String, String)> {
    let pages = files("").into_iter().filter(|file| file.ends_with(".md"));
    pages.map(|file| (file.clone(), read(&file))).collect()
}

/// The part of a page below this heading, up to the next one of its kind.
pub(crate) fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let start = format!("\n## {heading}\n");
    let (_, section) = page.split_once(&start).unwrap_or_else(|| panic!("the page has no ## {heading}"));
    section.split("\n## ").next().unwrap_or(section)
}

/// The rows of the table whose heading begins with `| <first> |`, as cells.
pub(crate) fn table(text: &str, first: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let row = row.replace(r"\|", "\u{0}");
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{0}', "|")).collect()
    })
    .collect()
}

/// Every `quoted` part.
pub(crate) fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The headings of a page as links name them. As on GitHub: small letters, hyphens for blanks, no other punctuation.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let mut is_code = false;
    let headings = page.lines().filter_map(|line| {
        is_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        (!is_code && heading.len() < line.len()).then(|| heading.strip_prefix(' '))?
    });
    let slug = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|one| one.is_alphanumeric() || "-_".contains(*one)).collect()
    };
    headings.map(slug).collect()
}

/// Folders without sources.
const NOT_SOURCES: [&str; 5] = [".aws-sam", ".git", ".venv", "node_modules", "target"];
