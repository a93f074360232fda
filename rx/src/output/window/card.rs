//! The changing code in the window, as large as fits beside the picture, for the camera that films it.

use std::time::Instant;

use sdl2::pixels::Color;
use sdl2::rect::Rect;
use sdl2::render::WindowCanvas;

use crate::glass::code::{Modules, QUIET, WindowCode};
use crate::glass::round::CODE_INTERVAL;

/// The card takes this share of the window's width, at the left.
const SHARE_PERMILLE: u32 = 500;

/// A card with a code on it.
#[derive(Debug)]
pub(super) struct Card {
    code: WindowCode,
    modules: Modules,
    /// When the next code is due.
    due: Instant,
    /// Whether the code has come on the screen since somebody asked.
    fresh: bool,
}

impl Card {
    /// A card whose first code comes after this one.
    pub(super) fn new(code: WindowCode, now: Instant) -> Self {
        Self { code, modules: code.modules(), due: now, fresh: false }
    }

    /// Draws the card as it is at `now`.
    pub(super) fn draw(&mut self, canvas: &mut WindowCanvas, now: Instant) {
        if now >= self.due {
            self.code = self.code.next();
            self.modules = self.code.modules();
            (self.due, self.fresh) = (now + CODE_INTERVAL, true);
        }
        let card = card(canvas.output_size().unwrap_or((0, 0)));
        let module = card.width() / u32::try_from(self.modules.side + 2 * QUIET).unwrap_or(u32::MAX);
        let dark: Vec<Rect> = self.modules.dark.iter().map(|place| square(card, module, *place)).collect();
        canvas.set_draw_color(Color::WHITE);
        // What cannot be drawn is not filmed, which the meter says.
        let _ = canvas.fill_rect(card);
        canvas.set_draw_color(Color::BLACK);
        let _ = canvas.fill_rects(&dark);
    }

    /// The code that has come on the screen since this was last asked.
    pub(super) fn take_shown(&mut self) -> Option<WindowCode> {
        std::mem::take(&mut self.fresh).then_some(self.code)
    }
}

/// What is left of the window beside the card: where it begins, and its size.
pub(super) fn beside((width, height): (u32, u32)) -> (i32, (u32, u32)) {
    let left = width * SHARE_PERMILLE / 1000;
    (i32::try_from(left).unwrap_or(0), (width - left, height))
}

/// The largest square in the middle of its share.
fn card((width, height): (u32, u32)) -> Rect {
    let share = width * SHARE_PERMILLE / 1000;
    let side = share.min(height);
    let free = |pixels: u32| i32::try_from((pixels - side) / 2).unwrap_or(0);
    Rect::new(free(share), free(height), side, side)
}

/// The place of a module on the card, in whole pixels, so that all are as large.
fn square(card: Rect, module: u32, (row, column): (usize, usize)) -> Rect {
    let at = |place: usize| i32::try_from(place + QUIET).unwrap_or(0) * i32::try_from(module).unwrap_or(0);
    Rect::new(card.x() + at(column), card.y() + at(row), module, module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_and_the_picture_share_the_window() {
        assert_eq!(card((1280, 720)), Rect::new(0, 40, 640, 640));
        assert_eq!(beside((1280, 720)), (640, (640, 720)));
        assert_eq!(card((1920, 600)), Rect::new(180, 0, 600, 600));
        assert_eq!((card((0, 0)).size(), beside((0, 0))), ((1, 1), (0, (0, 0))));
    }

    #[test]
    fn every_module_is_inside_with_white_around() {
        let card = card((1280, 720));
        let module = card.width() / 29;
        assert_eq!(square(card, module, (0, 0)), Rect::new(4 * 22, 40 + 4 * 22, 22, 22));
        let last = square(card, module, (20, 20));
        assert!(last.right() + 4 * 22 <= card.right() && last.bottom() + 4 * 22 <= card.bottom());
    }
}
