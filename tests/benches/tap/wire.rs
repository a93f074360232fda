//! The air without loss or airtime: what one card injects the other hears, with an RX header in front.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use skylark_common::air::MAX_FRAME_BYTES;
use skylark_common::wire::radiotap::RxHeader;
use skylark_tests::tap::TapCard;

use crate::worker::{Stop, Worker};

/// How soon it notices that it is to end.
const PATIENCE: Duration = Duration::from_millis(50);

/// Carries frames until it is ended; then says how many that were.
pub(crate) fn start(from: TapCard, to: TapCard) -> Worker<u64> {
    Worker::start(move |stop| carry(&from, &to, stop))
}

fn carry(from: &TapCard, to: &TapCard, stop: &Stop) -> u64 {
    let mut heard = Vec::with_capacity(2 * MAX_FRAME_BYTES);
    let mut header = [0; 64];
    let len = RxHeader { frequency_mhz: Some(5745), ..RxHeader::default() }.emit(&mut header).unwrap();
    let (mut frame, mut carried) = ([0; MAX_FRAME_BYTES], 0);
    while !stop.asked() {
        while let Some(injected) = from.injected(&mut frame).unwrap() {
            let radiotap = usize::from(u16::from_le_bytes([frame[2], frame[3]]));
            heard.clear();
            heard.extend_from_slice(&header[..len]);
            heard.extend_from_slice(&frame[radiotap..injected]);
            assert!(to.hear(&heard).unwrap());
            carried += 1;
        }
        let mut fds = [PollFd::new(from, PollFlags::IN)];
        // Interrupted, the next turn looks anyway.
        let _ = poll(&mut fds, Timespec::try_from(PATIENCE).ok().as_ref());
    }
    carried
}
