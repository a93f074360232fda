//! Requests as bytes: a body with its netlink header, and the family nl80211.

use netlink_packet_core::{
    DefaultNla, Emitable as _, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader,
};

/// One request: what kind, and its bytes behind the netlink header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Request {
    const HEADER_LEN: usize = 16;

    /// Something to be done, or one thing to be told.
    pub(super) const fn one(kind: u16, body: Vec<u8>) -> Self {
        Self { kind, flags: NLM_F_REQUEST | NLM_F_ACK, body }
    }

    /// A list to be told.
    pub(super) const fn dump(kind: u16, body: Vec<u8>) -> Self {
        Self { kind, flags: NLM_F_REQUEST | NLM_F_DUMP, body }
    }

    /// As it goes to the kernel.
    pub(super) fn emit(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = vec![0; Self::HEADER_LEN];
        bytes.extend_from_slice(&self.body);
        let mut header = NetlinkHeader::default();
        header.length = u32::try_from(bytes.len()).expect("requests are short");
        header.message_type = self.kind;
        header.flags = self.flags;
        header.sequence_number = sequence;
        header.emit(&mut bytes);
        bytes
    }
}

/// The messages of one datagram from the kernel: header and body each, up to the first that is not well-formed.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (NetlinkBuffer<&[u8]>, &[u8])> {
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(datagram).ok()?;
        let length = usize::try_from(message.length()).ok()?;
        let body = datagram.get(Request::HEADER_LEN..length)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((message, body))
    })
}

/// nl80211: a family of generic netlink whose number differs from kernel to kernel.
pub(super) mod wireless {
    use super::{DefaultNla, Request};
    use crate::netlink::attributes::{Attributes, emit, flag, text};
    use crate::netlink::codes::{self, attribute, command};
    use crate::netlink::socket::{Conversation, Events, Failure};

    const CONTROLLER: u16 = 16;
    const CONTROLLER_GET_FAMILY: u8 = 3;
    const CONTROLLER_FAMILY_ID: u16 = 1;
    const CONTROLLER_FAMILY_NAME: u16 = 2;
    const CONTROLLER_GROUPS: u16 = 7;
    const GROUP_NAME: u16 = 1;
    const GROUP_ID: u16 = 2;

    /// nl80211 of the running kernel.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(in crate::netlink) struct Family {
        number: u16,
        region_group: Option<u32>,
    }

    impl Family {
        /// None where the kernel does not have it.
        pub(in crate::netlink) fn find(conversation: &mut Conversation) -> Result<Option<Self>, Failure> {
            let body = emit(&header(CONTROLLER_GET_FAMILY), &[text(CONTROLLER_FAMILY_NAME, "nl80211")]);
            match conversation.ask(&Request::one(CONTROLLER, body)) {
                Ok(answers) => answers.first().and_then(|answer| Self::parse(answer)).map(Some).ok_or(Failure::Garbled),
                Err(Failure::Refused { errno: rustix::io::Errno::NOENT, .. }) => Ok(None),
                Err(failure) => Err(failure),
            }
        }

        pub(in crate::netlink) fn parse(answer: &[u8]) -> Option<Self> {
            let attributes = body(answer)?;
            let number = attributes.find(CONTROLLER_FAMILY_ID)?;
            let groups = attributes.nested(CONTROLLER_GROUPS);
            let region = groups.into_iter().flat_map(Attributes::iter).map(|(_, group)| Attributes(group));
            let region =
                region.into_iter().find(|group| group.text(GROUP_NAME).as_deref() == Some(codes::REGION_EVENTS));
            Some(Self {
                number: u16::from_ne_bytes(*number.first_chunk()?),
                region_group: region.and_then(|group| group.number(GROUP_ID)),
            })
        }

        /// A command to one radio or interface.
        pub(in crate::netlink) fn request(&self, command: u8, attributes: &[DefaultNla]) -> Request {
            Request::one(self.number, emit(&header(command), attributes))
        }

        /// A list.
        pub(in crate::netlink) fn dump(&self, command: u8) -> Request {
            Request::dump(self.number, emit(&header(command), &[]))
        }

        /// All radios, each in as many messages as it takes: without the flag the kernel leaves out what does
        /// not fit into one.
        pub(in crate::netlink) fn radios(&self) -> Request {
            Request::dump(self.number, emit(&header(command::GET_WIPHY), &[flag(attribute::SPLIT_WIPHY_DUMP)]))
        }

        /// What the kernel says when the regulatory domain changes.
        pub(in crate::netlink) fn region_events(&self) -> Result<Events, Failure> {
            Events::open(self.region_group)
        }
    }

    /// `struct genlmsghdr`: command, version, two reserved bytes.
    const fn header(command: u8) -> [u8; 4] {
        [command, 1, 0, 0]
    }

    /// The attributes of a generic netlink message.
    pub(in crate::netlink) fn body(message: &[u8]) -> Option<Attributes<'_>> {
        message.split_first_chunk::<4>().map(|(_, attributes)| Attributes(attributes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_its_length_and_sequence() {
        let bytes = Request::one(28, vec![1, 2, 3, 4]).emit(7);
        let (header, body) = messages(&bytes).next().unwrap();
        assert_eq!((header.length(), header.message_type(), header.sequence_number()), (20, 28, 7));
        assert_eq!(header.flags(), NLM_F_REQUEST | NLM_F_ACK);
        assert_eq!(body, [1, 2, 3, 4]);
    }

    #[test]
    fn a_datagram_may_hold_several_messages_and_a_broken_one_ends_it() {
        let mut datagram = Request::one(1, vec![1, 2, 3, 4]).emit(1);
        datagram.extend(Request::one(2, vec![5, 6, 7, 8]).emit(2));
        datagram.extend([200, 0, 0, 0, 1]);
        let bodies: Vec<_> = messages(&datagram).map(|(_, body)| body.to_vec()).collect();
        assert_eq!(bodies, [[1, 2, 3, 4], [5, 6, 7, 8]]);
    }
}
