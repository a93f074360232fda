//! The parts of the bench: which cells are flown, and how they are told.

use std::time::Duration;

use skylark_common::air::sim::Loss;
use skylark_common::fec::{Code, FecConfig};
use skylark_tests::tables::in_parallel;

use crate::clip::{self, Clip};
use crate::curves;
use crate::flight::{Conditions, seen};
use crate::screen::{Policy, Seen};
use crate::video::Video;

/// A part, by its name: whether only a few of its cells are wanted is the last argument.
type Part = (&'static str, fn(&Clip, bool));

pub(crate) const PARTS: [Part; 8] = [
    ("target", target),
    ("early", early),
    ("loss", loss),
    ("budget", budget),
    ("redundancy", redundancy),
    ("window", window),
    ("policy", policy),
    ("keyframes", keyframes),
];

const SECOND: Duration = Duration::from_secs(1);
/// After how long the program shows damage when nothing else is said.
const EARLY: Duration = Duration::from_millis(85);

/// A row of a table.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) conditions: Conditions,
}

/// Flies all rows and prints them.
pub(crate) fn print(video: &Video<'_>, title: &str, rows: &[Row]) -> Vec<Seen> {
    println!("\n{title}: {}, {:.2} Mbit/s, {} s", video.clip.name, video.bits_per_s() / 1e6, video.units.len() / 60);
    println!("{:56} PSNR   SSIM  in its turn    late  missing  damaged   freezes  longest", "");
    println!("{:56}   dB                 dB       %                    > 0.1 s       ms", "");
    let seen = in_parallel(rows, |row| {
        let seen = seen(video, &row.conditions);
        eprintln!("{title}: {} is done", row.name);
        seen
    });
    for (row, seen) in rows.iter().zip(&seen) {
        let Seen { decoded, on_time, late_percent, missing, damaged, freezes, longest } = seen;
        let (name, longest_ms) = (&row.name, longest.as_secs_f64() * 1e3);
        println!(
            "{name:54} {:6.2} {:.4} {:12.2} {late_percent:7.1} {missing:8} {damaged:8} {freezes:9} {longest_ms:8.0}",
            decoded.psnr_db, decoded.ssim, on_time.psnr_db,
        );
    }
    seen
}

pub(crate) fn independent(share: f64) -> Loss {
    if share > 0.0 { Loss::Independent { share } } else { Loss::None }
}

pub(crate) fn bursts(share: f64) -> Loss {
    if share > 0.0 { Loss::Bursts { share, mean_frames: 5.0 } } else { Loss::None }
}

/// What choices are judged by.
fn judges() -> Vec<(&'static str, Loss)> {
    let fades = Loss::Fades { share: 0.1, mean: Duration::from_millis(20), inside: 0.9 };
    vec![
        ("independent 20 %", independent(0.2)),
        ("independent 30 %", independent(0.3)),
        ("bursts of 5, 10 %", bursts(0.1)),
        ("bursts of 5, 20 %", bursts(0.2)),
        ("fades of 20 ms, 10 %", fades),
    ]
}

fn rows<T: Copy>(choices: &[T], quick: bool, name: impl Fn(T) -> String, set: impl Fn(T, &mut Conditions)) -> Vec<Row> {
    let judges = judges().into_iter().filter(|(name, _)| !quick || name.starts_with("bursts of 5, 10"));
    let row = |loss: &str, conditions: &Conditions, choice| {
        let mut conditions = conditions.clone();
        set(choice, &mut conditions);
        Row { name: format!("{loss:24} {}", name(choice)), conditions }
    };
    judges
        .map(|(name, loss)| (name, Conditions { loss, ..Conditions::default() }))
        .flat_map(|(name, conditions)| choices.iter().map(move |choice| (name, conditions.clone(), *choice)))
        .map(|(loss, conditions, choice)| row(loss, &conditions, choice))
        .collect()
}

fn pictures(quick: bool) -> usize {
    if quick { 300 } else { 1200 }
}

fn video(clip: &Clip, quick: bool) -> Video<'_> {
    Video::new(clip, Video::encoded(clip, pictures(quick), 8_000_000, SECOND), 5)
}

/// The targets: 60 s at 720p60, one card.
fn target(clip: &Clip, quick: bool) {
    let camera = clip::camera();
    let clips = [Some(clip), camera.as_ref()];
    for clip in clips.into_iter().flatten() {
        for bits_per_s in [4_000_000, 8_000_000] {
            let units = Video::encoded(clip, 3 * pictures(quick), bits_per_s, SECOND);
            let video = Video::new(clip, units, 2);
            let losses =
                [("none", Loss::None), ("independent 20 %", independent(0.2)), ("bursts of 5, 10 %", bursts(0.1))];
            let row = |(name, loss): (&str, Loss)| Row {
                name: name.to_owned(),
                conditions: Conditions { loss, early: Some(EARLY), ..Conditions::default() },
            };
            print(&video, "target, MCS 3", &losses.map(row));
        }
    }
}

/// How long the picture may stand before damage is shown.
fn early(clip: &Clip, quick: bool) {
    let choices = [Some(45), Some(60), Some(75), Some(85), None];
    let name = |choice: Option<u64>| choice.map_or("never".to_owned(), |ms| format!("after {ms} ms"));
    let rows = rows(&choices, quick, name, |choice, conditions| conditions.early = choice.map(Duration::from_millis));
    for bits_per_s in [4_000_000, 8_000_000] {
        let units = Video::encoded(clip, pictures(quick), bits_per_s, SECOND);
        print(&Video::new(clip, units, 4), "early", &rows);
    }
}

/// Loss from 0 to 40 %, by itself and in bursts, one to three cards.
fn loss(clip: &Clip, quick: bool) {
    let video = video(clip, quick);
    let percents: &[u32] = if quick { &[0, 20] } else { &[0, 5, 10, 20, 30, 40] };
    let mut rows = Vec::new();
    for (cards, is_burst) in [1, 2, 3].into_iter().flat_map(|cards| [(cards, false), (cards, true)]) {
        for (protection, percent) in PROTECTIONS.iter().flat_map(|p| percents.iter().map(move |s| (p, *s))) {
            let (name, code, redundancy_permille) = *protection;
            let share = f64::from(percent) / 100.0;
            let (pattern, loss) =
                if is_burst { ("bursts of 5", bursts(share)) } else { ("independent", independent(share)) };
            let fec = FecConfig { code, redundancy_permille, ..FecConfig::default() };
            let name = format!("{cards} card{} {pattern:11} {percent:2} %  {name}", if cards > 1 { "s" } else { " " });
            rows.push(Row { name, conditions: Conditions { loss, cards, fec, ..Conditions::default() } });
        }
    }
    let seen = print(&video, "loss", &rows);
    if !quick {
        curves::draw(percents, &PROTECTIONS.map(|(name, ..)| name), &seen);
    }
}

/// What protects the video in the curves: name, code, repairs per thousand source packets.
const PROTECTIONS: [(&str, Code, u16); 3] =
    [("window 50 %", Code::Window, 500), ("window 75 %", Code::Window, 750), ("block 50 %", Code::Block, 500)];

/// How long a missing datagram holds back those behind it.
fn budget(clip: &Clip, quick: bool) {
    let name = |ms| format!("budget {ms:3} ms");
    let rows = rows(&[50, 66, 80, 100, 150, 200], quick, name, |ms, conditions| {
        conditions.budget = Duration::from_millis(ms);
    });
    print(&video(clip, quick), "budget", &rows);
}

/// Repairs per source packet. A burst takes the longer to be repaired, the less is sent.
fn redundancy(clip: &Clip, quick: bool) {
    let name = |permille: u16| format!("redundancy {:3} %", permille / 10);
    let choices = [250, 500, 600, 750, 1000];
    let rows = rows(&choices, quick, name, |permille, conditions| conditions.fec.redundancy_permille = permille);
    for bits_per_s in [4_000_000, 8_000_000] {
        let units = Video::encoded(clip, pictures(quick), bits_per_s, SECOND);
        print(&Video::new(clip, units, 4), "redundancy", &rows);
    }
}

/// Units a repair covers beside its own.
fn window(clip: &Clip, quick: bool) {
    let rows = rows(
        &[2, 4, 6, 8, 12],
        quick,
        |units| format!("window {units:2}"),
        |units, conditions| {
            conditions.fec.window_units = units;
        },
    );
    print(&video(clip, quick), "window", &rows);
}

/// What is done with damaged pictures.
fn policy(clip: &Clip, quick: bool) {
    let choices = [("show", 0), ("hold 50 ms", 50), ("hold 100 ms", 100), ("hold 250 ms", 250), ("resync", 10_000)];
    let name = |choice: (&str, _)| choice.0.to_owned();
    let rows = rows(&choices, quick, name, |(_, ms), conditions| {
        conditions.budget = Duration::from_millis(66);
        conditions.policy = if ms == 0 { Policy::Show } else { Policy::Hold(Duration::from_millis(ms)) };
    });
    print(&video(clip, quick), "policy", &rows);
}

/// Time from keyframe to keyframe.
fn keyframes(clip: &Clip, quick: bool) {
    for seconds in [1, 2, 5] {
        let units = Video::encoded(clip, pictures(quick), 8_000_000, SECOND * seconds);
        let rows = rows(&[()], quick, |()| String::new(), |(), _| ());
        print(&Video::new(clip, units, 4), &format!("a keyframe every {seconds} s"), &rows);
    }
}
