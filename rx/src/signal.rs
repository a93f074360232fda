//! Why there is a picture or none, in words a pilot can act on.

mod names;
mod reason;

use std::time::{Duration, Instant};

use crate::stats::Hearing;
use serde::Serialize;
use skylark_common::options::Dialect;
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::session::SessionError;
use skylark_common::wire::announce::Payload;
use skylark_common::wire::link::LinkId;

pub(crate) use names::{Listening, Names, Target};
pub(crate) use reason::silence_of_relays;
#[cfg(feature = "relay")]
pub(crate) use reason::unreached;

/// Silence of a transmitter longer than this is no signal: it announces itself every 100 ms, and ten
/// announces in a row are not lost by chance.
const SILENCE: Duration = Duration::from_secs(1);
/// The same of a stream of WFB-NG that is no video, and may be heard once a second: two packets in a row are not lost
/// by chance.
const SPARSE_SILENCE: Duration = Duration::from_millis(2500);
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
    /// Which dialect is listened for.
    pub(crate) dialect: Dialect,
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
    /// This stream is heard, and says of its session what this program does not take.
    RefusedSession(SessionError),
    /// Packets of this stream are heard, and what opens them has not been.
    NoSession,
    /// Only another link is heard.
    OtherLink(LinkId),
    /// Only another link or stream of WFB-NG is heard.
    OtherChannel(ChannelId),
    /// Only links of the other dialect are heard.
    OtherDialect,
    /// Frames are heard, and none of a link of this dialect.
    NoLink,
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

impl Evidence {
    /// What it comes to at `now`.
    pub(crate) fn signal(&self, now: Instant) -> Signal {
        let within = |at: Option<Instant>, limit| at.is_some_and(|at| now.saturating_duration_since(at) <= limit);
        match self.session {
            Some((heard, _)) if !within(Some(heard), self.silent_after()) => self.silence(now),
            None => self.silence(now),
            Some((_, payload)) if self.decodes && !payload.is_h264() => Signal::NotH264(payload),
            Some(_) if within(self.last_picture, self.frozen_after()) && self.concealed => Signal::Damaged,
            Some(_) if within(self.last_picture, self.frozen_after()) => Signal::Picture,
            Some(_) if !within(self.last_datagram, self.silent_after()) => Signal::NoVideo,
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

    /// How long a transmitter may be silent before it is not heard.
    fn silent_after(&self) -> Duration {
        let is_video = |(_, payload): (Instant, Payload)| payload.is_h264() || payload == Payload::RtpH265;
        match self.dialect {
            Dialect::WfbNg if !self.session.is_some_and(is_video) => SPARSE_SILENCE,
            Dialect::Skylark | Dialect::WfbNg => SILENCE,
        }
    }

    fn silence(&self, now: Instant) -> Signal {
        let recently = |at: &Instant| now.saturating_duration_since(*at) <= MEMORY;
        let Hearing { any, other_key, other_dialect, waiting_for_session, .. } = self.hearing;
        let other_version = self.hearing.other_version.filter(|(at, _)| recently(at));
        let refused = self.hearing.refused_session.filter(|(at, _)| recently(at));
        let other_link = self.hearing.other_link.filter(|(at, _)| recently(at));
        let other_channel = self.hearing.other_channel.filter(|(at, _)| recently(at));
        let since_silence = |any: &Instant| self.session.is_none_or(|(heard, _)| *any > heard + SILENCE / 2);
        let is_idle = |own: &Instant| {
            let is_behind_data = self.session.is_some_and(|(heard, _)| *own > heard);
            is_behind_data && now.saturating_duration_since(*own) <= SPARSE_SILENCE
        };
        if other_key.as_ref().is_some_and(recently) {
            Signal::OtherKey
        } else if let Some((_, error)) = refused {
            Signal::RefusedSession(error)
        } else if let Some((_, version)) = other_version {
            Signal::OtherVersion(version)
        } else if waiting_for_session.as_ref().is_some_and(recently) {
            Signal::NoSession
        } else if self.hearing.own_session.as_ref().is_some_and(is_idle) {
            Signal::NoVideo
        } else if let Some((_, link)) = other_link {
            Signal::OtherLink(link)
        } else if let Some((_, channel)) = other_channel {
            Signal::OtherChannel(channel)
        } else if other_dialect.as_ref().is_some_and(recently) {
            Signal::OtherDialect
        } else if any.as_ref().is_some_and(|any| recently(any) && since_silence(any)) {
            Signal::NoLink
        } else {
            Signal::Nothing
        }
    }
}

impl Signal {
    /// What it is called in figures.
    pub(crate) fn state(self) -> State {
        match self {
            Self::Picture | Self::Receiving => State::Good,
            Self::Damaged => State::Damaged,
            Self::Frozen => State::Frozen,
            Self::NoKeyframe | Self::NoVideo | Self::NotH264(_) | Self::NoSession => State::Waiting,
            Self::OtherKey
            | Self::OtherVersion(_)
            | Self::RefusedSession(_)
            | Self::OtherLink(_)
            | Self::OtherChannel(_)
            | Self::OtherDialect
            | Self::NoLink
            | Self::DeafCards
            | Self::Nothing => State::None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::unit::tests::start;

    pub(crate) fn names() -> Names {
        let target = Target::Skylark { link: LinkId::from_name("hill"), fingerprint: 0x1a2b_3c4d };
        Names { link_name: "hill".to_owned(), target, listening: Listening::Hosts }
    }

    pub(crate) fn wfb_ng_names() -> Names {
        let target = Target::WfbNg { channel: ChannelId::new(7_669_206, 0), key: "gs.key".to_owned() };
        Names { link_name: "default".to_owned(), target, ..names() }
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
    fn a_wfb_ng_link_that_carries_little_is_heard_once_a_second_and_not_silent_in_between() {
        let then = start();
        let video = Evidence { dialect: Dialect::WfbNg, decodes: false, last_picture: None, ..evidence(then) };
        let sparse = Evidence { session: Some((then, Payload::Opaque)), ..video };
        assert_eq!(sparse.signal(then + SPARSE_SILENCE), Signal::Receiving);
        assert_eq!(sparse.signal(then + 2 * SPARSE_SILENCE), Signal::Nothing);
        assert_eq!(video.signal(then + SPARSE_SILENCE), Signal::Nothing, "video has something to send all the time");
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
        for payload in [Payload::Opaque, Payload::Rtp, Payload::RtpH265, Payload::Unknown(9)] {
            let found = Evidence { session: Some((now, payload)), ..good }.signal(now);
            assert_eq!(found, Signal::NotH264(payload));
            assert!(found.reason(&names()).contains("--output rtp:"));
        }
        assert!(
            Signal::NotH264(Payload::RtpH265)
                .reason(&names())
                .contains("H.265, of which no picture is made here: --output rtp:")
        );
    }

    #[test]
    fn a_transmitter_that_repeats_its_session_packet_alone_sends_no_video() {
        let (heard, again) = (start(), start() + Duration::from_secs(4));
        let channel = Some((again, ChannelId::new(7_669_206, 16)));
        let hearing =
            Hearing { any: Some(again), own_session: Some(again), other_channel: channel, ..Hearing::default() };
        let idle = Evidence { dialect: Dialect::WfbNg, hearing, ..evidence(heard) };
        assert_eq!(idle.signal(again + SPARSE_SILENCE), Signal::NoVideo);
        assert_ne!(idle.signal(again + SPARSE_SILENCE + Duration::from_millis(1)), Signal::NoVideo);
        let hearing = Hearing { own_session: Some(heard), other_channel: None, ..hearing };
        assert_eq!(Evidence { hearing, ..idle }.signal(again), Signal::NoLink, "data was heard behind it");
    }

    #[test]
    fn silence_says_what_is_heard_instead() {
        let now = start();
        let link = LinkId::from_name("other");
        let mut hearing = Hearing::default();
        let signal = |hearing| Evidence { hearing, ..Evidence::default() }.signal(now);
        assert_eq!(signal(hearing), Signal::Nothing);
        hearing.any = Some(now);
        assert_eq!(signal(hearing), Signal::NoLink);
        let own = Evidence { hearing, session: Some((now, Payload::H264)), ..Evidence::default() };
        assert_eq!(own.signal(now + 2 * SILENCE), Signal::Nothing, "what was heard was the transmitter itself");
        hearing.other_dialect = Some(now);
        assert_eq!(signal(hearing), Signal::OtherDialect);
        let channel = ChannelId::new(5, 0);
        hearing.other_channel = Some((now, channel));
        assert_eq!(signal(hearing), Signal::OtherChannel(channel));
        hearing.other_link = Some((now, link));
        assert_eq!(signal(hearing), Signal::OtherLink(link));
        hearing.waiting_for_session = Some(now);
        assert_eq!(signal(hearing), Signal::NoSession);
        hearing.other_version = Some((now, 7));
        assert_eq!(signal(hearing), Signal::OtherVersion(7));
        hearing.refused_session = Some((now, SessionError::Code(2)));
        assert_eq!(signal(hearing), Signal::RefusedSession(SessionError::Code(2)));
        hearing.other_key = Some(now);
        assert_eq!(signal(hearing), Signal::OtherKey);
        let later = now + MEMORY + Duration::from_millis(1);
        assert_eq!(Evidence { hearing, ..Evidence::default() }.signal(later), Signal::Nothing);
    }
}
