//! The clips: raw pictures in files of the target folder, made by ffmpeg once.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use skylark_tx::picture::Picture;

/// Raw pictures in a file, played to and fro so that no cut is in them.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    pub(crate) width: usize,
    pub(crate) height: usize,
    file: File,
    pictures: usize,
}

/// A camera that pans, rolls and trembles over a landscape of every color, with the noise of its sensor: 20 s.
pub(crate) fn generated() -> Clip {
    let (width, height) = (1280, 720);
    let raw = folder().join("generated-1280x720.yuv");
    if !raw.exists() {
        let still = folder().join("still.png");
        let fractal =
            "mandelbrot=s=2048x1280:r=1:maxiter=1500:start_x=-0.743643887:start_y=0.131825904:start_scale=0.02";
        ffmpeg(&["-f", "lavfi", "-i", fractal, "-frames:v", "1", "-vf", "gblur=sigma=1.2"], &still);
        let camera = "rotate=a='0.35*sin(t*1.3)+0.004*sin(t*40)':ow=1600:oh=900:fillcolor=gray,\
            crop=1280:720:'160+150*sin(t*2.1)':'90+85*cos(t*1.7)',noise=alls=6:allf=t+u,format=yuv420p";
        let input = still.to_string_lossy();
        ffmpeg(&["-loop", "1", "-framerate", "60", "-i", &input, "-t", "20", "-vf", camera, "-f", "rawvideo"], &raw);
    }
    Clip::open("generated", &raw, width, height)
}

/// A hand-held camera and a box that is turned before it, played twice as fast as it was taken: `box.mp4` of Debian's
/// opencv-doc (Apache-2.0), 640 x 480, 7 s. `None` where the package is not installed.
pub(crate) fn camera() -> Option<Clip> {
    let packed = Path::new("/usr/share/doc/opencv-doc/opencv4/html/box.mp4.gz");
    let raw = folder().join("box-640x480.yuv");
    if !raw.exists() {
        if !packed.exists() {
            return None;
        }
        let unpacked = Command::new("gzip").args(["-dc"]).arg(packed).output().unwrap().stdout;
        let film = folder().join("box.mp4");
        std::fs::write(&film, unpacked).unwrap();
        let input = film.to_string_lossy();
        ffmpeg(
            &["-ss", "0.5", "-i", &input, "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-f", "rawvideo"],
            &raw,
        );
    }
    Some(Clip::open("camera", &raw, 640, 480))
}

impl Clip {
    fn open(name: &'static str, path: &Path, width: usize, height: usize) -> Self {
        let file = File::open(path).unwrap();
        let bytes = usize::try_from(file.metadata().unwrap().len()).unwrap();
        Self { name, width, height, file, pictures: bytes / picture_bytes(width, height) }
    }

    /// Picture `number` of the endless film, as I420.
    pub(crate) fn picture(&self, number: usize) -> Vec<u8> {
        let turn = 2 * (self.pictures - 1);
        let at = (number % turn).min(turn - number % turn);
        let mut bytes = vec![0; picture_bytes(self.width, self.height)];
        self.file.read_exact_at(&mut bytes, (at * picture_bytes(self.width, self.height)) as u64).unwrap();
        bytes
    }

    /// The same for an encoder.
    pub(crate) fn to_encode(&self, number: usize) -> Picture {
        let bytes = self.picture(number);
        let (y, chroma) = bytes.split_at(self.width * self.height);
        let (u, v) = chroma.split_at(chroma.len() / 2);
        Picture { width: self.width, height: self.height, y: y.to_vec(), u: u.to_vec(), v: v.to_vec() }
    }
}

fn picture_bytes(width: usize, height: usize) -> usize {
    width * height * 3 / 2
}

pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quality");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs ffmpeg into a file that is there whole or not at all.
fn ffmpeg(arguments: &[&str], to: &Path) {
    let name = to.file_name().unwrap().to_string_lossy();
    let part = to.with_file_name(format!("part-{name}"));
    let run = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).arg(&part).status();
    assert!(run.is_ok_and(|status| status.success()), "ffmpeg makes no {name}: is it installed (apt install ffmpeg)?");
    std::fs::rename(&part, to).unwrap();
}
