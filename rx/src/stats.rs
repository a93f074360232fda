//! What the receiver counts. Everything is cumulative since the start; whoever shows it takes differences.

use std::iter::Sum;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::session::{BlockCode, SessionError};
use skylark_common::wire::announce::{Announce, Payload};
use skylark_common::wire::link::LinkId;
use skylark_common::wire::radiotap::RxRate;

/// A snapshot of everything the receiver counts.
#[derive(Debug, Clone, Default)]
pub struct RxStats {
    /// What became of every captured frame: the sum over all cards.
    pub frames: FrameStats,
    /// One entry for each card that was added or has brought a frame, by its number.
    pub cards: Vec<CardStats>,
    /// One entry for each stream heard in this session, in order of their numbers.
    pub streams: Vec<StreamStats>,
    /// The session that is followed.
    pub session: Option<SessionStats>,
    /// Sessions followed since the start; above 1 the transmitter was restarted.
    pub sessions: u64,
    /// What became of damaged copies.
    pub combining: CombiningStats,
    /// What the air sounds like when there is no signal.
    pub hearing: Hearing,
}

/// What became of every captured frame. `captured` is the sum of all others down to `used`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FrameStats {
    /// Frames given to the receiver.
    pub captured: u64,
    /// Not a Skylark frame, or of another link.
    pub foreign: u64,
    /// Shorter than its headers say, or with a field that cannot be.
    pub truncated: u64,
    /// The card said its FCS was wrong.
    pub bad_fcs: u64,
    /// Of this link, in a version this program does not speak.
    pub unknown_version: u64,
    /// Of a session whose announce has not been heard: waiting for it.
    pub waiting: u64,
    /// Waited in vain: the session's announce never came.
    pub unannounced: u64,
    /// The tag did not fit: damaged, sealed with another key, or made by somebody else.
    pub forged: u64,
    /// Heard by the same card 128 packets ago or earlier, or an announce of a session that is not to be followed.
    pub replayed: u64,
    /// Another card or the repairs had brought it before, or another transmit card to the same card.
    pub duplicate: u64,
    /// Authentic, and after its turn: those that follow it had been handed on.
    pub late: u64,
    /// Authentic and of use.
    pub used: u64,
    /// Session packets, or announces, among `used` and `duplicate`.
    #[serde(skip)]
    pub session_packets: u64,
    /// Of those, the ones among `duplicate`: heard before, by this card or another.
    #[serde(skip)]
    pub session_repeats: u64,
    /// Bytes of all frames but `foreign` and `bad_fcs`, radiotap headers included; of what a relay tells without
    /// forwarding it, the bytes that came.
    #[serde(skip)]
    pub own_bytes: u64,
}

impl Sum for FrameStats {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |a, b| Self {
            captured: a.captured + b.captured,
            foreign: a.foreign + b.foreign,
            truncated: a.truncated + b.truncated,
            bad_fcs: a.bad_fcs + b.bad_fcs,
            unknown_version: a.unknown_version + b.unknown_version,
            waiting: a.waiting + b.waiting,
            unannounced: a.unannounced + b.unannounced,
            forged: a.forged + b.forged,
            replayed: a.replayed + b.replayed,
            duplicate: a.duplicate + b.duplicate,
            late: a.late + b.late,
            used: a.used + b.used,
            session_packets: a.session_packets + b.session_packets,
            session_repeats: a.session_repeats + b.session_repeats,
            own_bytes: a.own_bytes + b.own_bytes,
        })
    }
}

/// What became of damaged copies of packets of the session that is followed; each is a `bad_fcs` frame as well.
/// `copies = known + spent + expired + gave_way + held`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CombiningStats {
    /// Damaged copies that could be told to be of this session.
    pub copies: u64,
    /// Of packets that were known, then or later, or of which this card had brought two copies.
    pub known: u64,
    /// Copies that packets were made of.
    pub spent: u64,
    /// Kept for the latency budget in vain, or until another session was followed.
    pub expired: u64,
    /// Given up for newer ones, being of the card that had most.
    pub gave_way: u64,
    /// Kept at the moment.
    pub held: u64,
    /// Packets made of damaged copies, each opened by its seal.
    pub rebuilt: u64,
    /// Of those, made of one copy: where its one burst of wrong bits was, the tag said.
    pub mended: u64,
    /// Candidates whose seal was tried; comparing copies counts one for each, and mending one counts 12, which is what
    /// it costs.
    pub tries: u64,
    /// Times the bounds of the effort ended the tries for a packet.
    pub out_of_effort: u64,
    /// Places too long for two bursts that meet: none was begun as one copy has it and ended as another.
    pub unspliced: u64,
}

/// What one card heard, and what its being there is worth.
///
/// `heard = first + duplicates`, packets of every kind. Of source packets alone, whose numbers show every gap:
/// `expected = missed + lost + those it heard`, so that its share heard is `1 − (missed + lost) / expected`. A source
/// packet is counted when 128 of its stream have come after it: by then it has reached every card it will.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CardStats {
    /// Packets of sessions that were followed it brought, copies of what others had brought included.
    pub heard: u64,
    /// Source packets sent since it was added or brought its first frame.
    pub expected: u64,
    /// Of those, the ones another card heard and it did not: what a deaf card hides behind the others.
    pub missed: u64,
    /// Of those, the ones no card heard: what only repairs, or combining damaged copies, can bring back.
    pub lost: u64,
    /// Of those, the ones only it heard: what would be lost without it.
    pub unique: u64,
    /// Packets it was the first card to bring.
    pub first: u64,
    /// Packets it brought after another card had.
    pub duplicates: u64,
    /// Frames with a wrong FCS, whosever they were.
    pub bad_fcs: u64,
    /// What became of every frame it captured: here a card, or the relay it stands at, that brings forged or
    /// replayed frames is known by name.
    pub frames: FrameStats,
    /// Signal power in dBm over the last second, mean of the powers, of the antenna that was strongest for each frame.
    pub signal_dbm: Option<f32>,
    /// Signal above noise in dB, over the last second, where the card tells its noise.
    pub snr_db: Option<f32>,
    /// What each antenna heard over the last second, in order of their numbers, four at most. A card that
    /// names no antenna has one, number 0.
    pub antennas: Vec<AntennaStats>,
    /// Center frequency in MHz of the latest frame of that second, where the card tells it.
    pub frequency_mhz: Option<u16>,
    /// Its rate, where the card tells it.
    #[serde(skip)]
    pub rate: Option<RxRate>,
    /// How much later than the first copy it brought its own, mean over the last second; taken from four packets a
    /// second, its own firsts count as 0. Copies more than a second late are not seen.
    #[serde(rename = "behind_us", serialize_with = "microseconds")]
    pub behind: Option<Duration>,
    /// When it last heard a packet of the session.
    #[serde(skip)]
    pub last_heard: Option<Instant>,
}

/// What one antenna of a card heard over a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AntennaStats {
    /// Which antenna, as the driver counts them.
    pub number: u8,
    /// Frames it heard.
    pub frames: u32,
    /// Signal power in dBm.
    pub signal_dbm: Spread,
    /// Signal above noise in dB, where the card tells its noise.
    pub snr_db: Option<Spread>,
}

/// How levels in dB or dBm were spread over a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub min: i8,
    /// The mean of the powers, not of the decibels: near the greatest where they differ much.
    pub mean: f32,
    /// The greatest.
    pub max: i8,
}

fn microseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

/// What became of one stream's datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StreamStats {
    /// Its number: 0 is video.
    pub stream: u8,
    /// Source packets heard in time.
    pub heard: u64,
    /// Datagrams that repairs brought back in time.
    pub recovered: u64,
    /// Datagrams given up.
    pub lost: u64,
    /// Of those given up, heard or recovered after their turn.
    pub late: u64,
    /// Repair packets heard.
    pub repairs: u64,
    /// Of those, not needed.
    pub repairs_unneeded: u64,
    /// Datagrams handed on.
    pub datagrams: u64,
    /// Their bytes.
    pub datagram_bytes: u64,
    /// Units handed on whole.
    pub units: u64,
    /// Units handed on with something missing, or missing altogether as far as that shows.
    pub units_damaged: u64,
    /// Authentic packets with a body that cannot be: a fault of the transmitter.
    pub malformed: u64,
}

/// The session that is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionStats {
    /// Its short name on the air.
    pub id: u32,
    /// When an authentic frame of it was last heard.
    pub last_heard: Instant,
    /// What its transmitter says of it.
    pub terms: Terms,
}

/// What a transmitter says of its session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Terms {
    /// The latest announce of video, or of the lowest stream that has one.
    Skylark(Announce),
    /// What the session packet of a WFB-NG transmitter says.
    WfbNg {
        /// Its epoch: sessions of an older one are refused.
        epoch: u64,
        /// How blocks are made.
        code: BlockCode,
        /// What the datagrams show themselves to be: no packet says it.
        payload: Payload,
        /// The usual time from unit to unit, as it was heard.
        unit_interval: Option<Duration>,
    },
}

impl SessionStats {
    /// What the datagrams of video are.
    #[must_use]
    pub const fn payload(&self) -> Payload {
        match self.terms {
            Terms::Skylark(Announce { payload, .. }) | Terms::WfbNg { payload, .. } => payload,
        }
    }

    /// The usual time from picture to picture, where it is known.
    #[must_use]
    pub fn unit_interval(&self) -> Option<Duration> {
        match self.terms {
            Terms::Skylark(announce) => announce.unit_interval_us.map(|us| Duration::from_micros(us.into())),
            Terms::WfbNg { unit_interval, .. } => unit_interval,
        }
    }

    /// Whether what the datagrams are has yet to show: no packet of WFB-NG says it.
    #[must_use]
    pub const fn is_undecided(&self) -> bool {
        matches!(self.terms, Terms::WfbNg { payload: Payload::Opaque | Payload::Rtp, .. })
    }

    /// What only a Skylark transmitter says.
    #[must_use]
    pub const fn announce(&self) -> Option<&Announce> {
        match &self.terms {
            Terms::Skylark(announce) => Some(announce),
            Terms::WfbNg { .. } => None,
        }
    }
}

/// What the air sounds like: why there may be no picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hearing {
    /// When any frame was last captured.
    pub any: Option<Instant>,
    /// When a frame of another Skylark link was last heard, and which.
    pub other_link: Option<(Instant, LinkId)>,
    /// When an announce of this link was last heard that our key does not open.
    pub other_key: Option<Instant>,
    /// When a frame of this link was last heard in a version we do not speak, and which.
    pub other_version: Option<(Instant, u8)>,
    /// When frames of the other dialect were last heard: of WFB-NG by a Skylark receiver, of Skylark by the other.
    pub other_dialect: Option<Instant>,
    /// WFB-NG: when a frame of another stream or link was last heard, and which.
    pub other_channel: Option<(Instant, ChannelId)>,
    /// WFB-NG: when a session packet of this stream was last refused for another reason than its key, and for which.
    pub refused_session: Option<(Instant, SessionError)>,
    /// WFB-NG: when a session packet of the session followed was last heard again.
    pub own_session: Option<Instant>,
    /// WFB-NG: when a packet of this stream was last heard that waits for its session packet.
    pub waiting_for_session: Option<Instant>,
}
