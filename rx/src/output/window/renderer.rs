//! Which of SDL's renderers draws the window: the graphics hardware's, or where there is none SDL's own.
//!
//! Where there is none, SDL's first choice is OpenGL all the same, computed by Mesa on the processor (llvmpipe). On two
//! busy cores that took 8.5 ms of processor time for a picture of 1280 x 720, and SDL's own renderer 2.5 ms.

use std::env;
use std::fs;

use sdl2::render::WindowCanvas;
use sdl2::video::{FullscreenType, Window};
use sdl2::{VideoSubsystem, hint};

/// How the threads of Mesa's OpenGL without hardware begin their names.
const SOFTWARE_GL: &str = "llvmpipe";
/// How large the window is at its start, in pixels.
const SIZE: (u32, u32) = (1280, 720);

/// A window with whatever draws it fastest. Who names a renderer in the environment (`SDL_RENDER_DRIVER`) gets that one.
///
/// # Errors
/// SDL cannot open it.
pub(super) fn open(video: &VideoSubsystem, title: &str, fullscreen: FullscreenType) -> Result<WindowCanvas, String> {
    let canvas = window(video, title, fullscreen)?.into_canvas().build().map_err(|error| error.to_string())?;
    // Elsewhere SDL's own renderer would go through OpenGL too.
    let is_x11 = video.current_video_driver() == "x11";
    if env::var_os("SDL_RENDER_DRIVER").is_some() || !is_x11 || !is_drawn_by_processor() {
        return Ok(canvas);
    }
    drop(canvas);
    hint::set("SDL_FRAMEBUFFER_ACCELERATION", "0");
    let window = window(video, title, fullscreen)?;
    window.into_canvas().software().build().map_err(|error| error.to_string())
}

fn window(video: &VideoSubsystem, title: &str, fullscreen: FullscreenType) -> Result<Window, String> {
    let mut builder = video.window(title, SIZE.0, SIZE.1);
    builder.position_centered().resizable();
    if fullscreen != FullscreenType::Off {
        builder.fullscreen_desktop();
    }
    builder.build().map_err(|error| error.to_string())
}

/// Whether OpenGL has begun to compute with threads of this process (proc(5), `task/*/comm`).
fn is_drawn_by_processor() -> bool {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.any(|name| name.starts_with(SOFTWARE_GL))
}
