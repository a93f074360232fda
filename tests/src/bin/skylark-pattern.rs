//! The test picture as raw video on standard output, for encoders that are not Skylark's: the same pictures, at the same
//! times, with the same time code.
#![expect(clippy::disallowed_methods, reason = "it is a camera: it lives by the clock")]

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use skylark_common::options::duration;
use skylark_tx::source::test_pattern::Pattern;

/// The pipe holds most of a picture of 1280 x 720, so that writing one seldom waits for whoever reads.
const PIPE_BYTES: usize = 1 << 20;

const EXAMPLES: &str = "\
Example:
  skylark-pattern | gst-launch-1.0 fdsrc ! rawvideoparse format=i420 width=1280 height=720 framerate=60/1 ! ximagesink";

/// Writes the moving test picture of `skylark-tx --input test` to standard output, raw I420.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// Width in pixels, even.
    #[arg(long, default_value_t = 1280)]
    width: usize,
    /// Height in pixels, even.
    #[arg(long, default_value_t = 720)]
    height: usize,
    /// Pictures a second.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    /// Ends after this long.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
}

fn main() -> ExitCode {
    match write_pictures(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Pictures whose time has passed while the one before was written are left out, as `skylark-tx` does.
fn write_pictures(args: &Args) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // A pipe that keeps its size is slower, and no pipe has none.
    let _ = rustix::pipe::fcntl_setpipe_size(&out, PIPE_BYTES);
    let mut pattern = Pattern::new(args.width, args.height);
    let (start, interval) = (Instant::now(), Duration::from_secs(1) / args.fps);
    let ends_at = args.duration.map(|duration| start + duration);
    let mut frame = 0;
    while ends_at.is_none_or(|end| Instant::now() < end) {
        let passed = start.elapsed().as_nanos() / interval.as_nanos();
        frame = u32::try_from(passed).unwrap_or(u32::MAX).max(frame);
        thread::sleep((start + interval * frame).saturating_duration_since(Instant::now()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let picture = pattern.draw(frame, u64::try_from(now.as_micros()).unwrap_or(u64::MAX));
        [&picture.y, &picture.u, &picture.v].into_iter().try_for_each(|plane| out.write_all(plane))?;
        out.flush()?;
        frame += 1;
    }
    Ok(())
}
