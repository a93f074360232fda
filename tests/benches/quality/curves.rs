//! The curves of `docs/figures/quality-*.svg`.

use std::path::Path;

use skylark_tests::figure::{self, Curve, Panel};

use crate::screen::Seen;

/// A curve's figure: file, label, from where to where, how it is read off.
type Figure = (&'static str, &'static str, f64, f64, fn(&Seen) -> f64);

const FIGURES: [Figure; 3] = [
    ("psnr", "PSNR in dB", 15.0, 40.0, |seen| seen.decoded.psnr_db),
    ("ssim", "SSIM", 0.4, 1.0, |seen| seen.decoded.ssim),
    ("freezes", "freezes over 0.1 s in 20 s", 0.0, 60.0, |seen| seen.freezes as f64),
];

/// Draws what was seen: by number of cards, then pattern, then what protects it, then loss.
pub(crate) fn draw(percents: &[u32], protections: &[&str], seen: &[Seen]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/figures");
    std::fs::create_dir_all(&folder).unwrap();
    for figure in FIGURES {
        let panels = seen.chunks(percents.len() * protections.len()).enumerate();
        let panels: Vec<_> = panels.map(|(at, seen)| panel(figure, at, percents, protections, seen)).collect();
        figure::write(&folder.join(format!("quality-{}.svg", figure.0)), &panels, 2).unwrap();
    }
}

fn panel(figure: Figure, at: usize, percents: &[u32], protections: &[&str], seen: &[Seen]) -> Panel {
    let (_, y_label, lowest, highest, value) = figure;
    let pattern = if at.is_multiple_of(2) { "each frame by itself" } else { "bursts of 5" };
    let cards = at / 2 + 1;
    let curve = |(name, seen): (&&str, &[Seen])| {
        let points = percents.iter().zip(seen).map(|(percent, seen)| (f64::from(*percent), value(seen)));
        Curve { name: (*name).to_owned(), points: points.collect() }
    };
    Panel {
        title: format!("{cards} card{}, {pattern}", if cards > 1 { "s" } else { "" }),
        x_label: "frames lost at each card in %".to_owned(),
        y_label: y_label.to_owned(),
        x: 0.0..40.0,
        y: lowest..highest,
        curves: protections.iter().zip(seen.chunks(percents.len())).map(curve).collect(),
    }
}
