//! Reads the time code from the screen itself, as whoever looks at it: the same for every program that shows pictures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use skylark_common::ledger::{Histogram, Summary};
use skylark_common::time_code::{Luma, TimeCode};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

use crate::display::{HEIGHT, WIDTH};

/// How often it looks: what it says is half of this too long on the mean.
const INTERVAL: Duration = Duration::from_millis(1);
/// Rows of cells in a time code.
const CODE_ROWS: usize = 4;

/// A thread that looks at a display.
#[derive(Debug)]
pub(crate) struct Observer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What it saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// From the time in the picture to when it was seen.
    pub(crate) took: Summary,
    /// Frame numbers that were never seen.
    pub(crate) skipped: u64,
}

/// One look at the code.
struct Screen {
    connection: RustConnection,
    root: u32,
    /// As much of the picture's luma as the code lies in.
    luma: Vec<u8>,
    height: usize,
}

impl Observer {
    /// Begins to look at a display, after `warm_up`.
    pub(crate) fn start(display: &str, warm_up: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (asked, mut screen) = (Arc::clone(&stop), Screen::connect(display));
        let thread = thread::spawn(move || {
            thread::sleep(warm_up);
            screen.watch(&asked)
        });
        Self { stop, thread }
    }

    /// Ends it; what it saw.
    pub(crate) fn end(self) -> Seen {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

impl Screen {
    fn connect(display: &str) -> Self {
        let (connection, screen) = x11rb::connect(Some(display)).unwrap();
        let root = connection.setup().roots[screen].root;
        let [_, y, _, height] = TimeCode::area(WIDTH);
        let height = y + height;
        Self { connection, root, luma: vec![0; WIDTH * height], height }
    }

    fn watch(&mut self, stop: &AtomicBool) -> Seen {
        let (mut took, mut skipped) = (Histogram::default(), 0);
        let mut last = self.look().map(|(code, _)| code.frame);
        while !stop.load(Relaxed) {
            thread::sleep(INTERVAL);
            let Some((code, seen_us)) = self.look().filter(|(code, _)| Some(code.frame) != last) else { continue };
            took.record(Duration::from_micros(seen_us.saturating_sub(code.captured_us)));
            skipped += u64::from(last.map_or(0, |last| code.frame.saturating_sub(last + 1)));
            last = Some(code.frame);
        }
        Seen { took: took.summary(), skipped }
    }

    /// The code that is on the screen, and when it was there, in µs since 1970; none while it is drawn.
    fn look(&mut self) -> Option<(TimeCode, u64)> {
        let [x, y, width, height] = TimeCode::area(WIDTH);
        let cell = height / CODE_ROWS;
        // One line through the middle of each row of cells; the server answers all four in one go.
        let lines = [0, 1, 2, 3].map(|row| y + row * cell + cell / 2);
        let asked = lines.map(|line| {
            let (x, line) = (i16::try_from(x).unwrap(), i16::try_from(line).unwrap());
            let width = u16::try_from(width).unwrap();
            self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, x, line, width, 1, u32::MAX).unwrap()
        });
        let answers = asked.map(|answer| answer.reply().unwrap().data);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        for (row, answer) in answers.iter().enumerate() {
            let green: Vec<u8> = answer.chunks_exact(4).map(|pixel| pixel[1]).collect();
            for line in y + row * cell..y + (row + 1) * cell {
                self.luma[line * WIDTH + x..][..width].copy_from_slice(&green);
            }
        }
        let luma = Luma { bytes: &self.luma, stride: WIDTH, width: WIDTH, height: self.height };
        Some((TimeCode::read(luma).ok()?, u64::try_from(now.as_micros()).unwrap()))
    }
}

/// What the observer's own connection needs of the display.
const _: () = assert!(WIDTH >= 128 && HEIGHT >= 120);
