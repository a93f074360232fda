//! Curves into SVG files: panels below and beside each other, one legend for all.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

/// One pair of axes with its curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// What is to the right, with its unit.
    pub x_label: String,
    /// What is upwards, with its unit.
    pub y_label: String,
    /// From where to where it goes to the right.
    pub x: Range<f64>,
    /// From where to where it goes upwards.
    pub y: Range<f64>,
    /// The curves. Those of the same place in each panel have the same color.
    pub curves: Vec<Curve>,
}

/// Points that belong together, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it is, as the legend says it.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A panel's width and height in pixels.
const PANEL: (usize, usize) = (480, 320);
/// Colors that people who confuse red and green tell apart (Okabe and Ito, 2008).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Draws the panels, so many side by side, into an SVG file.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, panels: &[Panel], columns: usize) -> anyhow::Result<()> {
    let columns = columns.clamp(1, panels.len().max(1));
    let rows = panels.len().div_ceil(columns);
    let side = |count: usize, pixels: usize| u32::try_from(count * pixels).unwrap_or(u32::MAX);
    let root = SVGBackend::new(path, (side(columns, PANEL.0), side(rows, PANEL.1))).into_drawing_area();
    let draw = || -> anyhow::Result<()> {
        root.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
        for (panel, area) in panels.iter().zip(root.split_evenly((rows, columns))) {
            draw_panel(panel, &area)?;
        }
        root.present().map_err(|error| anyhow!("{error}"))
    };
    draw().with_context(|| path.display().to_string())
}

fn draw_panel(panel: &Panel, area: &DrawingArea<SVGBackend<'_>, Shift>) -> anyhow::Result<()> {
    let say = |error| anyhow!("{error:?}");
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(panel.x.clone(), panel.y.clone())
        .map_err(say)?;
    let mesh = &mut chart.configure_mesh();
    mesh.x_desc(&panel.x_label).y_desc(&panel.y_label).light_line_style(TRANSPARENT).draw().map_err(say)?;
    for (curve, color) in panel.curves.iter().zip(COLORS.into_iter().cycle()) {
        let line = LineSeries::new(curve.points.iter().copied(), color.stroke_width(2));
        let drawn = chart.draw_series(line).map_err(say)?.label(&curve.name);
        drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    if panel.curves.len() > 1 {
        let labels = &mut chart.configure_series_labels();
        labels.position(panel.free_corner()).background_style(WHITE.mix(0.8)).border_style(TRANSPARENT);
        labels.draw().map_err(say)?;
    }
    Ok(())
}

impl Panel {
    /// The corner in which the legend hides least.
    fn free_corner(&self) -> SeriesLabelPosition {
        let share = |range: &Range<f64>, value: f64| (value - range.start) / (range.end - range.start);
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let hidden = |right: bool, upper: bool| {
            let is_hidden = |(x, y): &&(f64, f64)| {
                let (x, y) = (share(&self.x, *x), share(&self.y, *y));
                (if right { x > 0.6 } else { x < 0.4 }) && (if upper { y > 0.65 } else { y < 0.35 })
            };
            points().filter(is_hidden).count()
        };
        let corners = [
            (hidden(true, true), SeriesLabelPosition::UpperRight),
            (hidden(false, false), SeriesLabelPosition::LowerLeft),
            (hidden(true, false), SeriesLabelPosition::LowerRight),
            (hidden(false, true), SeriesLabelPosition::UpperLeft),
        ];
        corners.into_iter().min_by_key(|(count, _)| *count).map_or(SeriesLabelPosition::UpperRight, |(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_become_lines_with_their_names() {
        let curve = |name: &str| Curve { name: name.to_owned(), points: vec![(0.0, 1.0), (1.0, 2.0)] };
        let panel = Panel {
            title: "loss".to_owned(),
            x_label: "x in s".to_owned(),
            y_label: "y in dB".to_owned(),
            x: 0.0..1.0,
            y: 0.0..3.0,
            curves: vec![curve("window"), curve("block")],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        write(&path, &[panel.clone(), panel], 2).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["window", "block", "x in s", "y in dB", "polyline"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(write(&folder.path().join("no/figure.svg"), &[], 1).is_err());
    }
}
