//! Splits the text of `Fn::Sub` into plain text, `${Name}` and `${!Literal}`.

/// A part of the text of `Fn::Sub`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SubPart<'a> {
    /// `${!Literal}`, which stands for `${Literal}`.
    Literal(&'a str),
    /// `${Name}` or `${Name.Attribute}`.
    Name(&'a str),
    /// Plain text.
    Text(&'a str),
    /// `${` without a closing brace.
    Unclosed,
}

/// Splits `pattern` into its parts.
pub(super) fn split_parts(pattern: &str) -> Vec<SubPart<'_>> {
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            found.push(SubPart::Text(before));
        }
        let Some((inner, behind)) = after.split_once('}') else {
            found.push(SubPart::Unclosed);
            return found;
        };
        found.push(match inner.strip_prefix('!') {
            Some(literal) => SubPart::Literal(literal),
            None => SubPart::Name(inner.trim()),
        });
        rest = behind;
    }
    if !rest.is_empty() {
        found.push(SubPart::Text(rest));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_literals_and_text_are_distinguished() {
        assert_eq!(
            split_parts("a${X}b${Y.Arn}${!Z}$c"),
            [
                SubPart::Text("a"),
                SubPart::Name("X"),
                SubPart::Text("b"),
                SubPart::Name("Y.Arn"),
                SubPart::Literal("Z"),
                SubPart::Text("$c")
            ]
        );
    }

    #[test]
    fn a_missing_brace_is_noticed() {
        assert_eq!(split_parts("${X"), [SubPart::Unclosed]);
    }
}
