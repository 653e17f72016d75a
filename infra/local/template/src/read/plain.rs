//! Plain scalars that YAML 1.1 and YAML 1.2 read differently. SAM and CloudFormation read YAML 1.1 and this reader reads 1.2, so
//! such a scalar would have one value locally and another one in AWS.
//!
//! It follows the types of YAML 1.1 (<https://yaml.org/type/>) and the core schema of YAML 1.2.2
//! (<https://yaml.org/spec/1.2.2/#103-core-schema>). A lone `y` or `n` is text: SAM and CloudFormation don't read it as a
//! boolean, although YAML 1.1 does.

use std::sync::LazyLock;

use regex_lite::Regex;

/// The type that one of the two versions reads in a plain scalar, if the other reads a different value.
pub(crate) fn other_reading(text: &str) -> Option<&'static str> {
    // Fast path, because most scalars are words.
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || b"+-.=<yYnNoO".contains(&first)) {
        return None;
    }
    READINGS.iter().find(|(regex, _)| regex.is_match(text)).and_then(|(_, reading)| *reading)
}

/// The first that fits says what a scalar is; `None` if both versions read the same.
static READINGS: LazyLock<Vec<(Regex, Option<&str>)>> = LazyLock::new(|| {
    let whole = |pattern: &str| Regex::new(&format!("^(?:{pattern})$"));
    let of_both = (EXPONENT_OF_BOTH, None);
    let others = OTHER_READINGS.iter().map(|(pattern, reading)| (*pattern, Some(*reading)));
    let all = std::iter::once(of_both).chain(others);
    all.filter_map(|(pattern, reading)| Some((whole(pattern).ok()?, reading))).collect()
});

/// A number that both versions read alike.
const EXPONENT_OF_BOTH: &str = r"[-+]?[0-9]+\.[0-9]*[eE][-+][0-9]+";

const OTHER_READINGS: [(&str, &str); 11] = [
    ("yes|Yes|YES|on|On|ON", "true"),
    ("no|No|NO|off|Off|OFF", "false"),
    ("=", "a default value"),
    ("<<", "a merge of mappings"),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?", "a date"),
    (r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", "a number to the base of 60"),
    ("[-+]?0[0-9_]+|[-+]?0o[0-7_]+", "an octal number"),
    ("[-+]?0b[01_]+", "a binary number"),
    ("[-+]0x[0-9a-fA-F_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*", "a hexadecimal number"),
    (r"[-+]?[0-9][0-9.]*_[0-9_.]*(?:[eE][-+]?[0-9]+)?", "a number with underscores"),
    (r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+|[-+]\.[0-9]+", "a fraction"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_with_two_values_is_found() {
        for text in [
            "yes",
            "Yes",
            "YES",
            "no",
            "No",
            "NO",
            "on",
            "On",
            "ON",
            "off",
            "Off",
            "OFF",
            "=",
            "<<",
            "2010-09-09",
            "2010-9-9",
            "2012-10-17T00:00:00Z",
            "2012-10-17 10:00",
            "010",
            "-010",
            "00",
            "08",
            "0_7",
            "0o10",
            "0b101",
            "+0x1F",
            "0x_1F",
            "1_000",
            "1_000.5",
            "12:30",
            "1:30:00",
            "1:30.5",
            "-1:30",
            "1e3",
            "1.5e3",
            ".5e-3",
            "1E+3",
            "+.5",
        ] {
            assert!(other_reading(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_scalar_with_one_value_is_accepted() {
        for text in [
            "",
            "~",
            "null",
            "true",
            "false",
            "True",
            "0",
            "10",
            "-3",
            "+3",
            "0.5",
            "1.5e+3",
            "-0.5E-10",
            "0x1F",
            ".5",
            "y",
            "N",
            "yesterday",
            "note",
            "one",
            "oN",
            "north",
            "off-peak",
            "10MB",
            "12:60",
            "1.2.3",
            "192.168.0.1",
            "2010-09",
            "10:00 to 12:00",
            "-",
            "--",
            "a=b",
            "wx0123",
            "123456789012",
            "rate(1 minute)",
            "<",
            "..",
            "y: n",
        ] {
            assert_eq!(other_reading(text), None, "{text}");
        }
    }
}
