//! Bar charts as SVG, for the pages that show results. They are readable on a light and on a dark page, because nothing is filled behind
//! them, and small, because a bar is one rectangle.

use plotters::{
    backend::SVGBackend,
    drawing::{DrawingArea, IntoDrawingArea},
    element::{Rectangle, Text},
    style::{Color, FontTransform, IntoFont, RGBColor, TextStyle},
};
use shared::types::BoxError;

/// A chart in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// The name of the file.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// The picture.
    pub svg: String,
}

/// Something that is measured, with a bar for each series.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The length of each bar, and the value as it is read.
    pub bars: Vec<(u64, String)>,
}

impl Group {
    /// One bar.
    #[must_use]
    pub fn single(name: &str, value: u64, text: String) -> Self {
        Self { name: name.to_owned(), bars: vec![(value, text)] }
    }
}

/// Draws horizontal bars. `series` names the bars of a group, if there are several.
///
/// # Errors
/// The picture can't be drawn.
pub fn bars(file: &str, title: &str, series: &[&str], groups: &[Group]) -> Result<Plot, BoxError> {
    let count: usize = groups.iter().map(|group| group.bars.len()).sum();
    let lines = i32::try_from(count)? * LINE + i32::try_from(groups.len())? * GAP;
    let height = TOP + lines;
    let longest =
        groups.iter().flat_map(|group| &group.bars).map(|(value, _)| *value).max().unwrap_or(1).max(1);
    let mut svg = String::new();
    {
        let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        text(&area, title, (MARGIN, 6))?;
        let mut x = NAMES;
        for (name, color) in series.iter().zip(COLORS) {
            area.draw(&Rectangle::new([(x, 28), (x + 10, 38)], color.filled()))?;
            text(&area, name, (x + 16, 26))?;
            x += 16 + 8 * i32::try_from(name.chars().count())? + 24;
        }
        let mut y = TOP;
        for group in groups {
            text(&area, &group.name, (MARGIN, y))?;
            for ((value, shown), color) in group.bars.iter().zip(COLORS) {
                let length = u128::from(*value) * u128::from(LONGEST) / u128::from(longest);
                let length = i32::try_from(length)?.max(1);
                area.draw(&Rectangle::new([(NAMES, y + 2), (NAMES + length, y + LINE - 2)], color.filled()))?;
                text(&area, shown, (NAMES + length + 6, y))?;
                y += LINE;
            }
            y += GAP;
        }
        area.present()?;
    }
    Ok(Plot { file: file.to_owned(), title: title.to_owned(), svg })
}

fn text(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    text: &str,
    at: (i32, i32),
) -> Result<(), BoxError> {
    let font = ("sans-serif", FONT).into_font().transform(FontTransform::None);
    let style = TextStyle::from(font).color(&TEXT);
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

/// Pixels.
const WIDTH: i32 = 760;
const MARGIN: i32 = 8;
const TOP: i32 = 48;
const LINE: i32 = 18;
const GAP: i32 = 4;
const FONT: i32 = 13;
/// Where bars begin.
const NAMES: i32 = 250;
/// The length of the longest bar.
const LONGEST: u32 = 380;
/// Seen on white and on black.
const TEXT: RGBColor = RGBColor(125, 133, 144);
const COLORS: [RGBColor; 2] = [RGBColor(47, 129, 247), RGBColor(191, 135, 0)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values_and_the_picture_is_small() {
        let groups = [
            Group {
                name: "login".to_owned(),
                bars: vec![(100, "1 ms".to_owned()), (50, "0.5 ms".to_owned())],
            },
            Group { name: "order".to_owned(), bars: vec![(200, "2 ms".to_owned()), (0, "0 ms".to_owned())] },
        ];
        let plot = bars("times.svg", "Times", &["few", "many"], &groups).expect("a picture");
        for length in [380, 190, 95, 1] {
            assert!(plot.svg.contains(&format!(r#"width="{length}""#)), "{length}: {}", plot.svg);
        }
        for text in ["Times", "few", "many", "login", "2 ms"] {
            assert!(plot.svg.contains(text), "{text}");
        }
        assert!(plot.svg.len() < 3_000, "{} bytes", plot.svg.len());
        assert_eq!(bars("times.svg", "Times", &["few", "many"], &groups).expect("a picture"), plot);
    }
}
