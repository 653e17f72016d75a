//! Cuts the text of `Fn::Sub` into plain text, `${Name}` and `${!Literal}`.

/// A part of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// `${!Literal}`, which stands for `${Literal}`.
    Literal(&'a str),
    /// `${Name}` or `${Name.Attribute}`.
    Name(&'a str),
    /// Text that stands for itself.
    Text(&'a str),
    /// `${` without its brace.
    Unclosed,
}

/// Cuts `pattern` into pieces.
pub(super) fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            found.push(Piece::Text(before));
        }
        let Some((inner, behind)) = after.split_once('}') else {
            found.push(Piece::Unclosed);
            return found;
        };
        found.push(match inner.strip_prefix('!') {
            Some(literal) => Piece::Literal(literal),
            None => Piece::Name(inner.trim()),
        });
        rest = behind;
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_literals_and_text_are_told_apart() {
        assert_eq!(
            pieces("a${X}b${Y.Arn}${!Z}$c"),
            [
                Piece::Text("a"),
                Piece::Name("X"),
                Piece::Text("b"),
                Piece::Name("Y.Arn"),
                Piece::Literal("Z"),
                Piece::Text("$c")
            ]
        );
    }

    #[test]
    fn a_missing_brace_is_noticed() {
        assert_eq!(pieces("${X"), [Piece::Unclosed]);
    }
}
