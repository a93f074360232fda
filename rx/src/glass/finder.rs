//! The thread that looks for the window's codes in pictures: the newest wins, and no picture waits for it.

use std::sync::Arc;
use std::time::Instant;

use rqrr::PreparedImage;
use skylark_common::queue::Queue;

use super::code::WindowCode;
use crate::board::Board;
use crate::picture::{Decoded, Picture};

/// Pictures are searched at no more than this width in pixels: codes as large as they are meant to be filmed are found
/// there as well, several times as fast.
const SEARCH_WIDTH: usize = 640;

/// A picture that is on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Counts pictures.
    pub(crate) number: u64,
    /// The picture.
    pub(crate) decoded: Arc<Decoded>,
    /// When it came there.
    pub(crate) at: Instant,
}

/// Pictures to be searched, the newest wins.
pub(crate) type ShownQueue = Arc<Queue<Shown>>;

/// Searches pictures until the queue is closed.
pub(crate) fn run(pictures: &Queue<Shown>, board: &Board) {
    while let Some(Shown { number, decoded, at }) = pictures.pop() {
        let found = find(&decoded.picture);
        board.with_round(|round| round.handle_searched(number, &found, at));
    }
}

/// The windows' codes in a picture.
fn find(picture: &Picture) -> Vec<WindowCode> {
    let [luma, ..] = picture.planes();
    let step = picture.width.div_ceil(SEARCH_WIDTH).max(1);
    let (width, height) = (picture.width / step, picture.height / step);
    let mut image = PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let at = y * step * picture.width + x * step;
        mean(luma, at, step, picture.width)
    });
    let grids = image.detect_grids();
    grids.iter().filter_map(|grid| WindowCode::parse(&grid.decode().ok()?.1)).collect()
}

/// The mean of a square of pixels, which takes noise and screen patterns away.
fn mean(luma: &[u8], at: usize, side: usize, stride: usize) -> u8 {
    let rows = (0..side).filter_map(|row| luma.get(at + row * stride..at + row * stride + side));
    let (sum, count) =
        rows.flatten().fold((0_usize, 0_usize), |(sum, count), level| (sum + usize::from(*level), count + 1));
    u8::try_from(sum.checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glass::code::QUIET;
    use crate::picture::tests::plain;

    /// A picture with this code, each module of so many pixels, its upper left corner there.
    fn filmed(picture: &mut Picture, code: WindowCode, module: usize, (left, top): (usize, usize)) {
        let (modules, width) = (code.modules(), picture.width);
        let mut fill = |row: usize, column: usize, level: u8| {
            for y in 0..module {
                let at = (top + row * module + y) * width + left + column * module;
                picture.bytes[at..at + module].fill(level);
            }
        };
        let side = modules.side + 2 * QUIET;
        (0..side * side).for_each(|at| fill(at / side, at % side, 230));
        modules.dark.iter().for_each(|(row, column)| fill(row + QUIET, column + QUIET, 40));
    }

    #[test]
    fn codes_are_found_in_a_noisy_picture_of_any_common_size() {
        for (width, height) in [(640, 480), (1280, 720), (1920, 1080)] {
            let mut picture = plain(width, height, [120, 128, 128]);
            let code = WindowCode { run: 31, number: 4711 };
            filmed(&mut picture, code, height / 40, (width / 8, height / 9));
            for (at, level) in picture.bytes[..width * height].iter_mut().enumerate() {
                *level = level.saturating_add(u8::try_from(at * 7919 % 31).unwrap());
            }
            assert_eq!(find(&picture), [code], "{width} × {height}");
        }
    }

    #[test]
    fn a_window_in_a_window_gives_both_codes_and_none_gives_none() {
        let mut picture = plain(1280, 720, [120, 128, 128]);
        assert_eq!(find(&picture), []);
        let codes = [WindowCode { run: 31, number: 12 }, WindowCode { run: 31, number: 11 }];
        filmed(&mut picture, codes[0], 20, (40, 60));
        filmed(&mut picture, codes[1], 10, (900, 200));
        let mut found = find(&picture);
        found.sort_by_key(|code| code.number);
        assert_eq!(found, [codes[1], codes[0]]);
    }
}
