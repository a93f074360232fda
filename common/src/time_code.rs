//! A time code that machines read from a picture, drawn as black and white cells.
//!
//! ```text
//!            32 cells, each 1/64 of the picture's width, from 1/4 of the width on
//!  row 0     frame number                        most significant bit first,
//!  row 1     capture time, upper 32 bits         white is 1
//!  row 2     capture time, lower 32 bits
//!  row 3     CRC-32 (IEEE 802.3) of the 12 bytes above
//! ```
//!
//! The first row begins two cells below the upper edge. The cells are so large and the contrast is so full
//! that the coarsest quantizer leaves them readable, at any size the picture is scaled to.

use thiserror::Error;

const COLUMNS: usize = 32;
const ROWS: usize = 4;
/// The width of the picture in cells.
const CELLS_ACROSS: usize = 64;
const FIRST_COLUMN: usize = 16;
const FIRST_ROW: usize = 2;
const BLACK: u8 = 16;
const WHITE: u8 = 235;
const THRESHOLD: u64 = 126;

/// Which picture this is and when it was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeCode {
    /// Counts pictures, those included that were never encoded.
    pub frame: u32,
    /// When it was captured, in µs since 1970 by the clock of the transmitter.
    pub captured_us: u64,
}

/// Why no time code was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimeCodeError {
    /// The picture has too few pixels for cells of two by two.
    #[error("a picture of {width} x {height} pixels is too small for a time code, expected at least 128 x 16")]
    TooSmall {
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
    },
    /// There is none, or it is damaged.
    #[error("no time code: the cells say checksum {found:08x}, expected {expected:08x}")]
    Checksum {
        /// What the last row says.
        found: u32,
        /// What it should say after the other rows.
        expected: u32,
    },
}

/// A plane of luma.
#[derive(Debug, Clone, Copy)]
pub struct Luma<'a> {
    /// Its rows, `stride` bytes apart.
    pub bytes: &'a [u8],
    /// Distance of two rows in bytes.
    pub stride: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl TimeCode {
    /// Draws the cells into a plane of luma whose rows are `width` bytes long. What lies outside is left out.
    pub fn draw(self, luma: &mut [u8], width: usize) {
        for (row, bits) in self.rows().into_iter().enumerate() {
            for y in edge(FIRST_ROW + row, width)..edge(FIRST_ROW + row + 1, width) {
                let Some(line) = luma.chunks_exact_mut(width).nth(y) else { return };
                for column in 0..COLUMNS {
                    let x = edge(FIRST_COLUMN + column, width)..edge(FIRST_COLUMN + column + 1, width);
                    let level = if bits >> (COLUMNS - 1 - column) & 1 == 1 { WHITE } else { BLACK };
                    if let Some(cell) = line.get_mut(x) {
                        cell.fill(level);
                    }
                }
            }
        }
    }

    /// Reads the cells of a picture, as it was drawn or scaled.
    ///
    /// # Errors
    /// The picture is too small, or carries no intact time code.
    pub fn read(luma: Luma<'_>) -> Result<Self, TimeCodeError> {
        if luma.width < CELLS_ACROSS * 2 || edge(FIRST_ROW + ROWS, luma.width) > luma.height {
            return Err(TimeCodeError::TooSmall { width: luma.width, height: luma.height });
        }
        let [frame, upper, lower, found] = std::array::from_fn(|row| luma.bits(row));
        let code = Self { frame, captured_us: u64::from(upper) << 32 | u64::from(lower) };
        let [_, _, _, expected] = code.rows();
        if found == expected { Ok(code) } else { Err(TimeCodeError::Checksum { found, expected }) }
    }

    /// Where the cells are in a picture of this width, in pixels: x and y of the first, width and height.
    #[must_use]
    pub fn area(width: usize) -> [usize; 4] {
        let (x, y) = (edge(FIRST_COLUMN, width), edge(FIRST_ROW, width));
        [x, y, edge(FIRST_COLUMN + COLUMNS, width) - x, edge(FIRST_ROW + ROWS, width) - y]
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
    fn rows(self) -> [u32; ROWS] {
        let rows = [self.frame, (self.captured_us >> 32) as u32, self.captured_us as u32];
        let [frame, upper, lower] = rows;
        [frame, upper, lower, crc32(rows.iter().flat_map(|row| row.to_be_bytes()))]
    }
}

impl Luma<'_> {
    fn bits(&self, row: usize) -> u32 {
        (0..COLUMNS).fold(0, |bits, column| bits << 1 | u32::from(self.is_white(row, column)))
    }

    /// Whether the inner quarter of the cell is light: its edges are blurred.
    fn is_white(&self, row: usize, column: usize) -> bool {
        let inner = |cell: usize| {
            let (from, to) = (edge(cell, self.width), edge(cell + 1, self.width));
            let border = (to - from) / 4;
            from + border..to - border
        };
        let (mut sum, mut count) = (0, 0);
        for y in inner(FIRST_ROW + row) {
            let start = y * self.stride;
            let columns = inner(FIRST_COLUMN + column);
            for level in self.bytes.get(start + columns.start..start + columns.end).unwrap_or(&[]) {
                sum += u64::from(*level);
                count += 1;
            }
        }
        sum > THRESHOLD * count
    }
}

/// The first pixel of a cell.
fn edge(cell: usize, width: usize) -> usize {
    cell * width / CELLS_ACROSS
}

/// CRC-32 of IEEE 802.3 3.2.9, reflected.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: TimeCode = TimeCode { frame: 123_456, captured_us: 1_795_419_000_123_456 };

    fn drawn(width: usize, height: usize) -> Vec<u8> {
        let mut luma: Vec<u8> = (0..width * height).map(|at| u8::try_from(at % 251).unwrap()).collect();
        CODE.draw(&mut luma, width);
        luma
    }

    fn read(bytes: &[u8], width: usize, height: usize) -> Result<TimeCode, TimeCodeError> {
        TimeCode::read(Luma { bytes, stride: width, width, height })
    }

    #[test]
    fn the_checksum_is_that_of_ieee_802_3() {
        assert_eq!(crc32(b"123456789".iter().copied()), 0xcbf4_3926);
    }

    #[test]
    fn it_is_read_back_at_every_common_size() {
        for (width, height) in [(160, 120), (320, 240), (640, 480), (854, 480), (1280, 720), (1920, 1080)] {
            assert_eq!(read(&drawn(width, height), width, height), Ok(CODE), "{width} x {height}");
        }
    }

    #[test]
    fn it_is_read_from_a_scaled_picture() {
        let luma = drawn(1280, 720);
        let half: Vec<u8> = (0..360 * 640).map(|at| luma[at / 640 * 2 * 1280 + at % 640 * 2]).collect();
        assert_eq!(read(&half, 640, 360), Ok(CODE));
    }

    #[test]
    fn a_single_wrong_cell_and_a_picture_without_cells_are_told() {
        let mut luma = drawn(640, 480);
        let [x, y, ..] = TimeCode::area(640);
        for line in luma.chunks_exact_mut(640).skip(y).take(10) {
            line[x..x + 10].iter_mut().for_each(|level| *level = 251 - *level);
        }
        assert!(matches!(read(&luma, 640, 480), Err(TimeCodeError::Checksum { .. })));
        for level in [0, 16, 128, 255] {
            assert!(matches!(read(&vec![level; 640 * 480], 640, 480), Err(TimeCodeError::Checksum { .. })), "{level}");
        }
        assert_eq!(read(&[0; 64 * 64], 64, 64), Err(TimeCodeError::TooSmall { width: 64, height: 64 }));
        assert!(read(&[255; 100], 640, 480).is_err(), "a plane that ends early");
    }
}
