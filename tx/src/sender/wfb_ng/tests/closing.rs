//! What closing a block with its unit gives and costs, measured over the modelled air.

use skylark_common::air::sim::{self, Channel, Loss, ReceiverConfig};

use super::*;

/// How long each is measured.
const SECONDS: u32 = 15;

struct Outcome {
    lost_permille: usize,
    p50: Duration,
    p95: Duration,
    p99: Duration,
    airtime_permille: u64,
}

/// A modulation and the video it is given.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    mcs: u8,
    kbit_per_s: usize,
    /// Pictures a second.
    fps: u32,
}

/// Length of each datagram of a unit, a six-fold keyframe each second.
fn unit_lengths(unit: u32, Traffic { kbit_per_s, fps, .. }: Traffic) -> Vec<usize> {
    let mean_bytes = kbit_per_s * 1000 / 8 / fps as usize;
    let share = 60 + (unit.wrapping_mul(2_654_435_761) >> 16) as usize % 81;
    let bytes = if unit.is_multiple_of(fps) { mean_bytes * 6 } else { mean_bytes * share / 100 };
    let mut lengths = vec![1400; bytes / 1400];
    lengths.push(bytes % 1400 + 16);
    lengths
}

fn run(link: WfbNgConfig, traffic: Traffic, loss: Loss) -> Outcome {
    let (start, Traffic { mcs, fps, .. }) = (Instant::now(), traffic);
    let units = SECONDS * fps;
    let rate = TxRate { mcs, ..TxRate::default() };
    let mut sender = sender_of(link, SenderConfig { rate, ..SenderConfig::default() }, start);
    let receivers = vec![ReceiverConfig { loss, ..ReceiverConfig::default() }];
    let mut channel = Channel::new(sim::Config { receivers, ..sim::Config::default() }, 1, start);
    let (mut ground, mut came) = (ground(), vec![(0, start); units as usize]);
    let interval = Duration::from_secs(1) / fps;
    let mut now = start;
    for unit in 0..units {
        let lengths = unit_lengths(unit, traffic);
        for (at, len) in lengths.iter().enumerate() {
            let mut bytes = vec![0x41; *len];
            bytes[..4].copy_from_slice(&unit.to_be_bytes());
            let end_of_unit = at + 1 == lengths.len();
            let outgoing = Outgoing {
                stream: VIDEO_STREAM,
                bytes: &bytes,
                end_of_unit,
                keyframe: unit.is_multiple_of(fps),
                captured: now,
            };
            sender.push_datagram(outgoing, now).unwrap();
        }
        let end = start + interval * (unit + 1);
        while now < end {
            while let Some(frame) = sender.poll_transmit(now) {
                channel.inject(frame, now).unwrap();
            }
            while let Some((_, frame, at)) = channel.poll_capture(now) {
                for datagram in ground.hear(frame) {
                    let unit = u32::from_be_bytes(datagram[..4].try_into().unwrap()) as usize;
                    came[unit] = (came[unit].0 + 1, at);
                }
            }
            let next = [sender.poll_timeout(), channel.poll_timeout()].into_iter().flatten().min();
            now = next.map_or(end, |next| next.clamp(now + Duration::from_nanos(1), end));
        }
    }
    let mut took: Vec<Duration> = (0..units - 10)
        .filter(|unit| came[*unit as usize].0 == unit_lengths(*unit, traffic).len())
        .map(|unit| came[unit as usize].1 - (start + interval * unit))
        .collect();
    took.sort();
    let at = |percent: usize| took[took.len() * percent / 100];
    let lost_permille = 1000 - took.len() * 1000 / (units as usize - 10);
    let airtime_permille = sender.stats().airtime_us / u64::from(SECONDS) / 1000;
    Outcome { lost_permille, p50: at(50), p95: at(95), p99: at(99), airtime_permille }
}

/// Modulation and kbit/s of video: much room, some, little, and more than there is.
const AIRS: [(u8, usize); 5] = [(3, 4000), (1, 2000), (1, 4000), (1, 5500), (3, 11_000)];
/// Pictures a second.
const RATES: [u32; 2] = [60, 30];

fn outcomes(closing: Closing) -> impl Iterator<Item = (String, Outcome)> {
    let losses =
        [("none", Loss::None), ("5 %", Loss::Independent { share: 0.05 }), ("10 %", Loss::Independent { share: 0.1 })];
    let cell = move |traffic: Traffic, (name, loss): (&str, Loss)| {
        let link = WfbNgConfig { closing, ..WfbNgConfig::new(CHANNEL) };
        let Traffic { mcs, kbit_per_s, fps } = traffic;
        (format!("{fps}/s, MCS {mcs}, {kbit_per_s:5} kbit/s, loss {name:4}"), run(link, traffic, loss))
    };
    let traffics = RATES.map(|fps| AIRS.map(|(mcs, kbit_per_s)| Traffic { mcs, kbit_per_s, fps }));
    traffics.into_iter().flatten().flat_map(move |traffic| losses.clone().map(|loss| cell(traffic, loss)))
}

/// The table is compared exactly; what differs is shown and goes into the file.
#[test]
#[cfg_attr(target_arch = "aarch64", ignore = "takes minutes under emulation, and the numbers are the same")]
fn closing_with_the_unit_is_as_early_as_the_air_has_room_and_costs_nothing_where_it_has_none() {
    let mut table = String::new();
    for ((name, never), (_, closed)) in outcomes(Closing::Never).zip(outcomes(Closing::UnitEnds)) {
        assert!(closed.p50 <= never.p50 * 21 / 20 && closed.p95 <= never.p95 * 21 / 20, "{name}: later");
        assert!(closed.lost_permille <= never.lost_permille + 10, "{name}: more lost");
        table += &format!("{name}: open {never}, closed {closed}\n");
    }
    assert!(table == include_str!("closing.txt"), "{table}");
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lost_permille, p50, p95, p99, airtime_permille } = self;
        let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
        let (p50, p95, p99) = (ms(p50), ms(p95), ms(p99));
        write!(f, "{p50:.1} / {p95:.1} / {p99:.1} ms, {lost_permille} ‰ lost, {airtime_permille} ‰ of the air")
    }
}
