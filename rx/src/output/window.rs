//! The window: shows the newest picture the moment it is there, never queues, and writes the OSD over it.

mod card;
mod renderer;
mod screen;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sdl2::event::{Event, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::render::WindowCanvas;
use sdl2::video::FullscreenType;
use sdl2::{EventPump, Sdl};
use skylark_common::queue::Popped;
use skylark_common::scheduling;

use crate::args::Args;
use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::decode::PictureQueue;
use crate::glass::finder::{Shown, ShownQueue};
use crate::osd::font::Typeface;
use crate::picture::Decoded;
use crate::signal::Names;
use card::Card;
use screen::Screen;

/// How long a key press may wait for its turn. A picture waits for nothing.
const EVENT_INTERVAL: Duration = Duration::from_millis(2);
/// How often the OSD is written anew when nothing else asks for it.
const OSD_INTERVAL: Duration = Duration::from_millis(100);
/// Where no picture came for so long, nobody waits for the window while it writes the OSD.
const OSD_PAUSE: Duration = Duration::from_millis(50);

/// An open window.
pub(crate) struct Window {
    sdl: Sdl,
    canvas: WindowCanvas,
    events: EventPump,
    names: Names,
    pictures: PictureQueue,
    finder: Option<ShownQueue>,
    typeface: Typeface,
}

/// What the window keeps from turn to turn.
struct Running<'a> {
    screen: Screen<'a>,
    board: &'a Board,
    finder: Option<ShownQueue>,
    /// Pictures shown.
    shown: u64,
    shown_at: Instant,
    osd_at: Instant,
    patience: Duration,
}

/// What SDL falls back to without a word where there is no display; a test may ask for them by name.
const BLIND_DRIVERS: [&str; 2] = ["dummy", "offscreen"];

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// The end.
    Quit,
    /// Full screen, or back.
    ToggleFullscreen,
    /// The figures, or none.
    ToggleOsd,
    /// What was there is gone: the same again.
    Redraw,
}

impl Window {
    /// Opens the window. Call it from the main thread. With a finder, codes are shown and pictures searched for them.
    ///
    /// # Errors
    /// There is no display, or it cannot show a window.
    pub(crate) fn open(names: Names, pictures: PictureQueue, args: &Args, finder: Option<ShownQueue>) -> Result<Self> {
        // Signals are the program's own business, waiting for the display's next refresh costs up to 17 ms.
        let vsync = if args.vsync { "1" } else { "0" };
        for (hint, value) in [
            ("SDL_NO_SIGNAL_HANDLERS", "1"),
            ("SDL_RENDER_VSYNC", vsync),
            ("SDL_RENDER_SCALE_QUALITY", "linear"),
            ("SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS", "0"),
        ] {
            sdl2::hint::set(hint, value);
        }
        let sdl = sdl2::init().map_err(no_display)?;
        let video = sdl.video().map_err(no_display)?;
        let driver = video.current_video_driver();
        if BLIND_DRIVERS.contains(&driver) && std::env::var_os("SDL_VIDEODRIVER").is_none() {
            return Err(no_display(format!("SDL found only its driver without a display, {driver}")));
        }
        video.disable_screen_saver();
        let title = format!("Skylark {}", names.link_name);
        let fullscreen = if args.fullscreen { FullscreenType::Desktop } else { FullscreenType::Off };
        let canvas = renderer::open(&video, &title, fullscreen).map_err(no_display)?;
        let events = sdl.event_pump().map_err(no_display)?;
        sdl.mouse().show_cursor(!args.fullscreen);
        Ok(Self { sdl, canvas, events, names, pictures, finder, typeface: Typeface::new()? })
    }

    /// Shows pictures until there are no more or the user has had enough, which ends the program.
    pub(crate) fn run(self, board: &Board, control: &Control) {
        let Self { sdl, canvas, mut events, names, pictures, finder, typeface } = self;
        scheduling::prefer();
        let creator = canvas.texture_creator();
        let card = board.with_round(|round| Card::new(round.first_code(), now()));
        let screen = Screen::new(canvas, &creator, names, typeface, card);
        let (shown_at, osd_at) = (now(), now());
        let mut running = Running { screen, board, finder, shown: 0, shown_at, osd_at, patience: OSD_INTERVAL };
        loop {
            match pictures.pop_within(EVENT_INTERVAL) {
                Popped::Item(decoded) => {
                    running.show(decoded);
                    board.with(|seen| seen.pictures.not_shown = pictures.dropped());
                }
                Popped::TimedOut => {}
                Popped::Closed => return running.end(),
            }
            let wishes: Vec<Wish> = events.poll_iter().filter_map(|event| Wish::of(&event)).collect();
            for wish in wishes {
                match wish {
                    Wish::Quit => {
                        control.stop();
                        return running.end();
                    }
                    Wish::ToggleFullscreen => toggle_fullscreen(&sdl, running.screen.canvas_mut()),
                    Wish::ToggleOsd => running.screen.toggle_osd(),
                    Wish::Redraw => {}
                }
                (running.osd_at, running.patience) = (now(), Duration::ZERO);
            }
            running.write_osd_when_due(now());
        }
    }
}

impl Running<'_> {
    /// Shows a picture; what is noted and searched waits until it is on the screen.
    fn show(&mut self, decoded: Arc<Decoded>) {
        let is_shown = self.screen.show(&decoded.picture, now());
        let at = now();
        self.shown_at = at;
        self.note_code(at);
        if !is_shown {
            return;
        }
        self.board.note_shown(&decoded, at);
        self.shown += 1;
        if let Some(finder) = &self.finder {
            finder.push(Shown { number: self.shown, decoded, at });
        }
    }

    /// Writing takes a millisecond or two: right after a picture no other waits for it.
    fn write_osd_when_due(&mut self, at: Instant) {
        let since_shown = at.saturating_duration_since(self.shown_at);
        let disturbs = (EVENT_INTERVAL..OSD_PAUSE).contains(&since_shown) && !self.patience.is_zero();
        if at < self.osd_at || disturbs {
            return;
        }
        if self.screen.write_osd(self.board.report().as_deref(), at, self.patience) {
            self.note_code(now());
        }
        (self.osd_at, self.patience) = (at + OSD_INTERVAL, OSD_INTERVAL);
    }

    /// Notes the code that came on the screen with what was presented until `at`.
    fn note_code(&mut self, at: Instant) {
        if let Some(code) = self.screen.take_code() {
            self.board.with_round(|round| round.handle_shown(code, at));
        }
    }

    fn end(self) {
        self.finder.iter().for_each(|finder| finder.close());
    }
}

impl Wish {
    fn of(event: &Event) -> Option<Self> {
        if matches!(event, Event::Quit { .. }) {
            return Some(Self::Quit);
        }
        if let Event::Window { win_event, .. } = event {
            return matches!(win_event, WindowEvent::SizeChanged(..) | WindowEvent::Exposed).then_some(Self::Redraw);
        }
        let Event::KeyDown { keycode: Some(key), repeat: false, .. } = event else { return None };
        match *key {
            Keycode::Q | Keycode::Escape => Some(Self::Quit),
            Keycode::F => Some(Self::ToggleFullscreen),
            Keycode::O => Some(Self::ToggleOsd),
            _ => None,
        }
    }
}

fn toggle_fullscreen(sdl: &Sdl, canvas: &mut WindowCanvas) {
    let window = canvas.window_mut();
    let is_off = window.fullscreen_state() == FullscreenType::Off;
    let wanted = if is_off { FullscreenType::Desktop } else { FullscreenType::Off };
    // A display that cannot do it leaves the window as it is, which the user sees.
    if window.set_fullscreen(wanted).is_ok() {
        sdl.mouse().show_cursor(!is_off);
    }
}

fn no_display(reason: String) -> anyhow::Error {
    anyhow!(
        "no window: {reason}; expected a display (DISPLAY or WAYLAND_DISPLAY): start from a desktop, or use \
         --output png:PATH or rtp:HOST:PORT"
    )
}
