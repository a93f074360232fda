//! Large letters on a dark ground.

use font8x8::UnicodeFonts as _;

use crate::picture::Picture;

/// Pixels of a letter across and down before it is scaled.
const LETTER: usize = 8;
const GROUND: u8 = 24;
const INK: u8 = 230;

/// A line of text in the middle of the picture.
pub(super) struct TextLine<'a> {
    pub(super) text: &'a str,
    /// Where its middle is, in percent of the height.
    pub(super) middle_percent: usize,
    /// How wide it is, in percent of the width.
    pub(super) width_percent: usize,
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rect {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl TextLine<'_> {
    pub(super) fn draw(&self, picture: &mut Picture) {
        let letters = self.text.len().max(1);
        let scale = (picture.width * self.width_percent / 100 / (letters * LETTER)).max(1);
        let (width, height) = (letters * LETTER * scale, LETTER * scale);
        let x = picture.width.saturating_sub(width) / 2;
        let y = (picture.height * self.middle_percent / 100).saturating_sub(height / 2);
        let border = scale * 2;
        let (left, top) = (x.saturating_sub(border), y.saturating_sub(border));
        Rect { x: left, y: top, width: width + 2 * border, height: height + 2 * border }.clear(picture);
        for (at, letter) in self.text.chars().enumerate() {
            draw_letter(picture, letter, (x + at * LETTER * scale, y), scale);
        }
    }
}

impl Rect {
    /// Makes it dark and without color.
    pub(super) fn clear(self, picture: &mut Picture) {
        self.fill(&mut picture.y, picture.width, GROUND);
        let half =
            Self { x: self.x / 2, y: self.y / 2, width: self.width.div_ceil(2), height: self.height.div_ceil(2) };
        half.fill(&mut picture.u, picture.width / 2, 128);
        half.fill(&mut picture.v, picture.width / 2, 128);
    }

    fn fill(self, plane: &mut [u8], stride: usize, level: u8) {
        for line in plane.chunks_exact_mut(stride).skip(self.y).take(self.height) {
            let end = (self.x + self.width).min(stride);
            if let Some(span) = line.get_mut(self.x..end) {
                span.fill(level);
            }
        }
    }
}

fn draw_letter(picture: &mut Picture, letter: char, (x, y): (usize, usize), scale: usize) {
    let rows = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
    for (row, bits) in rows.into_iter().enumerate() {
        for column in (0..LETTER).filter(|column| bits >> column & 1 == 1) {
            let dot = Rect { x: x + column * scale, y: y + row * scale, width: scale, height: scale };
            dot.fill(&mut picture.y, picture.width, INK);
        }
    }
}
