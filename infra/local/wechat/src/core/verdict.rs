//! The verdict of a content check.

use serde::{Deserialize, Serialize};

/// What WeChat suggests to do with a text, a picture or a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suggest {
    /// It can be published.
    Pass,
    /// A person should look at it.
    Review,
    /// It must not be published.
    Risky,
}

/// A suggestion and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The suggestion.
    pub suggest: Suggest,
    /// The reason: 100 normal, 10001 advertisement, 20001 politics, 20002 pornography, 20003 abuse, 20006 crime, 20008 fraud, 20012
    /// vulgar, 20013 copyright, 21000 other.
    pub label: u32,
}

impl Verdict {
    /// The verdict with this label, or with the usual one of the suggestion.
    pub(crate) fn new(suggest: Suggest, label: Option<u32>) -> Self {
        let usual = if suggest == Suggest::Pass { NORMAL } else { OTHER };
        Self { suggest, label: label.unwrap_or(usual) }
    }

    /// The verdict on a content, by the first marker in it: `risky:20002` or `review:10001`, with any label, and without a marker
    /// 违规 (risky) or 疑似 (review). Anything else passes.
    pub(crate) fn on(content: &str) -> Self {
        for (suggest, marker) in [(Suggest::Risky, "risky:"), (Suggest::Review, "review:")] {
            if let Some((_, rest)) = content.split_once(marker) {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                return Self::new(suggest, rest.get(..end).and_then(|label| label.parse().ok()));
            }
        }
        let words = [(Suggest::Risky, "违规"), (Suggest::Review, "疑似")];
        let found = words.into_iter().find(|(_, word)| content.contains(word));
        Self::new(found.map_or(Suggest::Pass, |(suggest, _)| suggest), None)
    }
}

const NORMAL: u32 = 100;
const OTHER: u32 = 21_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_or_a_word_decides() {
        for (content, suggest, label) in [
            ("矿泉水", Suggest::Pass, 100),
            ("risky business", Suggest::Pass, 100),
            ("x risky:20002y", Suggest::Risky, 20_002),
            ("review:10001", Suggest::Review, 10_001),
            ("risky:", Suggest::Risky, 21_000),
            ("违规昵称", Suggest::Risky, 21_000),
            ("疑似广告", Suggest::Review, 21_000),
        ] {
            assert_eq!(Verdict::on(content), Verdict { suggest, label }, "{content}");
        }
    }
}
