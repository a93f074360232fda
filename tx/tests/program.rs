//! The real `skylark-tx`: how it starts, what it refuses, how it ends.
#![cfg(feature = "program")]
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "drives real processes")]

#[path = "program/wfb_ng.rs"]
mod wfb_ng;

use std::io::Write as _;
use std::net::UdpSocket;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use skylark_common::seal::LinkKey;

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/clip.h264");
const PATIENCE: Duration = Duration::from_secs(20);

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), LinkKey::from_bytes([7; 32]).to_text()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn air(&self) -> String {
        format!("pcap:{}", self.path("air.pcap").display())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-tx"));
        command.arg("--key").arg(self.path("key")).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The one line that says why it failed.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        stderr(&output)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn with_stdin(mut command: Command, bytes: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may refuse the first bytes and be gone before the last.
    let _ = stdin.write_all(bytes);
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_there() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_end_of_stdin_ends_the_program_when_everything_is_sent() {
    let desk = Desk::new();
    let clip = std::fs::read(CLIP).unwrap();
    let output =
        with_stdin(desk.command(&["--input", "-", "--air", &desk.air(), "--stats", "json", "--no-pacing"]), &clip);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let events = events(&output);
    let (first, last) = (events.first().unwrap(), events.last().unwrap());
    assert_eq!(
        (&first["ev"], &first["payload"], &first["link_id"]),
        (&"tx.start".into(), &"h264".into(), &"37a8ee".into())
    );
    assert_eq!(last["ev"], "tx.end");
    let sent = [&last["source_packets"], &last["repair_packets"], &last["announces"]].map(|n| n.as_u64().unwrap());
    assert_eq!(last["airs"][0]["injected"].as_u64().unwrap(), sent.iter().sum::<u64>());
    assert_eq!(last["queued_us"], 0);
    assert!(sent.iter().all(|sent| *sent > 0), "{last}");
    assert!(stderr(&output).contains(&format!("key {:08x}", LinkKey::from_bytes([7; 32]).fingerprint())));
}

#[test]
fn what_is_no_h264_is_refused_with_what_it_is() {
    let desk = Desk::new();
    let air = desk.air();
    for (bytes, words) in [
        (&b""[..], "it is empty"),
        (b"hello, world", "no H.264 start code in its first 12 bytes"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0", "this is an MP4 file"),
        (b"\0\0\0\x01\x40\x01\x0c\x01", "this is H.265"),
        (&std::fs::read("/bin/ls").unwrap(), "this is a program, expected H.264"),
    ] {
        let file = desk.path("input");
        std::fs::write(&file, bytes).unwrap();
        let refusal = desk.refusal(&["--input", &format!("file:{}", file.display()), "--air", &air]);
        assert!(refusal.contains(words), "{refusal}");
        let output = with_stdin(desk.command(&["--input", "-", "--air", &air]), bytes);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn a_truncated_file_is_sent_as_far_as_it_goes_and_looped_on_demand() {
    let desk = Desk::new();
    let clip = std::fs::read(CLIP).unwrap();
    let file = desk.path("input");
    std::fs::write(&file, &clip[..clip.len() / 10]).unwrap();
    let input = format!("file:{}", file.display());
    let units = |more: &[&str]| {
        let output = desk.run(&[&["--input", &input, "--air", &desk.air(), "--stats", "json"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        events(&output).last().unwrap()["units"].as_u64().unwrap()
    };
    let once = units(&[]);
    assert!(once > 0);
    assert!(units(&["--loop", "--duration", "2s"]) > once);
}

#[test]
fn what_is_missing_or_taken_is_said_at_the_start() {
    let desk = Desk::new();
    let air = desk.air();
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let rtp = format!("rtp:0.0.0.0:{port}");
    for (arguments, words) in [
        (&["--input", "file:/nowhere.h264", "--air", &air][..], "/nowhere.h264: No such file"),
        (&["--input", "file:/tmp", "--air", &air], "a folder, expected a file"),
        (&["--input", &rtp, "--air", &air], "is in use"),
        (&["--input", "test", "--air", "pcap:/nowhere/air.pcap"], "/nowhere/air.pcap"),
        (&["--input", "test", "--air", "udp:nowhere"], "is no address"),
        (&["--input", "test", "--air", &air, "--key", "/nowhere.key"], "cannot be used multiple times"),
    ] {
        let output = desk.run(arguments);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
        assert_ne!(output.status.code(), Some(0));
    }
    std::fs::write(desk.path("key"), "no key").unwrap();
    assert!(desk.refusal(&["--input", "test", "--air", &air]).contains("not a Skylark key"));
    std::fs::remove_file(desk.path("key")).unwrap();
    assert!(desk.refusal(&["--input", "test", "--air", &air]).contains("not found"));
}

#[test]
fn a_command_line_that_is_not_understood_exits_with_2_and_help_with_0() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["--input", "nonsense", "--air", &desk.air()]).status.code(), Some(2));
    let help = desk.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("Exit codes:"));
}

#[test]
fn a_full_disk_ends_that_air_and_the_last_air_ends_the_program() {
    let desk = Desk::new();
    let refusal = desk.refusal(&["--input", "test", "--air", "pcap:/dev/full"]);
    assert!(refusal.contains("/dev/full: No space left on device"), "{refusal}");
    // A limit of 64 KiB a file stands for a disk that fills up.
    let limited = |more: &str| {
        let pattern = "--input test --size 320x240 --bitrate 1M --stats json --duration 3s";
        let binary = env!("CARGO_BIN_EXE_skylark-tx");
        let script =
            format!("trap '' XFSZ; ulimit -f 128; exec {binary} --key key {pattern} --air pcap:full.pcap {more}");
        Command::new("sh").args(["-c", &script]).current_dir(desk.folder.path()).output().unwrap()
    };
    let output = limited("");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no air is left: full.pcap: File too large"), "{}", stderr(&output));
    let output = limited("--air udp:127.0.0.1:9");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("pcap:full.pcap has ended"));
    let last = events(&output).pop().unwrap();
    assert!(last["airs"][1]["injected"].as_u64() > last["airs"][0]["injected"].as_u64());
}

#[test]
fn a_request_to_end_exits_with_0_and_leaves_no_child() {
    let desk = Desk::new();
    let pid = desk.path("pid");
    let encoder = format!("exec:echo starting >&2; echo $$ > {}; cat {CLIP}; sleep 600", pid.display());
    let stats = format!("json:{}", desk.path("stats").display());
    let child = desk.command(&["--input", &encoder, "--air", &desk.air(), "--stats", &stats]).spawn().unwrap();
    wait_for("the encoder", || std::fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n')));
    wait_for("a frame", || std::fs::metadata(desk.path("air.pcap")).is_ok_and(|air| air.len() > 4000));
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("exec: starting"), "{}", stderr(&output));
    let pid = std::fs::read_to_string(pid).unwrap();
    wait_for("the end of the encoder", || !Path::new("/proc").join(pid.trim()).exists());
    let stats = std::fs::read_to_string(desk.path("stats")).unwrap();
    assert!(stats.lines().last().unwrap().contains("tx.end"));
}

/// As a systemd service has it: no root, and capabilities that children would have too.
#[test]
fn an_encoder_gets_none_of_the_capabilities_of_the_transmitter() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("*** SKIPPED, NOT PASSED: only root can give a program capabilities");
        return;
    }
    let desk = Desk::new();
    let encoder = format!("exec:grep Cap /proc/self/status > {}; cat {CLIP}", desk.path("capabilities").display());
    let mut command = Command::new("setpriv");
    command.args(["--securebits", "+noroot", "--inh-caps", "-all,+net_raw", "--ambient-caps", "+net_raw"]);
    command.arg(env!("CARGO_BIN_EXE_skylark-tx")).arg("--key").arg(desk.path("key"));
    let status = command.args(["--input", &encoder, "--air", &desk.air(), "--duration", "2s"]).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let found = std::fs::read_to_string(desk.path("capabilities")).unwrap();
    let effective = found.lines().find_map(|line| line.strip_prefix("CapEff:"));
    assert_eq!(effective.map(str::trim), Some("0000000000000000"), "{found}");
}

#[test]
fn every_waiting_source_ends_at_once_when_asked_to() {
    let desk = Desk::new();
    for input in ["test", "rtp:127.0.0.1:0", "exec:sleep 600", "-"] {
        let mut child = desk.command(&["--input", input, "--air", &desk.air()]).stdin(Stdio::piped()).spawn().unwrap();
        wait_for("the air", || desk.path("air.pcap").exists());
        terminate(&child);
        let _stdin = child.stdin.take();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{input}");
        std::fs::remove_file(desk.path("air.pcap")).unwrap();
    }
}

#[test]
fn stats_that_nobody_reads_hold_up_neither_the_flight_nor_its_end() {
    let desk = Desk::new();
    let (reader, mut full) = std::io::pipe().unwrap();
    // As much as a pipe holds (pipe(7)).
    full.write_all(&[b' '; 64 << 10]).unwrap();
    let mut command = desk.command(&["--input", "test", "--size", "320x240", "--air", &desk.air(), "--stats", "json"]);
    let mut child = command.stdout(full).spawn().unwrap();
    let length = || std::fs::metadata(desk.path("air.pcap")).map_or(0, |air| air.len());
    wait_for("more than a second of frames", || length() > 800_000);
    terminate(&child);
    wait_for("the end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(reader);
}

#[test]
fn a_reader_of_stats_that_goes_away_is_told_once_and_the_flight_goes_on() {
    let desk = Desk::new();
    let mut command = desk.command(&["--input", "test", "--size", "320x240", "--air", &desk.air(), "--stats", "json"]);
    let mut child = command.arg("--duration").arg("3s").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output).matches("stats end here").count(), 1, "{}", stderr(&output));
}

#[test]
fn the_second_request_to_end_ends_it_at_once() {
    let desk = Desk::new();
    let fifo = desk.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let input = format!("file:{}", fifo.display());
    let mut child = desk.command(&["--input", &input, "--air", &desk.air()]).spawn().unwrap();
    // It waits for bytes that never come, where it cannot be asked to end.
    let _writer = std::fs::File::options().write(true).open(&fifo).unwrap();
    wait_for("the end", || {
        terminate(&child);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn rtp_is_announced_before_it_comes_and_what_is_not_h264_gets_a_session_of_its_own() {
    let desk = Desk::new();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let stats = desk.path("stats");
    let target = format!("json:{}", stats.display());
    let input = format!("rtp:127.0.0.1:{port}");
    let child = desk.command(&["--input", &input, "--air", &desk.air(), "--stats", &target]).spawn().unwrap();
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&stats).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    wait_for("stats before RTP", || lines().iter().any(|line| line["announces"].as_u64() > Some(5)));
    // A fragment of H.265 (RFC 7798).
    let datagram = [0x80, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x62, 0x01, 0x93, 7];
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&datagram, ("127.0.0.1", port)).unwrap();
    wait_for("the datagram", || lines().last().is_some_and(|line| line["datagrams"] == 1));
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output).matches("waiting for RTP on").count(), 1, "{}", stderr(&output));
    let lines = lines();
    let starts: Vec<_> = lines.iter().filter(|line| line["ev"] == "tx.start").collect();
    assert_eq!((&starts[0]["payload"], &starts[1]["payload"]), (&"rtp-h264".into(), &"rtp-h265".into()));
    assert_ne!(starts[0]["session"], starts[1]["session"]);
    let announces: Vec<u64> = lines.iter().filter_map(|line| line["announces"].as_u64()).collect();
    assert!(announces.is_sorted(), "counters never go back: {announces:?}");
}

#[test]
fn a_port_that_nothing_comes_to_is_said_to_be_that_until_something_comes() {
    let desk = Desk::new();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = desk.command(&["--input", &format!("rtp:127.0.0.1:{port}"), "--air", &desk.air()]);
    let log = desk.path("log");
    let child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let is_said = |words: &str| std::fs::read_to_string(&log).unwrap().contains(words);
    wait_for("the silence", || is_said(&format!("no RTP for 5 s on udp:127.0.0.1:{port}")));
    let camera = UdpSocket::bind("127.0.0.1:0").unwrap();
    camera.send_to(&[0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x41, 0x9a], ("127.0.0.1", port)).unwrap();
    wait_for("its end", || is_said(&format!("what comes to udp:127.0.0.1:{port} is sent")));
    terminate(&child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}
