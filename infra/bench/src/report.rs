//! The report: sections with tables, and for each target whether it is met or by how much it is missed.

use std::fmt;

use crate::{
    machine,
    plot::Plot,
    statistics::{Ratio, time},
    table::Table,
};

/// The results of one measurement.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// The explanation of the numbers.
    pub text: String,
    /// The numbers.
    pub table: Table,
    /// The targets.
    pub targets: Vec<Target>,
    /// The pictures, which the file shows below the targets.
    pub plots: Vec<Plot>,
}

/// A target and its result. A missed target is reported and fails nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    wanted: String,
    is: String,
    met: bool,
}

impl Target {
    /// The target that each of `ratios` is `limit` or less.
    #[must_use]
    pub fn at_most(what: &str, limit: Ratio, ratios: &[(String, Ratio)]) -> Self {
        let mut over: Vec<_> = ratios.iter().filter(|(_, ratio)| *ratio > limit).collect();
        over.sort_by(|(_, one), (_, other)| other.cmp(one));
        let missed =
            over.iter().map(|(name, ratio)| format!("{name} {ratio} (+{} %)", ratio.percent_over(limit)));
        let is = match (over.as_slice(), ratios.iter().max_by_key(|(_, ratio)| *ratio)) {
            ([], None) => "not measured".to_owned(),
            ([], Some((name, ratio))) => format!("the most is {name}, {ratio}"),
            _ => format!(
                "{} of {} over it: {}",
                over.len(),
                ratios.len(),
                missed.collect::<Vec<_>>().join(", ")
            ),
        };
        Self {
            wanted: format!("{what} ≤ {limit} hello world"),
            is,
            met: over.is_empty() && !ratios.is_empty(),
        }
    }

    /// The target that `nanos` is less than `limit`.
    #[must_use]
    pub fn below(what: &str, limit: u64, nanos: u64) -> Self {
        let met = nanos < limit;
        let over = Ratio::of(nanos, limit).percent_over(Ratio::hundredths(100));
        let is = if met { time(nanos) } else { format!("{} (+{over} %)", time(nanos)) };
        Self { wanted: format!("{what} < {}", time(limit)), is, met }
    }

    /// `is` is `wanted`.
    #[must_use]
    pub fn equal(what: &str, wanted: usize, is: usize) -> Self {
        Self { wanted: format!("{what} = {wanted}"), is: is.to_string(), met: wanted == is }
    }

    /// A target that is missed, and why.
    #[must_use]
    pub fn missed(wanted: String, is: &str, because: &str) -> Self {
        Self { wanted, is: format!("{is}, because {because}"), met: false }
    }

    /// The target that there are no `exceptions`.
    #[must_use]
    pub fn none(wanted: &str, exceptions: &[String]) -> Self {
        let is = if exceptions.is_empty() { "so it is".to_owned() } else { exceptions.join(", ") };
        Self { wanted: wanted.to_owned(), is, met: exceptions.is_empty() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, is, met } = self;
        write!(f, "- {} {wanted}: {is}", if *met { "met" } else { "**missed**" })
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "## {}\n\n{}\n{}", self.title, self.text, self.table)?;
        if !self.targets.is_empty() {
            writeln!(f)?;
        }
        self.targets.iter().try_for_each(|target| writeln!(f, "{target}"))
    }
}

/// The text of RESULTS.md.
#[must_use]
pub fn results_file(machine: &str, sections: &[Section]) -> String {
    let sections: Vec<String> = sections.iter().map(file_section).collect();
    format!(
        "# Measured on {}\n\nWritten by `cargo run --release -p local-bench -- --write`.\n\n{machine}\n\n{}",
        machine::today(),
        sections.join("\n")
    )
}

/// The text of RESULTS.md with these sections in place of the earlier ones of the same titles. A section that was measured apart has its own
/// day.
#[must_use]
pub fn updated_results(results: &str, sections: &[Section]) -> String {
    let mut parts: Vec<String> = results.split("\n## ").map(str::to_owned).collect();
    for section in sections {
        let (day, load) = (machine::today(), machine::load());
        let text = format!("{}\nMeasured on {day}; load at the end: {load}.\n", file_section(section));
        let text = text.trim_start_matches("## ").to_owned();
        match parts.iter_mut().skip(1).find(|part| part.lines().next() == Some(section.title)) {
            Some(part) => *part = text,
            None => parts.push(text),
        }
    }
    let parts: Vec<&str> = parts.iter().map(|part| part.trim_end_matches('\n')).collect();
    format!("{}\n", parts.join("\n\n## "))
}

/// A section with its pictures.
fn file_section(section: &Section) -> String {
    let plots = section.plots.iter();
    let plots: String = plots.map(|plot| format!("\n![{}]({PLOTS}/{})\n", plot.title, plot.file)).collect();
    format!("{section}{plots}")
}

/// The folder of the pictures, beside RESULTS.md.
pub const PLOTS: &str = "plots";

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(hundredths: &[u64]) -> Vec<(String, Ratio)> {
        let names = ["user", "order", "card"];
        names
            .iter()
            .zip(hundredths)
            .map(|(name, ratio)| ((*name).to_owned(), Ratio::hundredths(*ratio)))
            .collect()
    }

    #[test]
    fn a_target_says_whether_it_is_met_and_by_how_much_it_is_missed() {
        let limit = Ratio::hundredths(130);
        assert_eq!(
            Target::at_most("init", limit, &ratios(&[120, 130])).to_string(),
            "- met init ≤ 1.30 × hello world: the most is order, 1.30 ×"
        );
        assert_eq!(
            Target::at_most("init", limit, &ratios(&[143, 120, 195])).to_string(),
            "- **missed** init ≤ 1.30 × hello world: 2 of 3 over it: card 1.95 × (+50 %), user 1.43 × (+10 %)"
        );
        assert_eq!(
            Target::at_most("init", limit, &[]).to_string(),
            "- **missed** init ≤ 1.30 × hello world: not measured"
        );
        assert_eq!(Target::below("CPU", 150_000, 90_000).to_string(), "- met CPU < 150.0 µs: 90.0 µs");
        assert_eq!(
            Target::below("CPU", 150_000, 180_000).to_string(),
            "- **missed** CPU < 150.0 µs: 180.0 µs (+20 %)"
        );
        assert_eq!(Target::equal("calls", 1, 2).to_string(), "- **missed** calls = 1: 2");
        assert_eq!(
            Target::missed("size ≤ 2 MB".to_owned(), "3 MB", "it does more").to_string(),
            "- **missed** size ≤ 2 MB: 3 MB, because it does more"
        );
        assert_eq!(Target::none("nothing grows", &[]).to_string(), "- met nothing grows: so it is");
    }

    #[test]
    fn the_file_has_the_day_the_machine_and_the_sections() {
        let mut table = Table::new(["what", "µs"]);
        table.add_row(["sign".to_owned(), "1.5".to_owned()]);
        let targets = vec![Target::equal("calls", 1, 1)];
        let section =
            Section { title: "Primitives", text: "Medians.\n".to_owned(), table, targets, plots: Vec::new() };
        let file = results_file("- processor: some", &[section]);
        assert!(file.starts_with("# Measured on 20"));
        let end = "- processor: some\n\n## Primitives\n\nMedians.\n\n| what |  µs |\n| ---- | --: |\n| sign | 1.5 |\n\n- met calls = 1: 1\n";
        assert!(file.ends_with(end), "{file}");
    }

    #[test]
    fn a_section_that_is_measured_apart_replaces_the_earlier_one() {
        let mut table = Table::new(["what", "µs"]);
        table.add_row(["sign".to_owned(), "2.5".to_owned()]);
        let svg = "<svg/>".to_owned();
        let plots = vec![Plot { file: "sign.svg".to_owned(), title: "Signing".to_owned(), svg }];
        let section = Section { title: "Primitives", text: String::new(), table, targets: Vec::new(), plots };
        let before =
            "# Measured\n\n- one core\n\n## Functions\n\nA\n\n## Primitives\n\nB\n\n## Growth\n\nC\n";
        let after = updated_results(before, &[section]);
        assert!(
            after.starts_with("# Measured\n\n- one core\n\n## Functions\n\nA\n\n## Primitives\n\n"),
            "{after}"
        );
        assert!(after.contains("\n\n![Signing](plots/sign.svg)\n\nMeasured on 20"), "{after}");
        assert!(after.ends_with(".\n\n## Growth\n\nC\n") && !after.contains('B'), "{after}");
    }
}
