//! Tables in Markdown.

use std::fmt;

/// A Markdown table. The first column is aligned left, the others right.
#[derive(Debug, Clone)]
pub struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new<const N: usize>(heading: [impl Into<String>; N]) -> Self {
        Self { heading: heading.map(Into::into).to_vec(), rows: Vec::new() }
    }

    /// Adds a row. Missing cells stay empty.
    pub fn add_row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.heading]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(3)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.heading.len()).map(|column| self.width(column)).collect();
        let rule: Vec<String> = widths
            .iter()
            .enumerate()
            .map(
                |(column, width)| {
                    if column == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) }
                },
            )
            .collect();
        for row in [&self.heading, &rule].into_iter().chain(&self.rows) {
            for (column, width) in widths.iter().copied().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                match column {
                    0 => write!(f, "| {cell:width$}")?,
                    _ => write!(f, " | {cell:>width$}")?,
                }
            }
            writeln!(f, " |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["function", "µs"]);
        table.add_row(["pay-notify".to_owned(), "9".to_owned()]);
        table.add_row(["user".to_owned()]);
        let lines = [
            "| function   |  µs |",
            "| ---------- | --: |",
            "| pay-notify |   9 |",
            "| user       |     |",
            "",
        ];
        assert_eq!(table.to_string(), lines.join("\n"));
    }
}
