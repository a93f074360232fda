//! What a viewer sees under loss: real video through the whole link, the decoded pictures scored against the source.
//!
//! Clip → openh264 as the transmitter sets it up → datagrams → sender → modelled air → receiver → decoder, in virtual
//! time; what stands on the screen is scored by ffmpeg's `psnr` and `ssim`. Needs `ffmpeg`, and for the clip of a real
//! camera `opencv-doc`. `-- --quick` runs a few cells only, `-- --only NAME` one part of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints its tables, and how far it is")]
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere, and ffmpeg is another program")]
#![expect(clippy::unwrap_used, reason = "what fails here is the bench itself")]

#[path = "quality/clip.rs"]
mod clip;
#[path = "quality/curves.rs"]
mod curves;
#[path = "quality/flight.rs"]
mod flight;
#[path = "quality/parts.rs"]
mod parts;
#[path = "quality/score.rs"]
mod score;
#[path = "quality/screen.rs"]
mod screen;
#[path = "quality/video.rs"]
mod video;

use std::process::{Command, Stdio};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    if Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status().is_err() {
        println!("*** NOT MEASURED: what a viewer sees: no ffmpeg: apt-get install ffmpeg");
        return;
    }
    let clip = clip::generated();
    for (name, part) in parts::PARTS {
        if only.is_none_or(|only| only == name) {
            part(&clip, quick);
        }
    }
}
