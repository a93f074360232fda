//! Video-like traffic: units at a steady rate, a keyframe a second six times the mean, datagrams that say
//! which they are.

use std::time::Duration;

/// How much video there is.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// Units a second.
    pub units_per_s: u32,
    /// Bits a second, keyframes included.
    pub bits_per_s: u32,
    /// Units from one keyframe to the next.
    pub keyframe_interval: u32,
    /// Size of a keyframe over the mean size of a unit.
    pub keyframe_factor: u32,
    /// The longest datagram in bytes.
    pub datagram_bytes: usize,
}

impl Default for Traffic {
    /// 60 units/s, 8 Mbit/s, a six-fold keyframe each second, datagrams of at most 1400 bytes.
    fn default() -> Self {
        Self { units_per_s: 60, bits_per_s: 8_000_000, keyframe_interval: 60, keyframe_factor: 6, datagram_bytes: 1400 }
    }
}

/// Bytes at the start of each datagram that say which it is.
const LABEL_LEN: usize = 8;

impl Traffic {
    /// Time from one unit to the next.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.units_per_s
    }

    /// Whether this unit is a keyframe.
    #[must_use]
    pub const fn is_keyframe(&self, unit: u32) -> bool {
        unit.is_multiple_of(self.keyframe_interval)
    }

    /// Size of this unit in bytes.
    #[must_use]
    pub const fn unit_bytes(&self, unit: u32) -> usize {
        let mean = self.bits_per_s / 8 / self.units_per_s;
        let keyframe = mean * self.keyframe_factor;
        let others = (mean * self.keyframe_interval - keyframe) / (self.keyframe_interval - 1);
        (if self.is_keyframe(unit) { keyframe } else { others }) as usize
    }

    /// How many datagrams this unit has.
    #[must_use]
    pub fn datagrams(&self, unit: u32) -> u32 {
        u32::try_from(self.unit_bytes(unit).div_ceil(self.datagram_bytes)).unwrap_or(u32::MAX)
    }

    /// Datagram `index` of a unit: its label and bytes that depend on it.
    #[must_use]
    pub fn datagram(&self, unit: u32, index: u32) -> Vec<u8> {
        let left = self.unit_bytes(unit).saturating_sub(index as usize * self.datagram_bytes);
        let len = left.min(self.datagram_bytes).max(LABEL_LEN);
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&unit.to_be_bytes());
        bytes.extend_from_slice(&index.to_be_bytes());
        let mut state = u64::from(unit) << 32 | u64::from(index) | 1;
        while bytes.len() < len {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push(state.to_be_bytes()[0]);
        }
        bytes
    }

    /// Which unit and index a datagram says it is.
    #[must_use]
    pub fn label(datagram: &[u8]) -> Option<(u32, u32)> {
        let (unit, rest) = datagram.split_first_chunk()?;
        Some((u32::from_be_bytes(*unit), u32::from_be_bytes(*rest.first_chunk()?)))
    }
}
