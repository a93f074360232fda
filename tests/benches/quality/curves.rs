//! The curves of `docs/figures/quality-*.svg`.

use std::path::Path;

use skylark_tests::figure::{self, Curve, Panel};

use crate::screen::Seen;

/// Draws what was seen at these losses: by code, then number of cards, then pattern, then loss.
pub(crate) fn draw(percents: &[u32], seen: &[Seen]) {
    let codes = ["window", "block"];
    let of = |code: usize, cards: usize, pattern: usize| {
        let first = ((code * 3 + cards) * 2 + pattern) * percents.len();
        seen.iter().skip(first).take(percents.len())
    };
    let figures: [(&str, &str, f64, fn(&Seen) -> f64); 3] = [
        ("psnr", "PSNR in dB", 0.0, |seen| seen.decoded.psnr_db),
        ("ssim", "SSIM", 0.0, |seen| seen.decoded.ssim),
        ("freezes", "freezes over 0.1 s in 20 s", 0.0, |seen| seen.freezes as f64),
    ];
    for (name, y_label, _, value) in figures {
        let highest = seen.iter().map(value).fold(0.0, f64::max) * 1.1;
        let lowest = seen.iter().map(value).fold(f64::MAX, f64::min) * 0.9;
        let panel = |pattern: usize, title: &str| Panel {
            title: title.to_owned(),
            x_label: "frames lost at each card in %".to_owned(),
            y_label: y_label.to_owned(),
            x: 0.0..40.0,
            y: lowest..highest.max(lowest + 1e-3),
            curves: (0..2)
                .flat_map(|code| (0..3).map(move |cards| (code, cards)))
                .map(|(code, cards)| {
                    let points = percents.iter().zip(of(code, cards, pattern));
                    Curve {
                        name: format!("{}, {} card{}", codes[code], cards + 1, if cards > 0 { "s" } else { "" }),
                        points: points.map(|(percent, seen)| (f64::from(*percent), value(seen))).collect(),
                    }
                })
                .collect(),
        };
        let panels = [panel(0, "each frame by itself"), panel(1, "bursts of 5 frames")];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/figures");
        std::fs::create_dir_all(&folder).unwrap();
        figure::write(&folder.join(format!("quality-{name}.svg")), &panels, 2).unwrap();
    }
}
