//! Which frames the kernel hands on: filters as libpcap compiles them for link type 127 (pcap-filter(7)).
//!
//! `radio` counts from the radiotap header's start, `wlan` from the 802.11 header behind it, wherever that
//! begins. Bit 15 of the first present word (bit 7 of byte 5) is TX flags: a header that a program wrote or
//! that reports what became of a frame of this machine. No driver sets it for a frame it heard.

/// Data frames of any link of either dialect, heard and not sent by this machine: address 2 begins as Skylark's
/// ([`packet`](crate::wire::packet)) or as WFB-NG's ([`channel`](crate::wfb_ng::channel)), which may also come as RTS.
pub(super) const HEARD: &str = "((wlan[0] = 0x08 and (wlan[10:2] = 0x564c or wlan[10:2] = 0x5742)) \
     or (wlan[0] = 0xb4 and wlan[10:2] = 0x5742)) and radio[5] & 0x80 = 0";

/// Reports of Skylark's announces of any version: sent ten times a second, they are a sample of all frames.
pub(super) const REPORTED_ANNOUNCES: &str =
    "wlan[0] = 0x08 and wlan[10:2] = 0x564c and wlan[17] & 0x0f = 4 and radio[5] & 0x80 != 0";

#[cfg(test)]
mod tests {
    use pcap::{BpfProgram, Capture, Linktype};

    use super::*;
    use crate::wfb_ng::channel::ChannelId;
    use crate::wire::link::LinkId;
    use crate::wire::packet::{Kind, PacketHeader};

    /// Radiotap headers: heard, of two lengths; as a program writes it; as mac80211 reports a frame.
    const HEARD_SHORT: &[u8] = &[0, 0, 8, 0, 0, 0, 0, 0];
    const HEARD_LONG: &[u8] = &[0, 0, 12, 0, 0x22, 0x40, 0, 0x80, 0, 0, 0, 0];
    const WRITTEN: &[u8] = &[0, 0, 13, 0, 0, 0x80, 8, 0, 8, 0, 0x37, 0, 1];
    const REPORT: &[u8] = &[0, 0, 12, 0, 0, 0x80, 2, 0, 0, 0, 0, 0];

    fn program(text: &str) -> BpfProgram {
        Capture::dead(Linktype(127)).unwrap().compile(text, true).unwrap()
    }

    fn frame(radiotap: &[u8], kind: Kind) -> Vec<u8> {
        let header = PacketHeader { link: LinkId::from_number(7), stream: 0, kind, session: 1, sequence: 2 };
        [radiotap, &header.emit(), b"body"].concat()
    }

    #[test]
    fn data_frames_of_every_link_are_heard_and_own_ones_are_not() {
        let heard = program(HEARD);
        for kind in [Kind::Source, Kind::WindowRepair, Kind::BlockRepair, Kind::Announce] {
            assert!(heard.filter(&frame(HEARD_SHORT, kind)) && heard.filter(&frame(HEARD_LONG, kind)));
            assert!(!heard.filter(&frame(WRITTEN, kind)) && !heard.filter(&frame(REPORT, kind)));
        }
    }

    #[test]
    fn frames_of_wfb_ng_are_heard_as_data_and_as_rts() {
        let heard = program(HEARD);
        for control in [0x08, 0xb4] {
            let mut frame = [HEARD_LONG, &ChannelId::new(1, 0).dot11().emit(), b"body"].concat();
            frame[HEARD_LONG.len()] = control;
            assert!(heard.filter(&frame), "{control:#x}");
        }
        let mut rts = frame(HEARD_LONG, Kind::Source);
        rts[HEARD_LONG.len()] = 0xb4;
        assert!(!heard.filter(&rts), "of others");
    }

    #[test]
    fn other_frames_are_not_heard() {
        let heard = program(HEARD);
        for at in [0, 10, 11] {
            let mut other = frame(HEARD_LONG, Kind::Source);
            other[HEARD_LONG.len() + at] ^= 0x80;
            assert!(!heard.filter(&other), "byte {at}");
        }
        for len in 0..HEARD_LONG.len() + 12 {
            assert!(!heard.filter(&frame(HEARD_LONG, Kind::Source)[..len]), "{len} bytes");
        }
    }

    #[test]
    fn only_reports_of_announces_are_counted() {
        let reported = program(REPORTED_ANNOUNCES);
        assert!(reported.filter(&frame(REPORT, Kind::Announce)));
        assert!(!reported.filter(&frame(REPORT, Kind::Source)));
        assert!(!reported.filter(&frame(HEARD_LONG, Kind::Announce)));
    }

    #[test]
    fn the_kernel_accepts_programs_of_this_length() {
        assert!([HEARD, REPORTED_ANNOUNCES].iter().all(|text| program(text).get_instructions().len() < 40));
    }
}
