//! Rules about the text of the sources.

use crate::workspace::{assert_none, files, read, root, rust_files};

/// Files with their lines.
type Texts = Vec<(String, String)>;

fn texts(files: Vec<String>) -> Texts {
    files.into_iter().map(|file| (file.clone(), read(&file))).collect()
}

fn ours() -> Texts {
    texts(["functions", "infra", "shared", "tests"].into_iter().flat_map(rust_files).collect())
}

/// What runs outside tests: functions, the shared crate, the local world.
fn shipped() -> Texts {
    let mut files = ours();
    files.retain(|(file, _)| {
        file.contains("/src/") && !file.contains("/tests/") && !file.ends_with("/tests.rs")
    });
    // Tests stand at the end of their file.
    files.into_iter().map(|(file, text)| (file, before_tests(&text).to_owned())).collect()
}

fn before_tests(text: &str) -> &str {
    let tests = format!("#[cfg({})]\nmod tests {{", "test");
    text.split(&tests).next().unwrap_or(text)
}

fn too_long(files: &Texts) -> Vec<String> {
    let lengths = files.iter().map(|(file, text)| (file, text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > LONGEST);
    long.map(|(file, lines)| format!("{file} has {lines} lines, more than {LONGEST}")).collect()
}

/// Where one of the parts stands.
fn found(files: &Texts, parts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in files {
        for (number, line) in text.lines().enumerate() {
            let parts = parts.iter().filter(|part| line.contains(part.as_str()));
            found.extend(parts.map(|part| format!("{file}:{}: {part}", number + 1)));
        }
    }
    found
}

/// Every comment replaced by an empty line.
fn without_comments(files: Texts) -> Texts {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let strip = |text: &str| -> String {
        text.lines()
            .map(|line| if is_comment(line) { "\n".to_owned() } else { format!("{line}\n") })
            .collect()
    };
    files.into_iter().map(|(file, text)| (file, strip(&text))).collect()
}

/// The files that git keeps; without git, all there are.
fn tracked() -> Vec<String> {
    let list = std::process::Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output();
    let list =
        list.ok().filter(|list| list.status.success()).and_then(|list| String::from_utf8(list.stdout).ok());
    let list = list.filter(|list| !list.is_empty());
    list.map_or_else(|| files(""), |list| list.split_terminator('\0').map(str::to_owned).collect())
}

/// The folders in which developers live. They are put together here so that this file does not name one.
fn homes() -> Vec<String> {
    ["root", "home", "Users"].map(|home| format!("/{home}/")).into()
}

fn unfinished() -> Vec<String> {
    let macros = ["todo", "unimplemented"].map(|name| format!("{name}!"));
    macros.into_iter().chain([format!(".{}()", "unwrap")]).collect()
}

fn ignored() -> Vec<String> {
    vec![format!("#[{}", "ignore")]
}

#[test]
fn no_file_is_too_long_to_read() {
    assert_none(&too_long(&ours()));
    let files = vec![("short.rs".to_owned(), "\n".repeat(LONGEST)), ("long.rs".to_owned(), "\n".repeat(601))];
    assert_eq!(too_long(&files), ["long.rs has 601 lines, more than 600"]);
}

#[test]
fn nothing_that_runs_is_unfinished_and_no_test_is_left_out() {
    assert!(shipped().len() > 100, "the sources are there");
    assert_none(&found(&without_comments(shipped()), &unfinished()));
    assert_none(&found(&without_comments(ours()), &ignored()));
    let tests = format!("#[cfg({})]\nmod tests {{", "test");
    let text = format!("// a{0}\nlet a = b{0};\n{tests}\n    b{0};\n", unfinished()[2]);
    let file = without_comments(vec![("a.rs".to_owned(), before_tests(&text).to_owned())]);
    let call = &unfinished()[2];
    assert_eq!(found(&file, &unfinished()), [format!("a.rs:2: {call}")], "neither the comment nor the test");
}

#[test]
fn no_path_of_a_developer_s_machine_is_written_down() {
    let readable = tracked().into_iter().filter_map(|file| {
        let text = std::fs::read_to_string(root().join(&file)).ok()?;
        Some((file, text))
    });
    let files: Texts = readable.collect();
    assert!(files.iter().any(|(file, _)| file == "Cargo.toml"));
    assert_none(&found(&files, &homes()));
    let file = vec![("a.md".to_owned(), format!("see {}me/notes", homes()[1]))];
    assert_eq!(found(&file, &homes()).len(), 1);
}

const LONGEST: usize = 600;
