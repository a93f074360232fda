//! Which units arrived whole, and how long each took.

use std::time::Duration;

use crate::link::Link;
use crate::traffic::Traffic;

/// What became of the units a link was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Units pushed.
    pub units: usize,
    /// Units of which not every datagram was handed on.
    pub lost: usize,
    /// From push to the last datagram handed on, of those that were not lost, sorted.
    pub completion: Vec<Duration>,
}

impl Outcome {
    /// Reads it off a link that has run.
    ///
    /// # Panics
    /// If a datagram was handed on twice, out of order or with other bytes than were sent.
    #[must_use]
    pub fn of(link: &Link) -> Self {
        let traffic = link.config.traffic;
        let mut there = vec![(0_u32, None); link.pushed.len()];
        let mut last = None;
        for handed in &link.handed {
            let (unit, index) = Traffic::label(&handed.bytes).expect("every datagram has a label");
            assert!(last < Some((unit, index)), "{unit}/{index} came after {last:?}");
            assert_eq!(handed.bytes, traffic.datagram(unit, index), "{unit}/{index} came changed");
            last = Some((unit, index));
            let (count, at) = &mut there[unit as usize];
            *count += 1;
            *at = Some(handed.at);
        }
        let whole = there.iter().zip(&link.pushed).zip(0..).filter_map(|(((count, at), pushed), unit)| {
            at.filter(|_| *count == traffic.datagrams(unit)).map(|at| at - *pushed)
        });
        Self::new(link.pushed.len(), whole.collect())
    }

    /// From the number of units pushed and the completion times of those that arrived.
    #[must_use]
    pub fn new(units: usize, mut completion: Vec<Duration>) -> Self {
        completion.sort_unstable();
        Self { units, lost: units - completion.len(), completion }
    }

    /// Completion time that this many percent of the whole units did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.completion.len() * percent / 100).min(self.completion.len().saturating_sub(1));
        self.completion.get(at).copied().unwrap_or_default()
    }

    /// Share of the units that were lost, in percent.
    #[must_use]
    pub fn lost_percent(&self) -> f64 {
        100.0 * self.lost as f64 / self.units.max(1) as f64
    }
}
