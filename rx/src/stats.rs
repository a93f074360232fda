//! What the receiver counts. Everything is cumulative since the start; whoever shows it takes differences.

use std::time::Instant;

use serde::Serialize;
use skylark_common::wire::announce::Announce;
use skylark_common::wire::link::LinkId;

/// A snapshot of everything the receiver counts.
#[derive(Debug, Clone, Default)]
pub struct RxStats {
    /// What became of every captured frame.
    pub frames: FrameStats,
    /// One entry for each card that was heard or named, by its number.
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

/// What became of every captured frame. `captured` is the sum of all others.
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
    /// Heard before by the same card, or an announce of a session that is not to be followed.
    pub replayed: u64,
    /// Another card or the repairs had brought it before.
    pub duplicate: u64,
    /// Authentic, and after its turn: those that follow it had been handed on.
    pub late: u64,
    /// Authentic and of use.
    pub used: u64,
}

/// What became of damaged copies of packets of the session that is followed; each is a `bad_fcs` frame as well.
/// `copies = known + spent + expired + gave_way + held`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CombiningStats {
    /// Damaged copies that could be told to be of this session.
    pub copies: u64,
    /// Of packets that were known, then or later, or of which this card had brought a copy.
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
    /// Candidates whose seal was tried; mending a copy counts as 12, which is what it costs.
    pub tries: u64,
    /// Times the bounds of the effort ended the tries for a packet.
    pub out_of_effort: u64,
}

/// What one card heard.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CardStats {
    /// Frames of this session it brought, duplicates included.
    pub heard: u64,
    /// Source packets it should have heard, as their numbers show.
    pub expected: u64,
    /// Of those, the ones it did not hear.
    pub missed: u64,
    /// Packets it was the first to bring.
    pub first: u64,
    /// Frames with a wrong FCS.
    pub bad_fcs: u64,
    /// Signal power in dBm, mean of the powers over the last second, of the strongest antenna.
    pub signal_dbm: Option<f32>,
    /// Signal above noise in dB, over the last second, where the card tells its noise.
    pub snr_db: Option<f32>,
    /// When it last heard a frame of this session.
    #[serde(skip)]
    pub last_heard: Option<Instant>,
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
    /// Its latest announce of video, or of the lowest stream that has one.
    pub announce: Announce,
    /// When that was heard.
    pub announced: Instant,
    /// The least seen of (arrival on our clock − session time on the sender's clock) in µs since the
    /// receiver's start: where both clocks are the same, an upper bound of nothing but the way.
    pub offset_us: i64,
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
}
