//! DejaVu Sans Mono as coverage bitmaps, each letter drawn once for each height.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use fontdue::{Font, FontSettings};

/// Letters kept, of all heights: the OSD uses some 80 in two heights; a window that is being resized more.
const MAX_GLYPHS: usize = 1000;

/// The font, and the letters drawn so far.
#[derive(Debug)]
pub(crate) struct Typeface {
    font: Font,
    glyphs: BTreeMap<(char, u16), Glyph>,
}

/// A letter as a bitmap.
#[derive(Debug, Clone)]
pub(crate) struct Glyph {
    /// Pixels a row.
    pub(crate) width: usize,
    /// From the pen to the left edge.
    pub(crate) left: i32,
    /// From the baseline down to the upper edge: negative above it.
    pub(crate) top: i32,
    /// How much of each pixel the letter covers, 0 to 255, row by row.
    pub(crate) coverage: Vec<u8>,
}

impl Typeface {
    /// The font.
    ///
    /// # Errors
    /// The font that came with the program cannot be read.
    pub(crate) fn new() -> Result<Self> {
        let font = Font::from_bytes(dejavu::sans_mono::bold(), FontSettings::default());
        let font = font.map_err(|reason| anyhow!("the font that came with this program: {reason}"))?;
        Ok(Self { font, glyphs: BTreeMap::new() })
    }

    /// The letter at this height in pixels.
    pub(crate) fn glyph(&mut self, letter: char, height: u16) -> &Glyph {
        if self.glyphs.len() >= MAX_GLYPHS {
            self.glyphs.clear();
        }
        let font = &self.font;
        self.glyphs.entry((letter, height)).or_insert_with(|| {
            let (metrics, coverage) = font.rasterize(letter, f32::from(height));
            let rows = i32::try_from(metrics.height).unwrap_or(0);
            Glyph { width: metrics.width, left: metrics.xmin, top: -(metrics.ymin + rows), coverage }
        })
    }

    /// From one letter to the next, in pixels: the same for all.
    pub(crate) fn advance(&self, height: u16) -> f32 {
        self.font.metrics('0', f32::from(height)).advance_width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_the_osd_uses_is_in_the_font_and_as_wide_as_the_others() {
        let typeface = Typeface::new().unwrap();
        for letter in "abcXYZ019 →×▁▂▄▆█…%().,:-+".chars() {
            assert!(typeface.font.has_glyph(letter), "{letter}");
            let advance = typeface.font.metrics(letter, 20.0).advance_width;
            assert!((advance - typeface.advance(20)).abs() < 0.01, "{letter}");
        }
    }

    #[test]
    fn letters_stand_on_the_baseline() {
        let mut typeface = Typeface::new().unwrap();
        let glyph = typeface.glyph('H', 20).clone();
        let rows = i32::try_from(glyph.coverage.len() / glyph.width).unwrap();
        assert_eq!(glyph.top + rows, 0);
        assert!(rows > 10 && glyph.coverage.contains(&255));
    }
}
