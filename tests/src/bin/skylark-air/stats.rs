//! One JSON line a second, for machines.

use std::io;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::control::Control;
use crate::history::Snapshot;
use skylark_common::lines::Lines;
use skylark_common::options::StatsTarget;

/// Where the lines go. The air never waits for whoever reads them, and outlives them.
#[derive(Debug)]
pub(crate) struct StatsWriter(Lines);

/// All counters are cumulative since the start.
#[derive(Debug, Serialize)]
struct Line<'a> {
    ev: &'static str,
    t_ms: u128,
    frames: u64,
    bytes: u64,
    airtime_us: u128,
    refused_busy: u64,
    refused_malformed: u64,
    receivers: Vec<ReceiverLine<'a>>,
}

#[derive(Debug, Serialize)]
struct ReceiverLine<'a> {
    to: &'a str,
    signal_dbm: i8,
    noise_dbm: i8,
    loss: &'a str,
    cut: bool,
    on_air: u64,
    heard: u64,
    damaged: u64,
    lost: u64,
    overflowed: u64,
    unheard: u64,
}

impl StatsWriter {
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn open(target: &StatsTarget) -> Result<Self> {
        Lines::open(target, tell_end).map(Self).with_context(|| format!("--stats {target}"))
    }

    #[cfg(test)]
    pub(crate) fn to(sink: impl io::Write + Send + 'static) -> Self {
        Self(Lines::to(sink, tell_end))
    }

    /// Adds the line of this moment.
    pub(crate) fn write(&self, snapshot: &Snapshot, controls: &[Control]) {
        self.0.push(line(snapshot, controls));
    }
}

#[expect(clippy::print_stderr, reason = "tells people, once, that nobody reads any more or the disk is full")]
#[expect(clippy::needless_pass_by_value, reason = "what a callback is given")]
fn tell_end(error: io::Error) {
    eprintln!("skylark-air: stats end here, they cannot be written: {error}");
}

fn line(snapshot: &Snapshot, controls: &[Control]) -> String {
    let counted = snapshot.receivers.iter().zip(&snapshot.unheard);
    let receivers = controls.iter().zip(counted).map(|(control, (stats, unheard))| ReceiverLine {
        to: &control.address,
        signal_dbm: control.signal_dbm,
        noise_dbm: control.noise_dbm,
        loss: &control.loss.name,
        cut: control.cut,
        on_air: stats.on_air,
        heard: stats.heard,
        damaged: stats.damaged,
        lost: stats.lost,
        overflowed: stats.overflowed,
        unheard: *unheard,
    });
    let line = Line {
        ev: "air.stats",
        t_ms: snapshot.at.as_millis(),
        frames: snapshot.channel.injected,
        bytes: snapshot.channel.bytes,
        airtime_us: snapshot.channel.airtime.as_micros(),
        refused_busy: snapshot.channel.refused_busy,
        refused_malformed: snapshot.channel.refused_malformed,
        receivers: receivers.collect(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use skylark_common::air::sim::{ChannelStats, ReceiverStats};

    use super::*;

    #[test]
    fn a_line_is_one_json_object_with_units_in_its_names() {
        let snapshot = Snapshot {
            at: Duration::from_millis(1500),
            channel: ChannelStats { injected: 10, airtime: Duration::from_micros(77), ..ChannelStats::default() },
            receivers: vec![ReceiverStats { on_air: 10, heard: 9, lost: 1, ..ReceiverStats::default() }],
            unheard: vec![3],
        };
        let control = Control::new(&"h:1,loss=random:10%".parse().unwrap());
        let expected = concat!(
            r#"{"ev":"air.stats","t_ms":1500,"frames":10,"bytes":0,"airtime_us":77,"refused_busy":0,"#,
            r#""refused_malformed":0,"receivers":[{"to":"h:1","signal_dbm":-55,"noise_dbm":-95,"loss":"random:10%","#,
            r#""cut":false,"on_air":10,"heard":9,"damaged":0,"lost":1,"overflowed":0,"unheard":3}]}"#
        );
        assert_eq!(line(&snapshot, &[control]), expected);
    }
}
