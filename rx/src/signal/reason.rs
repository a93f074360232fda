//! Each [`Signal`] in one sentence: what is found, what was expected, and what to do.

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::VERSION;

use super::{Listening, Names, Signal, Target};
use crate::board::Network;

impl Signal {
    /// One sentence: what is found, and what to do where something can be done.
    pub(crate) fn reason(self, names: &Names) -> String {
        match self {
            Self::Picture => "pictures arrive".to_owned(),
            Self::Damaged => {
                "pictures arrive with parts missing, which are filled in until repairs or the next keyframe make them good".to_owned()
            }
            Self::Receiving => "datagrams arrive".to_owned(),
            Self::Frozen => "the transmitter is heard, but no picture can be decoded".to_owned(),
            Self::NoKeyframe => "the transmitter is heard; waiting for its next keyframe".to_owned(),
            Self::NoVideo => "the transmitter is heard, but sends no video: is its camera running?".to_owned(),
            Self::NotH264(payload) => {
                format!(
                    "the stream is {}, of which no picture is made here: --output rtp:HOST:PORT hands it on",
                    describe(payload)
                )
            }
            Self::OtherKey => other_key(&names.target),
            Self::OtherVersion(found) => format!(
                "this link is heard in protocol version {found}, expected {VERSION}: both ends need the same release"
            ),
            Self::RefusedSession(error) => {
                format!("wfb-ng link {} is heard, its session packet is not taken: {error}", names.target)
            }
            Self::NoSession => format!(
                "wfb-ng link {} is heard; waiting for its session packet, which comes once a second", names.target
            ),
            Self::OtherLink(found) => other_link(found, names),
            Self::OtherChannel(found) => other_channel(found, names),
            Self::OtherDialect => other_dialect(&names.target),
            Self::NoLink => no_link(&names.target),
            Self::DeafCards => "no card can hear: skylark-setup doctor says why".to_owned(),
            Self::Nothing => nothing(names),
        }
    }
}

fn other_key(target: &Target) -> String {
    match target {
        Target::Skylark { fingerprint, .. } => {
            format!("this link is heard, but key {fingerprint:08x} does not open it: both ends need the same key file")
        }
        Target::WfbNg { channel, key } => {
            let (ground, aircraft) = ("gs.key on the ground", "drone.key on the aircraft");
            let (here, there) = if channel.goes_up() { (aircraft, ground) } else { (ground, aircraft) };
            format!(
                "wfb-ng link {channel} is heard, and {key} does not open its session packet: both must be of one pair, \
                 {here} and {there}"
            )
        }
    }
}

fn other_link(found: LinkId, names: &Names) -> String {
    let Names { link_name, target, .. } = names;
    format!("only link {found} is heard, expected {target} ({link_name}): is --link the same at both ends?")
}

/// What is heard differs from what is listened for in its link id, else in its port. Every aircraft sends on several
/// ports: that one of them is heard says that the link is, and seldom that the port is wrong.
fn other_channel(found: ChannelId, names: &Names) -> String {
    let heard = format!("only wfb-ng link {found} is heard, expected {}", names.target);
    match &names.target {
        Target::WfbNg { channel, .. } if channel.link_id() == found.link_id() => {
            let (link, wanted, port) = (channel.link_id(), channel.radio_port(), found.radio_port());
            if wanted == ChannelId::VIDEO {
                format!("link {link} is heard (port {port}), but not its video (port {wanted}): is its camera running?")
            } else if channel.goes_up() == found.goes_up() {
                format!("{heard}: if that is the one, say --radio-port {port}")
            } else {
                let sender = if channel.goes_up() { "ground" } else { "aircraft" };
                format!("{heard}: does the {sender} send on that port?")
            }
        }
        Target::WfbNg { .. } | Target::Skylark { .. } => {
            format!("{heard}: if that is the one, say --link-id {}", found.link_id())
        }
    }
}

fn other_dialect(target: &Target) -> String {
    match target {
        Target::Skylark { .. } => "only wfb-ng frames are heard: add --dialect wfb-ng and --key gs.key".to_owned(),
        Target::WfbNg { .. } => "only a Skylark link is heard: leave out --dialect wfb-ng".to_owned(),
    }
}

fn no_link(target: &Target) -> String {
    let link = match target {
        Target::Skylark { .. } => "a Skylark link",
        Target::WfbNg { .. } => "a wfb-ng link",
    };
    format!("frames are heard, but none of {link}: is the transmitter on, and on this channel?")
}

fn nothing(names: &Names) -> String {
    let sentence = match names.listening {
        Listening::Recordings => "nothing is heard: is there a link in this recording?",
        Listening::Hosts => "nothing is heard: is the transmitter on, and does it send to this host and port?",
        Listening::Cards | Listening::Relays => {
            "nothing is heard: is the transmitter on, and on this channel? skylark-setup doctor looks for it"
        }
    };
    sentence.to_owned()
}

/// Why relays bring nothing of a transmitter, of which so many are heard.
pub(crate) fn silence_of_relays(network: Option<&Network>, relays: usize, names: &Names) -> String {
    match (network, relays) {
        (Some(Network::Unreached(endpoints)), 0) => unreached(endpoints),
        (Some(Network::Others), 0) => no_relay_of_this_link(names),
        (_, 0) => {
            "no relay is heard: is one running in this network (skylark-rx relay)? In others: relays:HOST".to_owned()
        }
        (_, 1) => "the relay hears no transmitter: is it on, and on the channel of the relay's cards?".to_owned(),
        (_, several) => {
            format!("{several} relays are heard, and none hears the transmitter: is it on, and on their channel?")
        }
    }
}

/// Nobody answers where relays were to be.
pub(crate) fn unreached(endpoints: &str) -> String {
    format!("{endpoints} is not reached: is the name right, is it running, and does its firewall let TCP in?")
}

/// Somebody is there, and says nothing of this link: relays of others are not heard.
fn no_relay_of_this_link(names: &Names) -> String {
    match &names.target {
        Target::Skylark { .. } => {
            "no relay of this link is heard: is --link the same at both ends (skylark-rx relay --link NAME), and the \
             dialect?"
                .to_owned()
        }
        Target::WfbNg { channel, .. } => {
            let (link_id, radio_port) = (channel.link_id(), channel.radio_port());
            format!(
                "no relay of this stream is heard: is one running with --dialect wfb-ng --link-id {link_id} --radio-port \
                 {radio_port}?"
            )
        }
    }
}

fn describe(payload: Payload) -> String {
    match payload {
        Payload::Opaque => "datagrams of an unknown kind".to_owned(),
        Payload::Rtp => "RTP without H.264".to_owned(),
        Payload::H264 | Payload::RtpH264 => "H.264".to_owned(),
        Payload::RtpH265 => "H.265".to_owned(),
        Payload::Unknown(kind) => format!("of a kind ({kind}) this release does not know"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::State;
    use crate::signal::tests::{names, wfb_ng_names};
    use skylark_common::wfb_ng::session::SessionError;

    #[test]
    fn relays_that_bring_nothing_are_told_apart() {
        let unreached = Network::Unreached("tcp/nonsense:7447".to_owned());
        assert!(silence_of_relays(Some(&unreached), 0, &names()).starts_with("tcp/nonsense:7447 is not reached"));
        assert!(silence_of_relays(Some(&Network::Others), 0, &names()).contains("--link the same"));
        let of_a_stream = silence_of_relays(Some(&Network::Others), 0, &wfb_ng_names());
        assert!(of_a_stream.contains("--dialect wfb-ng --link-id"), "{of_a_stream}");
        assert!(silence_of_relays(Some(&Network::Alone), 0, &names()).contains("is one running"));
        assert!(silence_of_relays(Some(&Network::Others), 3, &names()).starts_with("3 relays"));
    }

    #[test]
    fn reasons_name_what_was_found_and_what_was_expected() {
        let reason = |signal: Signal| signal.reason(&names());
        assert!(reason(Signal::OtherKey).contains("key 1a2b3c4d"));
        assert!(reason(Signal::OtherVersion(7)).contains("version 7, expected 1"));
        let other = LinkId::from_name("other");
        let sentence = reason(Signal::OtherLink(other));
        assert!(sentence.contains(&other.to_string()) && sentence.contains("(hill)"), "{sentence}");
        assert!(reason(Signal::Nothing).contains("host and port"));
        assert!(reason(Signal::OtherDialect).contains("add --dialect wfb-ng"));
        let cards = Names { listening: Listening::Cards, ..names() };
        assert!(Signal::Nothing.reason(&cards).contains("channel"));
        assert_eq!(Signal::OtherLink(other).state(), State::None);
        assert_eq!(Signal::NoKeyframe.state(), State::Waiting);
    }

    #[test]
    fn of_a_wfb_ng_link_the_sentence_names_the_option_that_mends_it() {
        let reason = |signal: Signal| signal.reason(&wfb_ng_names());
        assert!(reason(Signal::OtherChannel(ChannelId::new(5, 0))).ends_with("--link-id 5"));
        assert!(reason(Signal::OtherKey).contains("gs.key does not open its session packet"));
        assert!(reason(Signal::OtherDialect).ends_with("leave out --dialect wfb-ng"));
        let unknown = reason(Signal::RefusedSession(SessionError::Code(2)));
        assert!(unknown.contains("FEC type 2, expected 1"), "{unknown}");
        assert_eq!(Signal::NoSession.state(), State::Waiting);
    }

    #[test]
    fn another_port_of_the_wanted_link_is_no_reason_to_listen_there_instead_of_for_its_video() {
        let reason = |wanted, found| {
            let target = Target::WfbNg { channel: ChannelId::new(7_669_206, wanted), key: "gs.key".to_owned() };
            let names = Names { target, ..wfb_ng_names() };
            Signal::OtherChannel(ChannelId::new(7_669_206, found)).reason(&names)
        };
        let video = "link 7669206 is heard (port 16), but not its video (port 0): is its camera running?";
        assert_eq!(reason(0, 16), video);
        let heard = "only wfb-ng link 7669206 port 32 is heard, expected 7669206 port 16";
        assert_eq!(reason(16, 32), format!("{heard}: if that is the one, say --radio-port 32"));
        assert!(reason(16, 144).ends_with("does the aircraft send on that port?"), "one goes up, one down");
        assert!(reason(144, 16).ends_with("does the ground send on that port?"));
    }
}
