//! The machine around the cards: what this user may do, how fast the processor is, what the clock says.

use super::{Code, Finding, Purpose};
use crate::machine::Permissions;

/// 2026-01-01, in µs since 1970: a clock that says less was never set, this program is younger.
const NEVER_SET_BEFORE_US: u64 = 1_767_225_600_000_000;
/// Share of one core that sealing and repairing may take before the rest of the link gets too little: encoder
/// or decoder, drivers and window want most of it. ‰.
const BUSY_PERMILLE: u32 = 300;
/// More than a core of it cannot be done at all: one thread does it.
const IMPOSSIBLE_PERMILLE: u32 = 1000;
/// Processes that want to run, for each core: beyond this the link waits for its turn. ‰.
const CROWDED_PERMILLE: u32 = 2000;

/// The firmware's word on a Raspberry Pi (`get_throttled`): at this moment ...
const UNDER_VOLTAGE: u32 = 1 << 0;
const CAPPED: u32 = 1 << 1;
const THROTTLED: u32 = 1 << 2;
const HOT: u32 = 1 << 3;
/// ... and since the start.
const UNDER_VOLTAGE_BEFORE: u32 = 1 << 16;

/// What was measured and read about the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Processor {
    /// Share of one core that FEC and sealing of a 10 Mbit/s video take, in ‰.
    pub share_permille: u32,
    /// Processes that want to run, mean of a minute, for each core, in ‰.
    pub load_permille: u32,
    /// The highest frequency the settings allow and the highest there is, in kHz, where the system says them.
    pub frequency_khz: Option<(u32, u32)>,
    /// The firmware's flags about voltage and heat, where there are such.
    pub throttled: Option<u32>,
}

/// Whether this user may capture and inject.
#[must_use]
pub fn permissions(permissions: Permissions, purpose: Purpose) -> Finding {
    let Permissions { net_raw, net_admin } = permissions;
    let program = if matches!(purpose, Purpose::Transmit { .. }) { "skylark-tx" } else { "skylark-rx" };
    if !net_raw {
        let found = "this user may not capture and inject (CAP_NET_RAW is missing)";
        let fix = format!(
            "run skylark-setup with sudo; {program} also runs without, once it is allowed to by \
             `sudo setcap cap_net_raw,cap_net_admin,cap_sys_nice+ep $(command -v {program})`"
        );
        return Finding::fault(Code::Permissions, None, found, fix);
    }
    let admin = if net_admin { "and change cards" } else { "but not change cards (CAP_NET_ADMIN is missing)" };
    Finding::fine(Code::Permissions, None, format!("this user may capture and inject, {admin}"))
}

/// Whether the processor keeps up, worst first.
#[must_use]
pub fn processor(processor: &Processor) -> Vec<Finding> {
    let problems = [voltage(processor), speed(processor), frequency(processor), load(processor)];
    let problems: Vec<Finding> = problems.into_iter().flatten().collect();
    if !problems.is_empty() {
        return problems;
    }
    let percent = percent(processor.share_permille);
    vec![Finding::fine(Code::Cpu, None, format!("sealing and repairing 10 Mbit/s take {percent} % of a core"))]
}

/// Whether our wall clock, in µs since 1970, can be right.
#[must_use]
pub fn clock(unix_us: u64) -> Option<Finding> {
    (unix_us < NEVER_SET_BEFORE_US).then(|| {
        let year = 1970_u64.saturating_add(unix_us / 31_556_952_000_000);
        let found = format!("the clock of this machine says {year}, before this program was made");
        let fix = "set it by `sudo timedatectl set-ntp true` or a clock module: receivers tell a flight from a recording by it";
        Finding::warning(Code::Clock, None, found, fix)
    })
}

fn voltage(processor: &Processor) -> Option<Finding> {
    let flags = processor.throttled?;
    let has = |flag| flags & flag != 0;
    let warning = |found: &str, fix: &str| Some(Finding::warning(Code::Throttled, None, found, fix));
    if has(UNDER_VOLTAGE) {
        return warning("the board's supply voltage is too low", "use a stronger supply and a shorter cable");
    }
    if has(HOT) || has(THROTTLED) || has(CAPPED) {
        return warning("the board slows itself down for heat or voltage", "cool it, and use a stronger supply");
    }
    if has(UNDER_VOLTAGE_BEFORE) {
        let found = "the board's supply voltage was too low at some time since its start";
        return warning(found, "use a stronger supply: cards draw most while they send");
    }
    None
}

fn speed(processor: &Processor) -> Option<Finding> {
    let share = processor.share_permille;
    (share > BUSY_PERMILLE).then_some(())?;
    let percent = percent(share);
    let found = format!("sealing and repairing 10 Mbit/s take {percent} % of a core, expected less than 30 %");
    let fix = "use a faster machine, or less bitrate and redundancy";
    Some(if share > IMPOSSIBLE_PERMILLE {
        Finding::fault(Code::Cpu, None, found, fix)
    } else {
        Finding::warning(Code::Cpu, None, found, fix)
    })
}

fn frequency(processor: &Processor) -> Option<Finding> {
    let (allowed, highest) = processor.frequency_khz?;
    // A tenth below is what a manufacturer's own settings do.
    (u64::from(allowed) * 10 < u64::from(highest) * 9).then(|| {
        let found = format!("the processor is held at {} MHz of {}", allowed / 1000, highest / 1000);
        let fix = "raise `scaling_max_freq` in /sys/devices/system/cpu/cpufreq/policy0";
        Finding::warning(Code::Cpu, None, found, fix)
    })
}

fn load(processor: &Processor) -> Option<Finding> {
    let load = processor.load_permille;
    (load > CROWDED_PERMILLE).then(|| {
        let found = format!("{}.{} processes want to run on each core", load / 1000, load % 1000 / 100);
        Finding::warning(Code::Cpu, None, found, "end other programs; `top` shows them")
    })
}

fn percent(permille: u32) -> String {
    if permille < 100 { format!("{}.{}", permille / 10, permille % 10) } else { (permille / 10).to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, Width};
    use super::*;

    fn judged(judge: Processor) -> Vec<(Code, Severity)> {
        processor(&judge).iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    #[test]
    fn a_processor_is_judged_by_its_share() {
        let share = |share_permille| judged(Processor { share_permille, ..Processor::default() });
        assert_eq!(share(12), [(Code::Cpu, Severity::Fine)]);
        assert_eq!(share(301), [(Code::Cpu, Severity::Warning)]);
        assert_eq!(share(1001), [(Code::Cpu, Severity::Fault)]);
        let fine = processor(&Processor { share_permille: 12, ..Processor::default() });
        assert_eq!(fine[0].found, "sealing and repairing 10 Mbit/s take 1.2 % of a core");
    }

    #[test]
    fn voltage_frequency_and_load_are_warnings() {
        for flags in [UNDER_VOLTAGE, CAPPED, THROTTLED, HOT, UNDER_VOLTAGE_BEFORE] {
            let flags = Processor { throttled: Some(flags), ..Processor::default() };
            assert_eq!(judged(flags), [(Code::Throttled, Severity::Warning)]);
        }
        let held = Processor { frequency_khz: Some((600_000, 1_500_000)), ..Processor::default() };
        assert_eq!(judged(held), [(Code::Cpu, Severity::Warning)]);
        let free = Processor { frequency_khz: Some((1_500_000, 1_500_000)), throttled: Some(0), ..held };
        assert_eq!(judged(free), [(Code::Cpu, Severity::Fine)]);
        let busy = Processor { load_permille: 2450, ..Processor::default() };
        assert_eq!(processor(&busy)[0].found, "2.4 processes want to run on each core");
    }

    #[test]
    fn a_clock_that_was_never_set_says_its_year() {
        assert!(clock(60_000_000).unwrap().found.contains("says 1970,"));
        assert!(clock(1_700_000_000_000_000).unwrap().found.contains("says 2023,"));
        assert_eq!(clock(1_790_000_000_000_000), None);
    }

    #[test]
    fn missing_permissions_come_with_the_way_to_run_without_root() {
        let none = permissions(Permissions::default(), Purpose::Transmit { width: Width::Mhz20 });
        assert_eq!(none.severity, Severity::Fault);
        assert!(none.sentence().contains("+ep $(command -v skylark-tx)`"), "{}", none.sentence());
        assert!(none.sentence().contains("skylark-setup with sudo"), "it is given no capabilities");
        let raw = Permissions { net_raw: true, net_admin: false };
        assert_eq!(permissions(raw, Purpose::Receive).severity, Severity::Fine);
    }
}
