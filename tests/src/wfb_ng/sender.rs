//! A transmitter as the standard has it: a source fragment at once, parities with the k-th.

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_common::wfb_ng::fragment::Fragment;
use skylark_common::wfb_ng::keys::EndKey;
use skylark_common::wfb_ng::packet::{PacketId, PacketKey};
use skylark_common::wfb_ng::reed_solomon::ReedSolomon;
use skylark_common::wfb_ng::session::{BlockCode, Session};

/// The model: datagrams in, 802.11 frames out, without radiotap headers.
#[derive(Debug)]
pub struct ModelSender {
    key: EndKey,
    session: Session,
    code: ReedSolomon,
    block: u64,
    sources: Vec<Vec<u8>>,
    nonces: u64,
}

impl ModelSender {
    /// One that begins a session. `seed` makes its key: another run has another.
    #[must_use]
    pub fn new(channel: ChannelId, key: EndKey, code: BlockCode, epoch: u64, seed: u64) -> Self {
        let mut bytes = [0x5a; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let session = Session { epoch, channel, code, key: PacketKey::from_bytes(bytes) };
        Self { key, session, code: ReedSolomon::new(code), block: 0, sources: Vec::new(), nonces: seed << 32 }
    }

    /// A session packet: due at the start, and every second.
    pub fn session(&mut self) -> Vec<u8> {
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&self.nonces.to_be_bytes());
        self.nonces += 1;
        self.frame(&self.session.seal(&self.key, nonce))
    }

    /// The frames of a datagram: its own, and with the k-th the parities.
    pub fn push(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.push_fragment(Fragment::Datagram(datagram))
    }

    /// Fills the block, if one has begun.
    pub fn close(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while !self.sources.is_empty() {
            frames.extend(self.push_fragment(Fragment::Filler));
        }
        frames
    }

    fn push_fragment(&mut self, fragment: Fragment<'_>) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        fragment.emit(&mut bytes);
        let mut frames = vec![self.sealed(self.sources.len(), &bytes)];
        self.sources.push(bytes);
        if self.sources.len() == usize::from(self.session.code.k()) {
            frames.extend(self.parities());
        }
        frames
    }

    fn parities(&mut self) -> Vec<Vec<u8>> {
        let longest = self.sources.iter().map(Vec::len).max().unwrap_or(0);
        self.sources.iter_mut().for_each(|source| source.resize(longest, 0));
        let (k, n) = (usize::from(self.session.code.k()), usize::from(self.session.code.n()));
        let mut parities = vec![vec![0; longest]; n - k];
        let sources: Vec<&[u8]> = self.sources.iter().map(Vec::as_slice).collect();
        self.code.encode(0, &sources, &mut parities.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
        let frames = (k..).zip(&parities).map(|(number, parity)| self.sealed(number, parity)).collect();
        self.sources.clear();
        self.block += 1;
        frames
    }

    fn sealed(&self, number: usize, fragment: &[u8]) -> Vec<u8> {
        let id = PacketId { block: self.block, fragment: u8::try_from(number).unwrap_or(u8::MAX) };
        let mut sealed = fragment.to_vec();
        let tag = self.session.key.seal(id, &mut sealed);
        self.frame(&[&id.emit()[..], &sealed, &tag].concat())
    }

    fn frame(&self, packet: &[u8]) -> Vec<u8> {
        [&self.session.channel.dot11().emit()[..], packet].concat()
    }
}
