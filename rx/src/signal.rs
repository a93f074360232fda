//! Why there is a picture or none, in words a pilot can act on.

use std::time::{Duration, Instant};

use crate::stats::Hearing;
use serde::Serialize;
use skylark_common::options::AirTarget;
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;
use skylark_common::wire::packet::VERSION;

use crate::args::Source;
use crate::board::Network;

/// Silence of a transmitter longer than this is no signal: it announces itself every 100 ms, and ten
/// announces in a row are not lost by chance.
const SILENCE: Duration = Duration::from_secs(1);
/// What was heard longer ago than this says nothing about why there is silence.
const MEMORY: Duration = Duration::from_secs(3);
/// A picture older than this is frozen, and says so, unless pictures come more slowly than that.
const FROZEN: Duration = Duration::from_millis(250);
/// Pictures that are missing before the last one is frozen.
const MISSING_PICTURES: u32 = 3;
/// However slowly pictures are said to come, one this old is frozen.
const ALWAYS_FROZEN: Duration = Duration::from_secs(5);

/// What decides whether there is a signal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evidence {
    /// What the air sounds like.
    pub(crate) hearing: Hearing,
    /// When an authentic frame was last heard, and what the stream is.
    pub(crate) session: Option<(Instant, Payload)>,
    /// When a datagram of video was last handed on.
    pub(crate) last_datagram: Option<Instant>,
    /// When a picture of this session was last decoded.
    pub(crate) last_picture: Option<Instant>,
    /// Time from picture to picture, as the transmitter says.
    pub(crate) picture_interval: Option<Duration>,
    /// Whether something is filled in in that picture.
    pub(crate) concealed: bool,
    /// Whether this program decodes at all.
    pub(crate) decodes: bool,
}

/// Whether there is a signal, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Pictures come.
    Picture,
    /// Pictures come, and something is filled in in the last one.
    Damaged,
    /// Datagrams come, and nobody asked for pictures.
    Receiving,
    /// Pictures came in this session, and have stopped while the transmitter is heard.
    Frozen,
    /// The transmitter is heard, and nothing can be decoded before a keyframe.
    NoKeyframe,
    /// The transmitter is heard, and sends no video.
    NoVideo,
    /// The stream is something this program does not decode.
    NotH264(Payload),
    /// This link is heard, sealed with another key.
    OtherKey,
    /// This link is heard, in a protocol version this program does not speak.
    OtherVersion(u8),
    /// Only another link is heard.
    OtherLink(LinkId),
    /// Frames are heard, and none of Skylark.
    NotSkylark,
    /// No card can hear anything, for a reason that is known.
    DeafCards,
    /// Nothing at all is heard.
    Nothing,
}

/// What a [`Signal`] is called in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// All is well.
    Good,
    /// Pictures come, with something filled in.
    Damaged,
    /// The transmitter is heard, and there is no picture.
    Waiting,
    /// There was a picture, and it does not move.
    Frozen,
    /// The transmitter is not heard.
    None,
}

impl State {
    /// Whether pictures come, whatever they are worth.
    #[cfg(feature = "window")]
    pub(crate) fn has_pictures(self) -> bool {
        matches!(self, Self::Good | Self::Damaged)
    }
}

/// What this end is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The link's name.
    pub(crate) link_name: String,
    /// The link's number on the air.
    pub(crate) link: LinkId,
    /// The key's fingerprint.
    pub(crate) fingerprint: u32,
    /// What it listens to.
    pub(crate) listening: Listening,
}

/// What the airs are, as far as that tells why there is silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listening {
    /// Recordings: what was captured when, tells nothing about the present.
    Recordings,
    /// One of them at least is a host and port.
    Hosts,
    /// Cards.
    Cards,
    /// Relays and nothing else.
    Relays,
}

impl Names {
    /// Whether every air is a recording.
    pub(crate) fn are_recordings(&self) -> bool {
        self.listening == Listening::Recordings
    }
}

impl Listening {
    /// What these airs come to; none are cards.
    pub(crate) fn to(airs: &[Source]) -> Self {
        let is_recording = |air: &Source| matches!(air, Source::Air(AirTarget::Pcap(_)));
        match airs {
            [] => Self::Cards,
            airs if airs.iter().all(is_recording) => Self::Recordings,
            airs if airs.iter().all(|air| matches!(air, Source::Relays(_))) => Self::Relays,
            airs if airs.iter().any(|air| matches!(air, Source::Air(AirTarget::Udp(_)))) => Self::Hosts,
            _ => Self::Cards,
        }
    }
}

impl Evidence {
    /// What it comes to at `now`.
    pub(crate) fn signal(&self, now: Instant) -> Signal {
        let within = |at: Option<Instant>, limit| at.is_some_and(|at| now.saturating_duration_since(at) <= limit);
        match self.session {
            Some((heard, _)) if !within(Some(heard), SILENCE) => self.silence(now),
            None => self.silence(now),
            Some((_, payload)) if self.decodes && !payload.is_h264() => Signal::NotH264(payload),
            Some(_) if within(self.last_picture, self.frozen_after()) && self.concealed => Signal::Damaged,
            Some(_) if within(self.last_picture, self.frozen_after()) => Signal::Picture,
            Some(_) if !within(self.last_datagram, SILENCE) => Signal::NoVideo,
            Some(_) if !self.decodes => Signal::Receiving,
            Some(_) if self.last_picture.is_some() => Signal::Frozen,
            Some(_) => Signal::NoKeyframe,
        }
    }

    /// How old the picture is when it is frozen.
    pub(crate) fn frozen_after(&self) -> Duration {
        let missing = self.picture_interval.unwrap_or_default().saturating_mul(MISSING_PICTURES);
        missing.clamp(FROZEN, ALWAYS_FROZEN)
    }

    fn silence(&self, now: Instant) -> Signal {
        let recently = |at: &Instant| now.saturating_duration_since(*at) <= MEMORY;
        let Hearing { any, other_link, other_key, other_version } = self.hearing;
        if other_key.as_ref().is_some_and(recently) {
            return Signal::OtherKey;
        }
        if let Some((_, version)) = other_version.filter(|(at, _)| recently(at)) {
            return Signal::OtherVersion(version);
        }
        if let Some((_, link)) = other_link.filter(|(at, _)| recently(at)) {
            return Signal::OtherLink(link);
        }
        let since_silence = |any: &Instant| self.session.is_none_or(|(heard, _)| *any > heard + SILENCE / 2);
        let strange = any.as_ref().is_some_and(|any| recently(any) && since_silence(any));
        if strange { Signal::NotSkylark } else { Signal::Nothing }
    }
}

impl Signal {
    /// What it is called in figures.
    pub(crate) fn state(self) -> State {
        match self {
            Self::Picture | Self::Receiving => State::Good,
            Self::Damaged => State::Damaged,
            Self::Frozen => State::Frozen,
            Self::NoKeyframe | Self::NoVideo | Self::NotH264(_) => State::Waiting,
            Self::OtherKey
            | Self::OtherVersion(_)
            | Self::OtherLink(_)
            | Self::NotSkylark
            | Self::DeafCards
            | Self::Nothing => State::None,
        }
    }

    /// One sentence: what is found, and what to do where something can be done.
    pub(crate) fn reason(self, names: &Names) -> String {
        let Names { link_name, link, fingerprint, .. } = names;
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
                format!("no picture: the stream is {}; hand it on with --output rtp:HOST:PORT", describe(payload))
            }
            Self::OtherKey => {
                format!(
                    "this link is heard, but key {fingerprint:08x} does not open it: both ends need the same key file"
                )
            }
            Self::OtherVersion(found) => format!(
                "this link is heard in protocol version {found}, expected {VERSION}: both ends need the same release"
            ),
            Self::OtherLink(found) => {
                format!("only link {found} is heard, expected {link} ({link_name}): is --link the same at both ends?")
            }
            Self::NotSkylark => {
                "frames are heard, but none of a Skylark link: is the transmitter on, and on this channel?".to_owned()
            }
            Self::DeafCards => "no card can hear: skylark-setup doctor says why".to_owned(),
            Self::Nothing if names.are_recordings() => {
                "nothing is heard: is there a link in this recording?".to_owned()
            }
            Self::Nothing if names.listening == Listening::Hosts => {
                "nothing is heard: is the transmitter on, and does it send to this host and port?".to_owned()
            }
            Self::Nothing => {
                "nothing is heard: is the transmitter on, and on this channel? skylark-setup doctor looks for it"
                    .to_owned()
            }
        }
    }
}

/// Why relays bring nothing of a transmitter, of which so many are heard.
pub(crate) fn silence_of_relays(network: Option<&Network>, relays: usize) -> String {
    match (network, relays) {
        (Some(Network::Unreached(endpoints)), 0) => {
            format!("{endpoints} is not reached: is the name right, is it running, and does its firewall let TCP in?")
        }
        (Some(Network::Others), 0) => {
            "no relay of this link is heard: is --link the same at both ends (skylark-rx relay --link NAME)?".to_owned()
        }
        (_, 0) => {
            "no relay is heard: is one running in this network (skylark-rx relay)? In others: relays:HOST".to_owned()
        }
        (_, 1) => "the relay hears no transmitter: is it on, and on the channel of the relay's cards?".to_owned(),
        (_, several) => {
            format!("{several} relays are heard, and none hears the transmitter: is it on, and on their channel?")
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
pub(crate) mod tests {
    use super::*;
    use crate::unit::tests::start;

    pub(crate) fn names() -> Names {
        let (link, listening) = (LinkId::from_name("hill"), Listening::Hosts);
        Names { link_name: "hill".to_owned(), link, fingerprint: 0x1a2b_3c4d, listening }
    }

    fn evidence(now: Instant) -> Evidence {
        Evidence {
            session: Some((now, Payload::H264)),
            last_datagram: Some(now),
            last_picture: Some(now),
            decodes: true,
            ..Evidence::default()
        }
    }

    #[test]
    fn pictures_that_come_are_a_signal_and_pictures_that_stop_are_frozen() {
        let then = start();
        let evidence = evidence(then);
        assert_eq!(evidence.signal(then + FROZEN), Signal::Picture);
        assert_eq!(evidence.signal(then + FROZEN + Duration::from_millis(1)), Signal::Frozen);
        assert_eq!(evidence.signal(then + Duration::from_secs(2)), Signal::Nothing);
        let damaged = Evidence { concealed: true, ..evidence };
        assert_eq!(damaged.signal(then + FROZEN), Signal::Damaged);
        assert_eq!(damaged.signal(then + FROZEN + Duration::from_millis(1)), Signal::Frozen);
    }

    #[test]
    fn pictures_that_come_slowly_are_not_frozen_in_between() {
        let frozen_after =
            |interval| Evidence { picture_interval: Some(interval), ..Evidence::default() }.frozen_after();
        assert_eq!(frozen_after(Duration::from_millis(16)), FROZEN);
        assert_eq!(frozen_after(Duration::from_millis(200)), Duration::from_millis(600));
        assert_eq!(frozen_after(Duration::from_secs(3600)), ALWAYS_FROZEN);
    }

    #[test]
    fn a_transmitter_without_a_picture_says_why() {
        let now = start();
        let good = evidence(now);
        assert_eq!(Evidence { last_picture: None, ..good }.signal(now), Signal::NoKeyframe);
        assert_eq!(Evidence { last_picture: None, last_datagram: None, ..good }.signal(now), Signal::NoVideo);
        assert_eq!(Evidence { last_picture: None, decodes: false, ..good }.signal(now), Signal::Receiving);
        for payload in [Payload::Opaque, Payload::Rtp, Payload::Unknown(9)] {
            let found = Evidence { session: Some((now, payload)), ..good }.signal(now);
            assert_eq!(found, Signal::NotH264(payload));
            assert!(found.reason(&names()).contains("--output rtp:"));
        }
    }

    #[test]
    fn silence_says_what_is_heard_instead() {
        let now = start();
        let link = LinkId::from_name("other");
        let mut hearing = Hearing::default();
        let signal = |hearing| Evidence { hearing, ..Evidence::default() }.signal(now);
        assert_eq!(signal(hearing), Signal::Nothing);
        hearing.any = Some(now);
        assert_eq!(signal(hearing), Signal::NotSkylark);
        let own = Evidence { hearing, session: Some((now, Payload::H264)), ..Evidence::default() };
        assert_eq!(own.signal(now + 2 * SILENCE), Signal::Nothing, "what was heard was the transmitter itself");
        hearing.other_link = Some((now, link));
        assert_eq!(signal(hearing), Signal::OtherLink(link));
        hearing.other_version = Some((now, 7));
        assert_eq!(signal(hearing), Signal::OtherVersion(7));
        hearing.other_key = Some(now);
        assert_eq!(signal(hearing), Signal::OtherKey);
        let later = now + MEMORY + Duration::from_millis(1);
        assert_eq!(Evidence { hearing, ..Evidence::default() }.signal(later), Signal::Nothing);
    }

    #[test]
    fn relays_that_bring_nothing_are_told_apart() {
        let unreached = Network::Unreached("tcp/nonsense:7447".to_owned());
        assert!(silence_of_relays(Some(&unreached), 0).starts_with("tcp/nonsense:7447 is not reached"));
        assert!(silence_of_relays(Some(&Network::Others), 0).contains("--link"));
        assert!(silence_of_relays(Some(&Network::Alone), 0).contains("is one running"));
        assert!(silence_of_relays(Some(&Network::Others), 3).starts_with("3 relays"));
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
        let cards = Names { listening: Listening::Cards, ..names() };
        assert!(Signal::Nothing.reason(&cards).contains("channel"));
        assert_eq!(Signal::OtherLink(other).state(), State::None);
        assert_eq!(Signal::NoKeyframe.state(), State::Waiting);
    }
}
