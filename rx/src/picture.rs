//! A decoded picture with its story.

use std::time::Instant;

use crate::trust::Quality;
use crate::unit::Stamps;

/// A picture as the decoder gives it, in the program's own memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// I420 without gaps: luma, then blue and red chroma of half the width and height, rounded up.
    pub bytes: Vec<u8>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When its unit passed where.
    pub stamps: Stamps,
}

/// A picture and when it was decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The picture.
    pub(crate) picture: Picture,
    /// When the decoder took the unit it came out with.
    pub(crate) begun: Instant,
    /// When the decoder was done with it.
    pub(crate) at: Instant,
}

impl Picture {
    /// Luma, blue and red chroma.
    pub fn planes(&self) -> [&[u8]; 3] {
        let (luma, chroma) = self.bytes.split_at_checked(self.width * self.height).unwrap_or((&self.bytes, &[]));
        let (blue, red) = chroma.split_at_checked(chroma.len() / 2).unwrap_or((chroma, &[]));
        [luma, blue, red]
    }

    /// Bytes from one row of chroma to the next.
    pub fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }

    /// The picture as RGB, three bytes a pixel, by ITU-R BT.601 limited range: what encoders mean that do
    /// not say anything else.
    pub fn to_rgb(&self) -> Vec<u8> {
        let [luma, blue, red] = self.planes();
        let mut rgb = Vec::with_capacity(luma.len() * 3);
        for (row, line) in luma.chunks_exact(self.width.max(1)).enumerate() {
            let chroma_row = row / 2 * self.chroma_width();
            let chroma = blue.iter().zip(red).skip(chroma_row).flat_map(|pair| [pair, pair]);
            for (&y, (&u, &v)) in line.iter().zip(chroma) {
                rgb.extend_from_slice(&pixel(y, u, v));
            }
        }
        rgb
    }
}

/// One pixel, in 1/256 steps.
fn pixel(y: u8, u: u8, v: u8) -> [u8; 3] {
    let (y, u, v) = (298 * (i32::from(y) - 16) + 128, i32::from(u) - 128, i32::from(v) - 128);
    let sums = [y + 409 * v, y - 100 * u - 208 * v, y + 516 * u];
    sums.map(|sum| u8::try_from((sum >> 8).clamp(0, 255)).unwrap_or(u8::MAX))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::unit::tests::start;

    /// A picture of one color.
    pub(crate) fn plain(width: usize, height: usize, color: [u8; 3]) -> Picture {
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        let [y, u, v] = color;
        let bytes = [vec![y; width * height], vec![u; chroma], vec![v; chroma]].concat();
        let stamps = Stamps { captured: None, heard: start(), complete: start() };
        Picture { width, height, bytes, quality: Quality::Good, stamps }
    }

    #[test]
    fn colors_come_out_as_they_are_meant() {
        // ITU-R BT.601-7: black, white and the primaries in limited range.
        let close = |found: &[u8], wanted: [u8; 3]| found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 2);
        for (yuv, rgb) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let found = plain(5, 3, yuv).to_rgb();
            assert_eq!(found.len(), 5 * 3 * 3);
            assert!(found.chunks(3).all(|pixel| close(pixel, rgb)), "{yuv:?} gives {:?}", &found[..3]);
        }
    }
}
