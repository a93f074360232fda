//! Which of several sources on one port is followed: video, and not the sound beside it.

use super::header::RtpHeader;

/// So many datagrams in a row of a source with another payload type, and it has taken the place of the one before:
/// sound beside video never sends as many.
const TAKES_OVER: u8 = 8;

/// Follows one source at a time. Another one of the same payload type takes its place at once, as a camera that was
/// started again does (RFC 3550 8.1).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Following {
    source: Option<Source>,
    /// Datagrams of another source in a row.
    strangers: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Source {
    ssrc: u32,
    payload_type: u8,
}

/// Whose a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of the source that is followed.
    Same,
    /// Of one that is followed from here on.
    New,
    /// Of one that is not followed.
    Stranger,
}

impl Following {
    /// Takes the next datagram.
    pub(super) fn handle(&mut self, header: RtpHeader) -> Whose {
        let RtpHeader { ssrc, payload_type, .. } = header;
        let whose = match self.source {
            Some(source) if source.ssrc == ssrc => Whose::Same,
            Some(source) if source.payload_type != payload_type && self.strangers + 1 < TAKES_OVER => {
                self.strangers += 1;
                return Whose::Stranger;
            }
            Some(_) | None => Whose::New,
        };
        *self = Self { source: Some(Source { ssrc, payload_type }), strangers: 0 };
        whose
    }

    /// The source that is followed.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.source.map(|source| source.ssrc)
    }

    /// The payload type of the source that is followed.
    pub(super) fn payload_type(&self) -> Option<u8> {
        self.source.map(|source| source.payload_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_beside_video_is_not_followed_until_it_is_alone() {
        let mut following = Following::default();
        let mut handle = |ssrc, payload_type| {
            following.handle(RtpHeader { marker: false, payload_type, sequence: 1, timestamp: 2, ssrc })
        };
        assert_eq!([handle(1, 96), handle(2, 98), handle(1, 96)], [Whose::New, Whose::Stranger, Whose::Same]);
        assert!((1..TAKES_OVER).all(|_| handle(2, 98) == Whose::Stranger));
        assert_eq!([handle(2, 98), handle(2, 98), handle(3, 98)], [Whose::New, Whose::Same, Whose::New]);
        assert_eq!((following.ssrc(), following.payload_type()), (Some(3), Some(98)));
    }
}
