//! The decode thread: access units in, pictures to whoever shows them, the latest wins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skylark_common::queue::{Popped, Queue};
use skylark_common::scheduling;

use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::healing::Healing;
use crate::picture::{Decoded, Picture};
use crate::unit::Unit;

/// Pictures on their way to one thread, the latest wins.
pub(crate) type PictureQueue = Arc<Queue<Arc<Decoded>>>;

/// Decodes what comes until the queue is closed, then closes those of the pictures.
pub(crate) fn run(
    mut healing: Healing,
    units: &Queue<Arc<Unit>>,
    pictures: &[PictureQueue],
    board: &Board,
    control: &Control,
) {
    scheduling::prefer();
    loop {
        let done = match next(units, &healing) {
            Popped::Item(unit) => {
                let begun = now();
                healing.decode(&unit, |picture| hand_on(picture, begun, pictures, board))
            }
            Popped::TimedOut => healing.replay(),
            Popped::Closed => break,
        };
        board.note_decoder(&healing.stats());
        if let Err(error) = done {
            control.fail(format!("the decoder cannot go on: {error}"));
            break;
        }
    }
    units.close();
    pictures.iter().for_each(|queue| queue.close());
}

/// The next unit. It is waited for only when nothing is to be made good meanwhile.
fn next(units: &Queue<Arc<Unit>>, healing: &Healing) -> Popped<Arc<Unit>> {
    if healing.has_work() {
        return units.pop_within(Duration::ZERO);
    }
    units.pop().map_or(Popped::Closed, Popped::Item)
}

fn hand_on(picture: Picture, begun: Instant, pictures: &[PictureQueue], board: &Board) {
    let decoded = Arc::new(Decoded { picture, begun, at: now() });
    for queue in pictures {
        queue.push(Arc::clone(&decoded));
    }
    // What is noted may wait, the picture must not.
    board.note_decoded(&decoded);
}
