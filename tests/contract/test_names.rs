//! Names of tests, and what end-to-end tests may not leave out.

use regex_lite::Regex;

use crate::workspace::{assert_none, read, rust_files};

/// The longest name of a test, in characters.
const LONGEST: usize = 70;

/// Words that leave the reader to find out who or what is meant. A name says the subject, the condition and the result.
const UNCLEAR: [&str; 5] = ["told", "tells", "nobody", "somebody", "ours"];

/// Words with which the subject of a name begins as a riddle.
const UNCLEAR_SUBJECTS: [&str; 4] = ["what", "whatever", "who", "whoever"];

/// The names of the tests in the code.
fn names(code: &str) -> Vec<String> {
    let test = Regex::new(
        r"#\[(?:tokio::)?test(?:\([^)]*\))?\]\s*(?:#\[[^\]]*\]\s*|//[^\n]*\n\s*)*(?:pub )?(?:async )?fn ([a-z0-9_]+)",
    );
    test.expect("a pattern").captures_iter(code).map(|found| found[1].to_owned()).collect()
}

/// What is wrong with a name.
fn problem(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split('_').collect();
    if name.len() > LONGEST {
        return Some(format!("{name} has {} characters, more than {LONGEST}", name.len()));
    }
    let unclear = words.iter().find(|word| UNCLEAR.contains(word));
    let unclear = unclear.or_else(|| words.first().filter(|word| UNCLEAR_SUBJECTS.contains(word)));
    unclear.map(|word| format!("{name} does not say whom or what it means by \"{word}\""))
}

/// The lines that throw a result away.
fn thrown_away(code: &str) -> Vec<usize> {
    let lines = code.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("let _ ="));
    lines.map(|(number, _)| number + 1).collect()
}

#[test]
fn every_test_of_the_workspace_has_a_short_name_without_unclear_words() {
    let files: Vec<String> =
        ["functions", "infra", "shared", "tests"].into_iter().flat_map(rust_files).collect();
    let (mut count, mut problems) = (0, Vec::new());
    for file in files {
        let names = names(&read(&file));
        count += names.len();
        problems.extend(names.iter().filter_map(|name| problem(name)).map(|why| format!("{file}: {why}")));
    }
    assert!(count > 900, "the tests are found: {count}");
    assert_none(&problems);
}

#[test]
fn a_name_that_is_long_or_unclear_is_reported() {
    let long = "a".repeat(LONGEST + 1);
    for (code, expected) in [
        ("#[test]\nfn an_order_is_closed_once() {}".to_owned(), 0),
        (format!("#[test]\nfn {long}() {{}}"), 1),
        ("#[tokio::test]\n#[should_panic]\nasync fn nobody_is_called() {}".to_owned(), 1),
        (
            "    #[tokio::test(start_paused = true)]\n    async fn what_is_not_there_is_not_found() {}"
                .to_owned(),
            1,
        ),
        ("fn nobody() {}".to_owned(), 0),
    ] {
        assert_eq!(names(&code).iter().filter_map(|name| problem(name)).count(), expected, "{code}");
    }
}

#[test]
fn end_to_end_tests_throw_no_result_away() {
    let files = rust_files("tests/e2e");
    assert!(files.len() > 20, "{files:?}");
    let found = files.iter().flat_map(|file| {
        let lines = thrown_away(&read(file));
        lines
            .into_iter()
            .map(move |line| format!("{file}:{line} throws a result away: assert it, or do not bind it"))
    });
    assert_none(&found.collect::<Vec<_>>());
    assert_eq!(thrown_away("let a = b();\n    let _ = c().await;\n"), [2]);
}

#[test]
fn the_example_on_the_page_of_the_tests_is_one_of_the_tests() {
    let (page, test) = (read("tests/support/README.md"), read("tests/e2e/example.rs"));
    let example =
        page.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    assert!(test.ends_with(example), "tests/support/README.md shows another test than tests/e2e/example.rs");
}
