//! ffmpeg's `psnr` and `ssim`, fed with pairs of pictures through a pipe.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use crate::clip::Clip;

/// How near a picture comes to its source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// Over luma and chroma, in dB.
    pub(crate) psnr_db: f64,
    /// Over luma and chroma, 0 to 1.
    pub(crate) ssim: f64,
}

/// Which picture was on the screen in the turn of which: the source's number, the shown picture's.
pub(crate) type Pair = (usize, usize);

/// Identical pictures have an endless PSNR; no codec comes near this one.
const BEST_DB: f64 = 60.0;

/// A running ffmpeg.
#[derive(Debug)]
pub(crate) struct Scorer {
    ffmpeg: Child,
    scores: JoinHandle<Vec<Score>>,
    pairs: Vec<Pair>,
    luma: usize,
}

impl Scorer {
    pub(crate) fn start(clip: &Clip) -> Self {
        let (width, height) = (clip.width, clip.height);
        // Source and shown picture come as one, one above the other.
        let filter = format!(
            "split[a][b];[a]crop={width}:{height}:0:0,split[s][t];[b]crop={width}:{height}:0:{height}[shown];\
             [shown][s]psnr[p];[p][t]ssim,metadata=print:file=-"
        );
        let mut ffmpeg = Command::new("ffmpeg")
            .args(["-v", "error", "-filter_complex_threads", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p"])
            .args(["-s", &format!("{width}x{}", 2 * height), "-i", "-", "-lavfi", &filter, "-f", "null", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(ffmpeg.stdout.take().unwrap());
        let scores = std::thread::spawn(move || read(output));
        Self { ffmpeg, scores, pairs: Vec::new(), luma: width * height }
    }

    /// Scores a picture against its source.
    pub(crate) fn push(&mut self, pair: Pair, source: &[u8], shown: &[u8]) {
        let planes = [0..self.luma, self.luma..self.luma * 5 / 4, self.luma * 5 / 4..self.luma * 3 / 2];
        let pipe = self.ffmpeg.stdin.as_mut().unwrap();
        for plane in planes {
            pipe.write_all(&source[plane.clone()]).unwrap();
            pipe.write_all(&shown[plane]).unwrap();
        }
        self.pairs.push(pair);
    }

    /// All scores, in the order in which their pictures came.
    pub(crate) fn finish(mut self) -> Vec<(Pair, Score)> {
        drop(self.ffmpeg.stdin.take());
        let scores = self.scores.join().unwrap();
        assert!(self.ffmpeg.wait().unwrap().success());
        assert_eq!(scores.len(), self.pairs.len(), "a score for each pair");
        self.pairs.into_iter().zip(scores).collect()
    }
}

fn read(output: impl BufRead) -> Vec<Score> {
    let mut scores = Vec::new();
    let mut psnr_db = 0.0;
    for line in output.lines() {
        let line = line.unwrap();
        let value = |key: &str| line.strip_prefix(key).map(|value| value.parse::<f64>().unwrap_or(f64::INFINITY));
        if let Some(found) = value("lavfi.psnr.psnr_avg=") {
            psnr_db = found.min(BEST_DB);
        }
        if let Some(ssim) = value("lavfi.ssim.All=") {
            scores.push(Score { psnr_db, ssim });
        }
    }
    scores
}
