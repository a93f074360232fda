//! What is on the window: the picture, as large as fits, and the panels of the OSD.

use std::time::{Duration, Instant};

use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::render::{BlendMode, Texture, TextureCreator, WindowCanvas};
use sdl2::video::WindowContext;

use super::card::{self, Card};
use crate::glass::code::WindowCode;
use crate::osd::figures::Layout;
use crate::osd::font::Typeface;
use crate::osd::paint::{Align, LINE_PERMILLE, Panel, paint};
use crate::osd::{Line, Room, banner, figures, waiting};
use crate::picture::Picture;
use crate::report::Report;
use crate::signal::Names;
use crate::tell::tell;
use crate::trust::Quality;

/// Letters side by side that must fit where both panels stand beside each other, with the gaps.
const LETTERS_SIDE_BY_SIDE: u32 = 104;
/// Letters side by side that must fit where there is one panel.
const LETTERS_SINGLE: u32 = 62;
/// Letters above each other that should fit.
const LETTERS_DOWN: u32 = 44;
/// Letters above each other that should fit in a small window.
const LETTERS_DOWN_SMALL: u32 = 36;
/// Letters lower than this are hard to read, in pixels: where two panels would need such there is one.
const LEGIBLE: u32 = 13;
/// The panel with the cards takes no more letters side by side,
const PANEL_LETTERS: usize = 58;
/// and as a rule no more than this share of the height.
const PANEL_SHARE_PERMILLE: u32 = 420;
/// With many cards in a window that is high enough it takes more: all of them are to be seen.
const TALL_PANEL_SHARE_PERMILLE: u32 = 550;
const MANY_CARDS: usize = 7;
const TALL_WINDOW: u32 = 720;
/// The background where no picture is.
const BACKGROUND: Color = Color::RGB(16, 20, 28);

/// The window's content.
pub(super) struct Screen<'a> {
    canvas: WindowCanvas,
    creator: &'a TextureCreator<WindowContext>,
    names: Names,
    typeface: Typeface,
    osd: bool,
    shown: Option<Shown<'a>>,
    /// Since when pictures have had something filled in.
    concealed_since: Option<Instant>,
    panels: [Option<Written<'a>>; 4],
    /// The code that the camera films, if it is to.
    card: Option<Card>,
    complained: bool,
}

/// The picture on the screen.
struct Shown<'a> {
    texture: Texture<'a>,
    width: u32,
    height: u32,
    at: Instant,
}

/// A panel on the screen and what it says.
struct Written<'a> {
    lines: Vec<Line>,
    letter: u16,
    texture: Texture<'a>,
    width: u32,
    height: u32,
}

/// Where a panel is; also its place among the panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    BottomLeft,
    BottomRight,
    Middle,
}

impl<'a> Screen<'a> {
    /// An empty screen.
    pub(super) fn new(
        canvas: WindowCanvas,
        creator: &'a TextureCreator<WindowContext>,
        names: Names,
        typeface: Typeface,
        card: Option<Card>,
    ) -> Self {
        let panels = [const { None }; 4];
        Self {
            canvas,
            creator,
            names,
            typeface,
            osd: true,
            shown: None,
            concealed_since: None,
            panels,
            card,
            complained: false,
        }
    }

    /// Puts a picture on the screen; returns whether it is there.
    pub(super) fn show(&mut self, picture: &Picture, now: Instant) -> bool {
        let concealed_before = self.concealed_since.is_some();
        self.concealed_since = match picture.quality {
            Quality::Good => None,
            Quality::Concealed => self.concealed_since.or(Some(now)),
        };
        let uploaded = self.upload(picture, now);
        if let Err(reason) = &uploaded
            && !self.complained
        {
            self.complained = true;
            tell(&format!("cannot show a picture of {}×{}: {reason}", picture.width, picture.height));
        }
        if concealed_before != self.concealed_since.is_some() {
            self.write_banner(None, now);
        }
        self.present(now);
        uploaded.is_ok()
    }

    /// Writes the OSD as things stand. It goes on the screen with the next picture, or at once when none came
    /// for as long as `patience`; returns whether it did.
    pub(super) fn write_osd(&mut self, report: Option<&Report>, now: Instant, patience: Duration) -> bool {
        if self.shown.is_none() {
            let (letter, _) = self.letter();
            self.write(Place::Middle, waiting::screen(&self.names, report, self.room(letter, 1000)));
        } else {
            self.write(Place::Middle, Vec::new());
            self.write_banner(report, now);
            let figures = report.filter(|_| self.osd);
            let (letter, layout) = self.letter();
            let (_, (_, height)) = self.area();
            let share_permille = panel_share_permille(report.map_or(0, |report| report.cards.len()), height);
            let room = Room { across: PANEL_LETTERS, ..self.room(letter, share_permille) };
            let stream = figures.map(|report| figures::stream(report, room, layout));
            self.write(Place::BottomLeft, stream.unwrap_or_default());
            let latency = figures.filter(|_| layout == Layout::SideBySide).map(figures::latency);
            self.write(Place::BottomRight, latency.unwrap_or_default());
        }
        let presents = self.shown.as_ref().is_none_or(|shown| now.saturating_duration_since(shown.at) >= patience);
        if presents {
            self.present(now);
        }
        presents
    }

    /// The code that came on the screen with what was presented last, if it is another.
    pub(super) fn take_code(&mut self) -> Option<WindowCode> {
        self.card.as_mut()?.take_shown()
    }

    /// Shows the figures, or leaves them out; what a pilot must not miss stays.
    pub(super) fn toggle_osd(&mut self) {
        self.osd = !self.osd;
    }

    /// The canvas, with the window.
    pub(super) fn canvas_mut(&mut self) -> &mut WindowCanvas {
        &mut self.canvas
    }

    fn upload(&mut self, picture: &Picture, now: Instant) -> Result<(), String> {
        let side = |pixels: usize| u32::try_from(pixels).map_err(|error| error.to_string());
        let (width, height) = (side(picture.width)?, side(picture.height)?);
        let fits = |shown: &&mut Shown<'_>| (shown.width, shown.height) == (width, height);
        if self.shown.as_mut().filter(fits).is_none() {
            let format = PixelFormatEnum::IYUV;
            let texture = self.creator.create_texture_streaming(format, width, height);
            let texture = texture.map_err(|error| error.to_string())?;
            let at = self.shown.as_ref().map_or(now, |before| before.at);
            self.shown = Some(Shown { texture, width, height, at });
        }
        let Some(shown) = &mut self.shown else { return Ok(()) };
        let [luma, blue, red] = picture.planes();
        let chroma_width = picture.chroma_width();
        let updated = shown.texture.update_yuv(None, luma, picture.width, blue, chroma_width, red, chroma_width);
        updated.map_err(|error| error.to_string())?;
        shown.at = now;
        Ok(())
    }

    fn write_banner(&mut self, report: Option<&Report>, now: Instant) {
        let Some(shown) = &self.shown else { return };
        let millis = |at: Instant| u64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX);
        let (age_ms, concealed_ms) = (millis(shown.at), self.concealed_since.map(millis));
        let across = self.room(self.letter().0, 1000).across;
        let lines = banner::banner(report, age_ms, concealed_ms, across);
        self.write(Place::Top, lines);
    }

    /// Writes a panel, if it does not say so already.
    fn write(&mut self, place: Place, lines: Vec<Line>) {
        let (letter, _) = self.letter();
        let Some(slot) = self.panels.get_mut(place as usize) else { return };
        if lines.is_empty() {
            *slot = None;
        } else if slot.as_ref().is_none_or(|written| written.lines != lines || written.letter != letter) {
            let panel = paint(&lines, letter, place.align(), &mut self.typeface);
            // A panel that cannot be drawn is left out: the picture matters more.
            *slot = texture(self.creator, &panel).ok().map(|(texture, width, height)| Written {
                lines,
                letter,
                texture,
                width,
                height,
            });
        }
    }

    /// The height of letters, in pixels, and the layout that suit the window.
    fn letter(&self) -> (u16, Layout) {
        letter(self.area().1)
    }

    /// What there is room for in letters of this height, on a share of the window's height.
    fn room(&self, letter: u16, share_permille: u32) -> Room {
        room(self.area().1, letter, share_permille)
    }

    /// Where picture and panels are: from where on, and how large.
    fn area(&self) -> (i32, (u32, u32)) {
        let size = self.canvas.output_size().unwrap_or((0, 0));
        if self.card.is_some() { card::beside(size) } else { (0, size) }
    }

    fn present(&mut self, now: Instant) {
        let (left, size) = self.area();
        self.canvas.set_draw_color(BACKGROUND);
        self.canvas.clear();
        if let Some(shown) = &self.shown {
            // What cannot be copied is missing on the screen, which says it better than any message.
            let mut target = fit((shown.width, shown.height), size);
            target.offset(left, 0);
            let _ = self.canvas.copy(&shown.texture, None, target);
        }
        if let Some(card) = &mut self.card {
            card.draw(&mut self.canvas, now);
        }
        let margin = i32::from(self.letter().0);
        let places = [Place::Top, Place::BottomLeft, Place::BottomRight, Place::Middle];
        for (written, place) in self.panels.iter().zip(places) {
            if let Some(written) = written {
                let mut target = place.rect((written.width, written.height), size, margin);
                target.offset(left, 0);
                let _ = self.canvas.copy(&written.texture, None, target);
            }
        }
        self.canvas.present();
    }
}

impl Place {
    fn align(self) -> Align {
        match self {
            Self::Top => Align::Center,
            Self::BottomLeft | Self::BottomRight | Self::Middle => Align::Left,
        }
    }

    fn rect(self, (width, height): (u32, u32), size: (u32, u32), margin: i32) -> Rect {
        let signed = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let (free_x, free_y) = (signed(size.0) - signed(width), signed(size.1) - signed(height));
        let (x, y) = match self {
            Self::Top => (free_x / 2, margin),
            Self::BottomLeft => (margin, free_y - margin),
            Self::BottomRight => (free_x - margin, free_y - margin),
            Self::Middle => (free_x / 2, free_y / 2),
        };
        Rect::new(x, y, width, height)
    }
}

/// The height of letters, in pixels, and the layout that suit a window of this size.
fn letter((width, height): (u32, u32)) -> (u16, Layout) {
    // A letter is 0.6 times as wide as it is high.
    let fit = |across: u32, down: u32| (width * 10 / 6 / across).min(height / down);
    let side_by_side = fit(LETTERS_SIDE_BY_SIDE, LETTERS_DOWN);
    let (letter, layout) = match side_by_side {
        LEGIBLE.. => (side_by_side, Layout::SideBySide),
        _ => (fit(LETTERS_SINGLE, LETTERS_DOWN_SMALL).min(LEGIBLE + 3), Layout::Single),
    };
    (u16::try_from(letter.clamp(9, 40)).unwrap_or(16), layout)
}

/// The share of a window of this height that the panel with so many cards takes.
const fn panel_share_permille(cards: usize, height: u32) -> u32 {
    if cards >= MANY_CARDS && height >= TALL_WINDOW { TALL_PANEL_SHARE_PERMILLE } else { PANEL_SHARE_PERMILLE }
}

/// What there is room for in a window of this size, in letters of this height, on a share of the height.
fn room((width, height): (u32, u32), letter: u16, share_permille: u32) -> Room {
    let letter = u32::from(letter);
    let (across, down) = (width * 10 / 6 / letter, height * share_permille / LINE_PERMILLE / letter);
    let letters = |count: u32| usize::try_from(count).unwrap_or(0);
    // Around the text there are the panel's edge and the margin.
    Room { across: letters(across.saturating_sub(6)), down: letters(down.saturating_sub(1)) }
}

fn texture<'a>(
    creator: &'a TextureCreator<WindowContext>,
    panel: &Panel,
) -> Result<(Texture<'a>, u32, u32), Box<dyn std::error::Error>> {
    let (width, height) = (u32::try_from(panel.width)?, u32::try_from(panel.height)?);
    let mut texture = creator.create_texture_streaming(PixelFormatEnum::RGBA32, width, height)?;
    texture.update(None, &panel.rgba, panel.width * 4)?;
    texture.set_blend_mode(BlendMode::Blend);
    Ok((texture, width, height))
}

/// The largest rectangle of the picture's shape in the middle of the window.
fn fit((width, height): (u32, u32), (across, down): (u32, u32)) -> Rect {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (across, down) = (u64::from(across), u64::from(down));
    let (fitted_width, fitted_height) =
        if across * height <= down * width { (across, across * height / width) } else { (down * width / height, down) };
    let place = |free: u64| i32::try_from(free / 2).unwrap_or(0);
    let pixels = |pixels: u64| u32::try_from(pixels).unwrap_or(u32::MAX);
    let (x, y) = (place(across - fitted_width), place(down - fitted_height));
    Rect::new(x, y, pixels(fitted_width), pixels(fitted_height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_legible_in_every_window() {
        assert_eq!(letter((1920, 1080)), (24, Layout::SideBySide));
        assert_eq!(letter((1280, 720)), (16, Layout::SideBySide));
        assert_eq!(letter((1024, 600)), (13, Layout::SideBySide));
        assert_eq!(letter((640, 480)), (13, Layout::Single));
        assert_eq!(letter((0, 0)), (9, Layout::Single));
        for size in [(640, 480), (800, 480), (1280, 720), (1920, 1080)] {
            let room = room(size, letter(size).0, PANEL_SHARE_PERMILLE);
            assert!(room.across >= PANEL_LETTERS && (9..=13).contains(&room.down), "{size:?}: {room:?}");
        }
        assert_eq!(room((0, 0), 9, 1000), Room { across: 0, down: 0 });
    }

    #[test]
    fn many_cards_have_more_room_where_there_is_some() {
        let down = |cards, size: (u32, u32)| room(size, letter(size).0, panel_share_permille(cards, size.1)).down;
        assert_eq!(down(6, (1280, 720)) + 4, down(8, (1280, 720)));
        assert_eq!(down(6, (640, 480)), down(8, (640, 480)));
    }

    #[test]
    fn the_picture_keeps_its_shape() {
        assert_eq!(fit((1280, 720), (1280, 720)), Rect::new(0, 0, 1280, 720));
        assert_eq!(fit((1280, 720), (1000, 1000)), Rect::new(0, 219, 1000, 562));
        assert_eq!(fit((320, 240), (1920, 1080)), Rect::new(240, 0, 1440, 1080));
        assert_eq!(fit((0, 0), (10, 10)).size(), (10, 10));
    }

    #[test]
    fn panels_stand_where_they_belong() {
        let rect = |place: Place| place.rect((100, 50), (1280, 720), 10);
        assert_eq!(rect(Place::Top), Rect::new(590, 10, 100, 50));
        assert_eq!(rect(Place::BottomLeft), Rect::new(10, 660, 100, 50));
        assert_eq!(rect(Place::BottomRight), Rect::new(1170, 660, 100, 50));
        assert_eq!(rect(Place::Middle), Rect::new(590, 335, 100, 50));
    }
}
