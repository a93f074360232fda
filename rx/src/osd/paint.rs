//! Lines of text as pixels on a translucent panel.

use super::font::Typeface;
use super::{Line, Size, Tone};

/// From one line to the next, in parts of a letter's height…
const LEADING: f32 = 1.45;
/// …and the same in thousandths, for whoever counts lines.
pub(crate) const LINE_PERMILLE: u32 = 1450;
/// How much larger large lines are.
const LARGE: f32 = 1.8;
/// The panel: nearly black, so that white letters can be read over a bright sky.
const PANEL: [u8; 4] = [10, 14, 20, 200];

/// Pixels, four bytes each: red, green, blue, alpha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panel {
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// The pixels, row by row.
    pub(crate) rgba: Vec<u8>,
}

/// Where lines are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left.
    Left,
    /// In the middle.
    Center,
}

/// The lines on a panel just as large as they need, in letters `height` pixels high.
pub(crate) fn paint(lines: &[Line], height: u16, align: Align, typeface: &mut Typeface) -> Panel {
    let heights: Vec<u16> = lines.iter().map(|line| line.height(height)).collect();
    let widths = lines.iter().zip(&heights).map(|(line, height)| width(line, *height, typeface));
    let widths: Vec<f32> = widths.collect();
    let padding = f32::from(height) * 0.7;
    let widest = widths.iter().copied().fold(0.0, f32::max);
    let total: f32 = heights.iter().map(|height| f32::from(*height) * LEADING).sum();
    let mut panel = Panel::new(pixels(widest + 2.0 * padding), pixels(total + 1.4 * padding), height / 2);
    let mut below = 0.7 * padding;
    for ((line, height), width) in lines.iter().zip(heights).zip(widths) {
        let left = padding + if align == Align::Center { (widest - width) / 2.0 } else { 0.0 };
        let baseline = below + f32::from(height) * 1.05;
        panel.write(line, height, (left, baseline), typeface);
        below += f32::from(height) * LEADING;
    }
    panel
}

impl Line {
    fn height(&self, normal: u16) -> u16 {
        match self.size {
            Size::Normal => normal,
            Size::Large => u16::try_from(pixels(f32::from(normal) * LARGE)).unwrap_or(normal),
        }
    }
}

impl Tone {
    fn color(self) -> [u8; 3] {
        match self {
            Self::Plain => [240, 244, 248],
            Self::Dim => [165, 177, 190],
            Self::Faint => [62, 72, 84],
            Self::Good => [105, 220, 130],
            Self::Warn => [250, 200, 80],
            Self::Bad => [255, 105, 95],
        }
    }
}

impl Panel {
    fn new(width: usize, height: usize, corner: u16) -> Self {
        let mut rgba = PANEL.repeat(width * height);
        let corner = usize::from(corner).min(width / 2).min(height / 2);
        for (index, pixel) in rgba.chunks_exact_mut(4).enumerate() {
            let (x, y) = (index % width.max(1), index / width.max(1));
            let inward = |at: usize, length: usize| corner.saturating_sub(at.min(length - 1 - at));
            let (dx, dy) = (inward(x, width), inward(y, height));
            if dx * dx + dy * dy > corner * corner
                && let Some(alpha) = pixel.last_mut()
            {
                *alpha = 0;
            }
        }
        Self { width, height, rgba }
    }

    fn write(&mut self, line: &Line, height: u16, (left, baseline): (f32, f32), typeface: &mut Typeface) {
        let advance = typeface.advance(height);
        let mut pen = left;
        for (text, tone) in &line.spans {
            for letter in text.chars() {
                self.stamp(letter, height, (round(pen), round(baseline)), tone.color(), typeface);
                pen += advance;
            }
        }
    }

    fn stamp(
        &mut self,
        letter: char,
        height: u16,
        (pen, baseline): (i32, i32),
        color: [u8; 3],
        typeface: &mut Typeface,
    ) {
        let glyph = typeface.glyph(letter, height);
        let rows = glyph.coverage.chunks_exact(glyph.width.max(1));
        for (row, y) in rows.zip(baseline + glyph.top..) {
            for (&coverage, x) in row.iter().zip(pen + glyph.left..) {
                if let Some(pixel) = self.pixel(x, y) {
                    cover(pixel, color, coverage);
                }
            }
        }
    }

    fn pixel(&mut self, x: i32, y: i32) -> Option<&mut [u8]> {
        let x = usize::try_from(x).ok().filter(|x| *x < self.width)?;
        let start = (usize::try_from(y).ok()? * self.width + x) * 4;
        self.rgba.get_mut(start..start + 4)
    }
}

/// Puts a color over a pixel, as much as `coverage` of 255.
fn cover(pixel: &mut [u8], color: [u8; 3], coverage: u8) {
    let [red, green, blue, alpha] = pixel else { return };
    let over = u32::from(coverage) * 255;
    let under = u32::from(*alpha) * u32::from(255 - coverage);
    let both = (over + under).max(1);
    for (channel, color) in [red, green, blue].into_iter().zip(color) {
        let mixed = (u32::from(color) * over + u32::from(*channel) * under) / both;
        *channel = u8::try_from(mixed).unwrap_or(u8::MAX);
    }
    *alpha = u8::try_from(both / 255).unwrap_or(u8::MAX);
}

fn width(line: &Line, height: u16, typeface: &Typeface) -> f32 {
    let letters = u16::try_from(line.letters()).unwrap_or(u16::MAX);
    f32::from(letters) * typeface.advance(height)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and sizes are small")]
fn pixels(size: f32) -> usize {
    size.ceil() as usize
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and places are small")]
fn round(place: f32) -> i32 {
    place.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_as_large_as_its_text_and_shows_it_in_its_color() {
        let mut typeface = Typeface::new().unwrap();
        let lines = [Line::of("NO SIGNAL", Tone::Bad).large(), Line::of("why", Tone::Plain)];
        let panel = paint(&lines, 16, Align::Center, &mut typeface);
        assert_eq!(panel.rgba.len(), panel.width * panel.height * 4);
        assert!(panel.width > 9 * 16 && panel.height > 40, "{}×{}", panel.width, panel.height);
        for tone in [Tone::Bad, Tone::Plain] {
            assert!(panel.rgba.chunks(4).any(|pixel| pixel[..3] == tone.color() && pixel[3] == 255));
        }
        assert_eq!(panel.rgba[3], 0, "corners are round");
    }

    #[test]
    fn nothing_to_say_is_no_reason_to_panic() {
        let mut typeface = Typeface::new().unwrap();
        for lines in [vec![], vec![Line::new()], vec![Line::of("\u{10ffff}\n", Tone::Dim)]] {
            let panel = paint(&lines, 1, Align::Left, &mut typeface);
            assert_eq!(panel.rgba.len(), panel.width * panel.height * 4);
        }
    }
}
