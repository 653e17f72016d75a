//! The figures that are compared, in the order of the table, and how each is judged.
//!
//! To add a figure, add a [`Figure`] here and let a measurement return its [`Values`]. A figure without values is shown as not measured.

use std::{collections::BTreeMap, fmt};

use crate::{
    report::Target,
    statistics::{Ratio, time},
    table::Table,
};

/// A figure of both builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Paid orders a second of one counted product until the first throttled request.
    PaidOrders,
    /// Orders placed a second of one product until the first throttled request.
    PlacedOrders,
    /// Questions to WeChat Pay a second that the sweep can ask.
    SweepQuestions,
    /// Requests of a minute of the sweep in which nothing is due.
    IdleSweepRequests,
    /// Processor time of a payment notice of APIv2 beyond hello world's.
    NoticeV2,
    /// Processor time of a payment notice of APIv3 beyond hello world's.
    NoticeV3,
    /// Processor time of a known user's login.
    Login,
    /// Processor time of a repeated prepayment.
    Prepay,
    /// The processor time of a start, of the slowest function.
    Init,
    /// The peak memory of the largest function.
    Memory,
    /// From the start of `login` to its first answer.
    ColdLogin,
    /// From the start of `unified-order` to its first answer.
    ColdPrepay,
    /// The first answer of `login` after a minute without requests.
    IdleLogin,
    /// The first answer of `unified-order` after a minute without requests.
    IdlePrepay,
    /// Events of the outbox a second and shard.
    OutboxEvents,
    /// The processor time of an order's whole life in a storm.
    StormOrder,
}

/// A value of one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Nanoseconds.
    Time(u64),
    /// A rate or a count.
    Count(u64),
    /// A ratio to hello world in the same run.
    OfHello(Ratio),
}

/// A figure's values of both builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// Of the commit that is compared with.
    pub base: Value,
    /// Of this tree.
    pub new: Value,
    /// What the values are of, if that is more than the figure's name: the function, the round trips.
    pub note: String,
}

/// What was measured, by figure.
pub type Measured = BTreeMap<Figure, Values>;

#[derive(Clone, Copy)]
enum Goal {
    /// The new value is at most so many times the base's.
    AtMost(Ratio),
    /// The new value is at least so many times the base's.
    AtLeast(Ratio),
    /// The new value, which is a ratio to hello world, is at most this.
    OfHelloAtMost(Ratio),
}

impl Figure {
    /// All figures, in the order of the table.
    pub const ALL: [Self; 16] = [
        Self::PaidOrders,
        Self::PlacedOrders,
        Self::SweepQuestions,
        Self::IdleSweepRequests,
        Self::NoticeV2,
        Self::NoticeV3,
        Self::Login,
        Self::Prepay,
        Self::Init,
        Self::Memory,
        Self::ColdLogin,
        Self::ColdPrepay,
        Self::IdleLogin,
        Self::IdlePrepay,
        Self::OutboxEvents,
        Self::StormOrder,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::PaidOrders => "paid orders a second of one product until the first throttled request",
            Self::PlacedOrders => "orders placed a second of one product, likewise",
            Self::SweepQuestions => "questions to WeChat Pay a second",
            Self::IdleSweepRequests => "requests of an idle sweep minute",
            Self::NoticeV2 => "own CPU of a payment notice, APIv2",
            Self::NoticeV3 => "own CPU of a payment notice, APIv3",
            Self::Login => "CPU of a known user's login",
            Self::Prepay => "CPU of a repeated prepay",
            Self::Init => "init CPU, slowest function",
            Self::Memory => "peak memory, largest function",
            Self::ColdLogin => "cold start to first answer, login",
            Self::ColdPrepay => "cold start to first answer, unified-order",
            Self::IdleLogin => "first request after an idle minute, login",
            Self::IdlePrepay => "first request after an idle minute, unified-order",
            Self::OutboxEvents => "events of the outbox a second and shard",
            Self::StormOrder => "CPU of an order's whole life in the storm",
        }
    }

    /// What stands in the way of the target, as far as is known.
    const fn obstacle(self) -> &'static str {
        match self {
            Self::Init => {
                "login and unified-order read secrets and open connections in a start, so that the first answer comes earlier; a start of the others touches a half more pages than hello world's"
            }
            Self::Memory => {
                "pages of the binary are nearly all of it, and a start of login and unified-order already uses those of TLS, which the first request uses otherwise"
            }
            Self::ColdLogin | Self::ColdPrepay => {
                "a connection to WeChat and one request take three round trips, 120 ms"
            }
            Self::IdleLogin | Self::IdlePrepay => {
                "WeChat closes an idle connection after 8 seconds, and a new one takes two round trips before that of the request: 120 ms"
            }
            Self::StormOrder => {
                "an order of this tree's storm is shipped and complained of as well, and a third of its time is the local database's"
            }
            _ => "no reason is known; the same binaries differ by a tenth from run to run",
        }
    }

    /// Whether a function with this ratio to hello world meets the target.
    pub(super) fn is_met_by(self, ratio: Ratio) -> bool {
        matches!(self.goal(), Goal::OfHelloAtMost(limit) if ratio <= limit)
    }

    const fn goal(self) -> Goal {
        match self {
            Self::PaidOrders => Goal::AtLeast(Ratio::hundredths(2000)),
            Self::PlacedOrders => Goal::AtLeast(Ratio::hundredths(1000)),
            Self::SweepQuestions => Goal::AtLeast(Ratio::hundredths(10_000)),
            Self::IdleSweepRequests => Goal::AtMost(Ratio::hundredths(25)),
            Self::NoticeV2 | Self::NoticeV3 => Goal::AtMost(Ratio::hundredths(65)),
            Self::Login | Self::Prepay => Goal::AtMost(Ratio::hundredths(75)),
            Self::Init => Goal::OfHelloAtMost(Ratio::hundredths(115)),
            Self::Memory => Goal::OfHelloAtMost(Ratio::hundredths(160)),
            Self::ColdLogin | Self::ColdPrepay | Self::IdleLogin | Self::IdlePrepay => {
                Goal::AtMost(Ratio::hundredths(80))
            }
            Self::OutboxEvents => Goal::AtLeast(Ratio::hundredths(500)),
            Self::StormOrder => Goal::AtMost(Ratio::hundredths(10)),
        }
    }
}

impl Value {
    /// The number, for a ratio.
    const fn number(self) -> u64 {
        match self {
            Self::Time(number) | Self::Count(number) => number,
            Self::OfHello(ratio) => ratio.in_hundredths(),
        }
    }
}

impl Values {
    /// Whether the goal is met.
    fn meets(&self, goal: Goal) -> bool {
        let ratio = self.ratio();
        match goal {
            Goal::AtMost(limit) => ratio <= limit,
            Goal::AtLeast(limit) => ratio >= limit,
            Goal::OfHelloAtMost(limit) => matches!(self.new, Value::OfHello(ratio) if ratio <= limit),
        }
    }

    /// The new value in relation to the base's.
    fn ratio(&self) -> Ratio {
        Ratio::of(self.new.number(), self.base.number())
    }
}

/// The targets that are missed, with the reasons. `docs/performance.md` has what was tried.
#[must_use]
pub fn missed(measured: &Measured) -> Vec<Target> {
    let figures = measured.iter().filter(|(figure, values)| !values.meets(figure.goal()));
    let missed = figures.map(|(figure, values)| {
        let is = match values.new {
            Value::OfHello(ratio) => ratio,
            Value::Time(_) | Value::Count(_) => values.ratio(),
        };
        Target::missed(format!("{} {}", figure.name(), figure.goal()), &is.to_string(), figure.obstacle())
    });
    missed.collect()
}

/// The table with all figures.
#[must_use]
pub fn table(base_name: &str, measured: &Measured) -> Table {
    let mut table = Table::new(["figure", "target", base_name, "this tree", "ratio", "result", "of"]);
    for figure in Figure::ALL {
        let (name, goal) = (figure.name().to_owned(), figure.goal());
        let dash = || "–".to_owned();
        let Some(values) = measured.get(&figure) else {
            table.add_row([
                name,
                goal.to_string(),
                dash(),
                dash(),
                dash(),
                "not measured".to_owned(),
                dash(),
            ]);
            continue;
        };
        table.add_row([
            name,
            goal.to_string(),
            values.base.to_string(),
            values.new.to_string(),
            values.ratio().to_string(),
            if values.meets(goal) { "met" } else { "**missed**" }.to_owned(),
            if values.note.is_empty() { dash() } else { values.note.clone() },
        ]);
    }
    table
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
            Self::OfHelloAtMost(limit) => write!(f, "≤ {limit} hello world"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(nanos) => f.write_str(&time(*nanos)),
            Self::Count(number) => number.fmt(f),
            Self::OfHello(ratio) => ratio.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(base: Value, new: Value) -> Values {
        Values { base, new, note: String::new() }
    }

    #[test]
    fn a_figure_is_met_missed_or_not_measured() {
        let measured = [
            (Figure::NoticeV2, values(Value::Time(200_000), Value::Time(130_000))),
            (Figure::Login, values(Value::Time(400_000), Value::Time(304_000))),
            (Figure::SweepQuestions, values(Value::Count(17), Value::Count(1700))),
            (
                Figure::Init,
                values(Value::OfHello(Ratio::hundredths(130)), Value::OfHello(Ratio::hundredths(116))),
            ),
        ];
        let table = table("c84a456", &measured.into_iter().collect()).to_string();
        let result = |figure: Figure| {
            let line = table.lines().find(|line| line.contains(figure.name())).expect("a row");
            let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            (cells[5].clone(), cells[6].clone())
        };
        let expect = |ratio: &str, result: &str| (ratio.to_owned(), result.to_owned());
        assert_eq!(result(Figure::NoticeV2), expect("0.65 ×", "met"));
        assert_eq!(result(Figure::Login), expect("0.76 ×", "**missed**"));
        assert_eq!(result(Figure::SweepQuestions), expect("100.00 ×", "met"));
        assert_eq!(result(Figure::Init), expect("0.89 ×", "**missed**"));
        assert_eq!(result(Figure::Prepay), expect("–", "not measured"));
    }

    #[test]
    fn a_missed_figure_has_a_reason() {
        let measured = [
            (Figure::IdleLogin, values(Value::Time(130), Value::Time(125))),
            (Figure::Login, values(Value::Time(400), Value::Time(100))),
        ];
        let missed = missed(&measured.into_iter().collect());
        let [missed] = missed.as_slice() else { panic!("{missed:?}") };
        let text = missed.to_string();
        assert!(text.starts_with("- **missed** first request after an idle minute, login ≤ 0.80 ×: 0.96 ×, because WeChat closes"), "{text}");
    }
}
