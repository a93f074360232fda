//! The real program: what it says and does when things are right, missing, full, in use or wrong.
#![cfg(feature = "program")]
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that drives a real program in real time")]

#[path = "program/scene.rs"]
mod scene;
#[path = "program/wfb_ng.rs"]
mod wfb_ng;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use skylark_common::wire::announce::Payload;

use scene::{Scene, annex_b, clip};

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (
        status.code().unwrap(),
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_recording_of_the_air_comes_out_as_the_video_that_went_in() {
    let scene = Scene::new();
    let options = ["--output", "file:out.h264", "--output", "png:out.png", "--stats", "json:stats.json"];
    let (code, stdout, stderr) = run(&mut scene.program(&options));
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(fs::read(scene.path("out.h264")).unwrap() == annex_b());
    assert!(fs::read(scene.path("out.png")).unwrap().starts_with(b"\x89PNG"));
    let stats = fs::read_to_string(scene.path("stats.json")).unwrap();
    assert_eq!(json(stats.lines().next().unwrap())["ev"], "rx.start");
    let end = json(stats.lines().last().unwrap());
    assert_eq!(end["ev"], "rx.end");
    assert_eq!(end["picture"]["decoded"], clip().len());
    assert_eq!((&end["picture"]["concealed"], &end["outputs"]["units_written"]), (&0.into(), &clip().len().into()));
}

#[test]
fn a_recording_that_breaks_off_is_played_as_far_as_it_goes() {
    let scene = Scene::new();
    let whole = fs::read(scene.path("air.pcap")).unwrap();
    fs::write(scene.path("air.pcap"), &whole[..whole.len() / 2]).unwrap();
    let (code, _, stderr) = run(&mut scene.program(&["--output", "png:out.png"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("breaks off") && scene.path("out.png").exists(), "{stderr}");
}

#[test]
fn standard_output_carries_nothing_but_the_video() {
    let output = Scene::new().program(&["--output", "-"]).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == annex_b());
}

#[test]
fn a_reader_that_takes_its_time_gets_all_of_a_recording() {
    let scene = Scene::new();
    let mut child = scene.program(&["--output", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // So much that the rest fits into the queue, and the end of the recording is reached.
    let mut read = vec![0; annex_b().len() / 2];
    stdout.read_exact(&mut read).unwrap();
    // Longer than the program waits for anything once its end is wanted.
    thread::sleep(Duration::from_millis(2500));
    stdout.read_to_end(&mut read).unwrap();
    assert!(read == annex_b());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn video_left_behind_unwritten_is_counted_and_a_failure() {
    let scene = Scene::new();
    let mut command = scene.program(&["--output", "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(500));
    terminate(&child, Signal::TERM);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{stderr}");
    assert!(stderr.contains("access units were not written"), "{stderr}");
}

#[test]
fn figures_nobody_reads_hold_up_nothing() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'x'; 1]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let scene = Scene::new();
    let mut command = scene.program(&["--output", "file:out.h264", "--stats", "json"]);
    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(0));
    assert!(fs::read(scene.path("out.h264")).unwrap() == annex_b());
    drop(reader);
}

#[test]
fn rtp_comes_out_bit_for_bit() {
    let scene = Scene::of(Payload::RtpH264, 7);
    let player = UdpSocket::bind("127.0.0.1:0").unwrap();
    player.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let output = format!("rtp:{}", player.local_addr().unwrap());
    // In its own time: a player's socket buffer does not hold three seconds.
    let air = format!("pcap:{}", scene.path("air.pcap").display());
    let mut child = scene.listening_on(&air, &["--output", &output]).spawn().unwrap();
    let mut buffer = [0; 2048];
    for (index, datagram) in scene.datagrams.iter().enumerate() {
        let len = player.recv(&mut buffer).unwrap();
        assert!(buffer[..len] == datagram[..], "datagram {index}");
    }
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_stream_that_is_no_h264_says_what_to_do() {
    let scene = Scene::of(Payload::Opaque, 7);
    let air = format!("pcap:{}", scene.path("air.pcap").display());
    let (code, _, stderr) = run(&mut scene.listening_on(&air, &["--output", "png:out.png", "--duration", "2s"]));
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("use --output rtp:") || stderr.contains("--output rtp:HOST:PORT hands it on"), "{stderr}");
}

#[test]
fn another_key_on_the_air_is_called_that() {
    let scene = Scene::of(Payload::H264, 8);
    let air = format!("pcap:{}", scene.path("air.pcap").display());
    let options = ["--output", "none", "--duration", "2s", "--stats", "json"];
    let (code, stdout, stderr) = run(&mut scene.listening_on(&air, &options));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("does not open it"), "{stderr}");
    let end = json(stdout.lines().last().unwrap());
    assert!(end["frames"]["forged"].as_u64().unwrap() > 0, "{end}");
    assert_eq!((&end["signal"]["state"], &end["frames"]["used"]), (&"none".into(), &0.into()));
}

#[test]
fn a_recording_of_no_use_says_why_and_is_a_failure() {
    let scene = Scene::of(Payload::H264, 8);
    fs::write(scene.path("old.h264"), "old").unwrap();
    let (code, _, stderr) = run(&mut scene.program(&["--output", "file:old.h264"]));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("does not open it") && stderr.contains("nothing in it was of use"), "{stderr}");
    assert_eq!(fs::read(scene.path("old.h264")).unwrap(), b"old");
}

#[test]
fn a_recording_read_slowly_has_a_signal_all_the_same() {
    let scene = Scene::new();
    let mut command = scene.program(&["--output", "-", "--stats", "json:stats.json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Longer than the recording, and then as long as it takes for silence to be called that.
    thread::sleep(Duration::from_millis(5500));
    let output = child.stdout.as_mut().map(|stdout| stdout.read_to_end(&mut Vec::new()));
    assert!(output.unwrap().is_ok());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("no signal"), "{stderr}");
    let stats = fs::read_to_string(scene.path("stats.json")).unwrap();
    let states: Vec<_> = stats.lines().skip(1).map(|line| json(line)["signal"]["state"].clone()).collect();
    assert!(states.len() > 1 && states.iter().all(|state| state == "good"), "{states:?}");
    let end = json(stats.lines().last().unwrap());
    assert!(end["latency"]["unknown"].as_str().unwrap().starts_with("recorded"), "{end}");
}

#[test]
fn a_start_that_fails_leaves_recordings_alone() {
    let scene = Scene::new();
    fs::write(scene.path("old.h264"), "old").unwrap();
    let (code, _, _) = run(&mut scene.program(&["--output", "file:old.h264", "--stats", "json:/nowhere/x"]));
    assert_eq!((code, fs::read(scene.path("old.h264")).unwrap().as_slice()), (1, &b"old"[..]));
}

#[test]
fn another_link_on_the_air_is_called_that() {
    let scene = Scene::new();
    let air = format!("pcap:{}", scene.path("air.pcap").display());
    let (code, _, stderr) =
        run(&mut scene.listening_on(&air, &["--output", "none", "--duration", "2s", "--link", "elsewhere"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("only link 37a8ee is heard"), "{stderr}");
}

#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let scene = Scene::new();
    let (code, _, stderr) = run(&mut scene.program(&["--output", "file:/dev/full", "--output", "png:out.png"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("the disk is full"), "{stderr}");
    let (code, _, stderr) = run(&mut scene.program(&["--output", "file:/dev/full"]));
    assert_eq!(code, 1, "{stderr}");
}

#[test]
fn pictures_that_cannot_be_written_are_a_failure_and_not_called_missing() {
    let scene = Scene::new();
    let program = scene.program(&["--output", "png:out.png", "--output", "none"]);
    let arguments: Vec<_> = program.get_args().map(|argument| argument.to_str().unwrap()).collect();
    // A limit of 512 bytes a file stands for a disk that is full.
    let script = format!("trap '' XFSZ; ulimit -f 1; exec {} {}", program.get_program().display(), arguments.join(" "));
    let (code, _, stderr) = run(Command::new("sh").args(["-c", &script]).current_dir(scene.folder.path()));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("png:out.png: ") && stderr.contains("none could be written"), "{stderr}");
}

#[test]
fn silence_ends_with_the_exit_code_for_no_picture() {
    let scene = Scene::new();
    let options = ["--output", "png:out.png", "--duration", "1500ms"];
    let (code, _, stderr) = run(&mut scene.listening_on("udp:127.0.0.1:0", &options));
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("nothing is heard") && stderr.contains("no picture arrived"), "{stderr}");
    assert!(!scene.path("out.png").exists());
}

#[test]
fn sigterm_ends_the_program_cleanly() {
    ends_cleanly(Signal::TERM);
}

#[test]
fn a_terminal_that_is_closed_ends_the_program_cleanly() {
    ends_cleanly(Signal::HUP);
}

fn ends_cleanly(signal: Signal) {
    let scene = Scene::new();
    let program = scene.listening_on("udp:127.0.0.1:0", &["--output", "none", "--stats", "json"]);
    // Whoever runs the tests may have begun by ignoring SIGHUP (nohup).
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(program.get_program()).args(program.get_args());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(json(&lines.next().unwrap())["ev"], "rx.start");
    assert_eq!(json(&lines.next().unwrap())["ev"], "rx.stats");
    terminate(&child, signal);
    assert_eq!(json(&lines.last().unwrap())["ev"], "rx.end");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn terminate(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn what_cannot_be_opened_is_named_with_what_to_do() {
    let scene = Scene::new();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port_in_use = format!("udp:{}", taken.local_addr().unwrap());
    fs::write(scene.path("other.key"), "-----BEGIN PRIVATE KEY-----").unwrap();
    for (air, options, words) in [
        (port_in_use.as_str(), &["--output", "none"][..], "is in use"),
        ("pcap:missing.pcap", &["--output", "none"], "missing.pcap"),
        ("udp:127.0.0.1:0", &["--output", "file:/nowhere/x"], "/nowhere/x"),
        ("udp:127.0.0.1:0", &["--output", "png:/nowhere/x"], "/nowhere/x"),
        ("udp:127.0.0.1:0", &["--output", "none", "--stats", "json:/nowhere/x"], "/nowhere/x"),
    ] {
        let (code, _, stderr) = run(&mut scene.listening_on(air, options));
        assert!(code == 1 && stderr.contains(words), "{air} {options:?}: {code} {stderr}");
    }
    for (key, words) in
        [("missing.key", "skylark-setup key new"), ("other.key", "not a Skylark key"), (".", "expected a file")]
    {
        let (code, _, stderr) = run(&mut with_key(Path::new(key), &scene));
        assert!(code == 1 && stderr.contains(words), "{key}: {code} {stderr}");
    }
}

fn with_key(key: &Path, scene: &Scene) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-rx"));
    command.args(["--air", "udp:127.0.0.1:0", "--output", "none", "--key"]).arg(key);
    command.current_dir(scene.folder.path());
    command
}

#[test]
fn contradictions_are_told_with_exit_code_2() {
    let scene = Scene::new();
    let (code, stdout, stderr) = run(&mut scene.program(&["--output", "-", "--stats", "json"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("json:PATH"), "{stderr}");
}

#[cfg(feature = "window")]
#[test]
fn the_window_shows_pictures_and_closes_when_the_recording_is_over() {
    let scene = Scene::new();
    let mut command = scene.program(&["--output", "window", "--stats", "json"]);
    let (code, stdout, stderr) = run(command.env("SDL_VIDEODRIVER", "dummy"));
    assert_eq!(code, 0, "{stderr}");
    let end = json(stdout.lines().last().unwrap());
    let count = |name: &str| end["picture"][name].as_u64().unwrap();
    assert!(count("shown") > 0, "{end}");
    assert_eq!(count("shown") + count("not_shown"), count("decoded"), "{end}");
}

#[cfg(feature = "window")]
#[test]
fn without_a_display_the_error_names_what_is_missing_and_what_works() {
    let scene = Scene::new();
    let mut command = scene.program(&["--output", "window"]);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("SDL_VIDEODRIVER");
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("DISPLAY") && stderr.contains("--output png:"), "{stderr}");
}
