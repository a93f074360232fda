//! What the processor does in a short while, and what the system says of it.
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use skylark_common::fec::{Near, WindowEncoder};
use skylark_common::rtp::packetizer::Packetizer;
use skylark_common::seal::{LinkKey, SessionKey};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::{Kind, PacketHeader};
use skylark_setup::diagnose::Processor;

/// How long one round is measured: a hundred packets and more on anything that flies.
const ROUND: Duration = Duration::from_millis(12);
/// Of these the best counts: a round that was disturbed says nothing.
const ROUNDS: u32 = 3;
/// Datagrams of 1400 bytes in a second of 10 Mbit/s.
const DATAGRAMS_PER_S: u64 = 893;
/// Source packets between repairs: the usual redundancy is 50 %.
const SOURCES_PER_REPAIR: u32 = 2;
/// Symbols a repair covers: nine units of eight datagrams, 10 Mbit/s at 60 units/s being 15 a unit at most.
const SYMBOLS_COVERED: u32 = 64;

/// Measures, and reads what there is to read.
pub(super) fn measure() -> Processor {
    Processor {
        share_permille: (0..ROUNDS).map(|_| share_permille()).min().unwrap_or(0),
        load_permille: load_permille().unwrap_or(0),
        frequency_khz: frequency_khz(),
        throttled: throttled(Path::new("/sys")),
    }
}

/// Share of a core that a transmitter's FEC and cipher take at 10 Mbit/s.
fn share_permille() -> u32 {
    let session = SessionKey::derive(&LinkKey::from_bytes([1; LinkKey::LEN]), &[2; 16]);
    let link = LinkId::from_number(0);
    let mut header = PacketHeader { link, stream: 0, kind: Kind::Source, session: session.id(), sequence: 0 };
    let mut encoder = WindowEncoder::new();
    let symbol = [7; Packetizer::DEFAULT_MAX_DATAGRAM_BYTES];
    let (started, mut datagrams) = (spent(), 0_u64);
    while spent().saturating_sub(started) < ROUND {
        let esi = encoder.push(&symbol);
        header.sequence = esi;
        black_box(session.seal(&header, &mut symbol.clone()));
        if esi.is_multiple_of(SOURCES_PER_REPAIR) {
            let first = esi.saturating_sub(SYMBOLS_COVERED);
            encoder.repairs(first, Near::default(), &[1], |_, repair| {
                black_box(session.seal(&header, &mut repair.to_vec()));
            });
        }
        datagrams += 1;
    }
    let second = u128::from(datagrams.max(1)) * 1_000_000_000;
    let permille = spent().saturating_sub(started).as_nanos() * u128::from(DATAGRAMS_PER_S) * 1000 / second;
    u32::try_from(permille).unwrap_or(u32::MAX)
}

/// Time this thread had the processor: what others took of it is the load's affair.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Mean number of processes that want to run, for each core.
fn load_permille() -> Option<u32> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let (whole, hundredths) = text.split(' ').next()?.split_once('.')?;
    let whole = whole.parse::<u32>().ok()?.checked_mul(1000)?;
    let load_permille = whole.checked_add(hundredths.parse::<u32>().ok()?.checked_mul(10)?)?;
    let cores = std::thread::available_parallelism().ok()?;
    Some(load_permille / u32::try_from(cores.get()).ok()?)
}

fn frequency_khz() -> Option<(u32, u32)> {
    let read = |name: &str| number(&Path::new("/sys/devices/system/cpu/cpufreq/policy0").join(name), 10);
    Some((read("scaling_max_freq")?, read("cpuinfo_max_freq")?))
}

/// The firmware's flags on a Raspberry Pi: `soc:firmware` up to the fourth, `soc@107c000000:firmware` from the fifth.
fn throttled(sys: &Path) -> Option<u32> {
    let devices = fs::read_dir(sys.join("bus/platform/devices")).ok()?.filter_map(Result::ok);
    let firmware = devices.filter(|device| device.file_name().to_string_lossy().contains("firmware"));
    firmware.map(|device| device.path().join("get_throttled")).find_map(|path| number(&path, 16))
}

fn number(path: &Path, radix: u32) -> Option<u32> {
    let text = fs::read_to_string(path).ok()?;
    u32::from_str_radix(text.trim().trim_start_matches("0x"), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_firmware_is_found_wherever_the_board_has_it() {
        for name in ["soc:firmware", "soc@107c000000:firmware"] {
            let sys = tempfile::tempdir().unwrap();
            let devices = sys.path().join("bus/platform/devices");
            fs::create_dir_all(devices.join("firmware:gpio")).unwrap();
            fs::create_dir_all(devices.join(name)).unwrap();
            fs::write(devices.join(name).join("get_throttled"), "50005\n").unwrap();
            assert_eq!(throttled(sys.path()), Some(0x50005), "{name}");
        }
        assert_eq!(throttled(Path::new("/nowhere")), None);
    }
}
