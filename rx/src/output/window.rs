//! The window: shows the newest picture the moment it is there, never queues, and writes the OSD over it.

mod screen;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sdl2::event::{Event, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::render::WindowCanvas;
use sdl2::video::FullscreenType;
use sdl2::{EventPump, Sdl};
use skylark_common::queue::Popped;
use skylark_common::scheduling;

use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::decode::PictureQueue;
use crate::osd::font::Typeface;
use crate::signal::Names;
use screen::Screen;

/// How long a key press may wait for its turn. A picture waits for nothing.
const EVENT_INTERVAL: Duration = Duration::from_millis(2);
/// How often the OSD is written anew when nothing else asks for it.
const OSD_INTERVAL: Duration = Duration::from_millis(100);
/// The window's size at its start, in pixels.
const SIZE: (u32, u32) = (1280, 720);

/// An open window.
pub(crate) struct Window {
    sdl: Sdl,
    canvas: WindowCanvas,
    events: EventPump,
    names: Names,
    pictures: PictureQueue,
    typeface: Typeface,
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
    /// Opens the window. Call it from the main thread.
    ///
    /// # Errors
    /// There is no display, or it cannot show a window.
    pub(crate) fn open(names: Names, pictures: PictureQueue, fullscreen: bool) -> Result<Self> {
        // Signals are the program's own business, waiting for the display's next refresh costs up to 16 ms.
        for (hint, value) in [
            ("SDL_NO_SIGNAL_HANDLERS", "1"),
            ("SDL_RENDER_VSYNC", "0"),
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
        let mut builder = video.window(&title, SIZE.0, SIZE.1);
        builder.position_centered().resizable();
        if fullscreen {
            builder.fullscreen_desktop();
        }
        let window = builder.build().map_err(|error| no_display(error.to_string()))?;
        // SDL takes the first renderer that works; the last it tries needs no graphics hardware.
        let canvas = window.into_canvas().build().map_err(|error| no_display(error.to_string()))?;
        let events = sdl.event_pump().map_err(no_display)?;
        sdl.mouse().show_cursor(!fullscreen);
        Ok(Self { sdl, canvas, events, names, pictures, typeface: Typeface::new()? })
    }

    /// Shows pictures until there are no more or the user has had enough, which ends the program.
    pub(crate) fn run(self, board: &Board, control: &Control) {
        let Self { sdl, canvas, mut events, names, pictures, typeface } = self;
        scheduling::prefer();
        let creator = canvas.texture_creator();
        let mut screen = Screen::new(canvas, &creator, names, typeface);
        let (mut osd_at, mut patience) = (now(), OSD_INTERVAL);
        loop {
            match pictures.pop_within(EVENT_INTERVAL) {
                Popped::Item(decoded) => {
                    if screen.show(&decoded.picture, now()) {
                        board.note_shown(&decoded.picture, decoded.at, now());
                    }
                    board.with(|seen| seen.pictures.not_shown = pictures.dropped());
                }
                Popped::TimedOut => {}
                Popped::Closed => return,
            }
            let wishes: Vec<Wish> = events.poll_iter().filter_map(|event| Wish::of(&event)).collect();
            for wish in wishes {
                match wish {
                    Wish::Quit => return control.stop(),
                    Wish::ToggleFullscreen => toggle_fullscreen(&sdl, screen.canvas_mut()),
                    Wish::ToggleOsd => screen.toggle_osd(),
                    Wish::Redraw => {}
                }
                (osd_at, patience) = (now(), Duration::ZERO);
            }
            if is_due(osd_at) {
                screen.write_osd(board.report().as_deref(), now(), patience);
                (osd_at, patience) = (now() + OSD_INTERVAL, OSD_INTERVAL);
            }
        }
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

fn is_due(at: Instant) -> bool {
    now() >= at
}

fn no_display(reason: String) -> anyhow::Error {
    anyhow!(
        "no window: {reason}; expected a display (DISPLAY or WAYLAND_DISPLAY): start from a desktop, or use \
         --output png:PATH or rtp:HOST:PORT"
    )
}
