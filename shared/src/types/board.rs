//! Boards: rankings by a score, with the rules that an operator has set.

use serde::{Deserialize, Serialize};

use super::{Day, IdError, OperatorArn};

/// The name of a board.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct BoardId(String);

impl BoardId {
    /// Reads a name.
    ///
    /// # Errors
    /// [`IdError`]: the text breaks a rule, which the error names.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=32).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "board", rule: "must be 1 to 32 letters, digits, '-' or '_'" })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BoardId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

/// Which score is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoardOrder {
    /// The smaller one, such as a time.
    Asc,
    /// The greater one.
    Desc,
}

/// When a board begins anew. Days and weeks are those of Beijing, and a week begins on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BoardPeriod {
    /// Never.
    All,
    /// Every day.
    Day,
    /// Every Monday.
    Week,
}

/// A board and its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// The name, which is the key.
    pub board: BoardId,
    /// Which score is better.
    pub order: BoardOrder,
    /// When it begins anew.
    pub period: BoardPeriod,
    /// The least score that can be.
    pub min: i64,
    /// The greatest score that can be.
    pub max: i64,
    /// The operator who set the rules.
    pub changed_by: OperatorArn,
}

/// A user's best score of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The period: the day on which it began, or `ALL`.
    pub period: String,
    /// The score.
    pub score: i64,
    /// The level that the user has reached, if the game has levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
}

impl Board {
    /// The period that `today` is in.
    #[must_use]
    pub fn period_of(&self, today: Day) -> String {
        match self.period {
            BoardPeriod::All => "ALL".to_owned(),
            BoardPeriod::Day => today.to_string(),
            BoardPeriod::Week => today.monday().to_string(),
        }
    }

    /// Whether a score can be.
    #[must_use]
    pub fn allows(&self, score: i64) -> bool {
        (self.min..=self.max).contains(&score)
    }

    /// The score, if it counts today: it is of the period and within the bounds.
    #[must_use]
    pub fn current<'s>(&self, score: &'s Score, today: Day) -> Option<&'s Score> {
        (score.period == self.period_of(today) && self.allows(score.score)).then_some(score)
    }

    /// The score as a number of which the greater one is better.
    #[must_use]
    pub fn merit(&self, score: i64) -> i64 {
        match self.order {
            BoardOrder::Asc => score.saturating_neg(),
            BoardOrder::Desc => score,
        }
    }
}

/// The greatest bound of a board, in either direction. Phones read numbers of this size exactly.
pub const MAX_SCORE: i64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UnixSeconds;

    fn board(order: BoardOrder, period: BoardPeriod) -> Board {
        let changed_by = OperatorArn::parse("arn:aws:iam::1:user/ops").unwrap();
        Board { board: BoardId::parse("level-1").unwrap(), order, period, min: 0, max: 100, changed_by }
    }

    #[test]
    fn a_week_begins_on_monday_in_beijing() {
        // The 15th of November 2023 is a Wednesday.
        let today = Day::of(UnixSeconds::new(1_700_000_000));
        let period = |period| board(BoardOrder::Desc, period).period_of(today);
        assert_eq!(period(BoardPeriod::Day), "20231115");
        assert_eq!(period(BoardPeriod::Week), "20231113");
        assert_eq!(period(BoardPeriod::All), "ALL");
        let monday = Day::of(UnixSeconds::new(1_700_000_000)).before(2);
        assert_eq!((monday.monday(), monday.before(1).monday()), (monday, monday.before(7)));
    }

    #[test]
    fn a_score_of_another_period_or_out_of_bounds_does_not_count() {
        let today = Day::of(UnixSeconds::new(1_700_000_000));
        let daily = board(BoardOrder::Desc, BoardPeriod::Day);
        let score = |period: &str, score| Score { period: period.to_owned(), score, level: None };
        assert!(daily.current(&score("20231115", 100), today).is_some());
        for wrong in
            [score("20231114", 100), score("ALL", 100), score("20231115", 101), score("20231115", -1)]
        {
            assert_eq!(daily.current(&wrong, today), None, "{wrong:?}");
        }
        assert!(
            board(BoardOrder::Asc, BoardPeriod::All).merit(1)
                > board(BoardOrder::Asc, BoardPeriod::All).merit(2)
        );
    }

    #[test]
    fn a_name_has_1_to_32_plain_characters() {
        for wrong in ["", "a b", "棋", "a#b", &"a".repeat(33)] {
            assert!(BoardId::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
