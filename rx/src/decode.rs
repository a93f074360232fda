//! The decode thread: access units in, pictures to whoever shows them, the latest wins.

use std::sync::Arc;
use std::time::Instant;

use skylark_common::queue::Queue;
use skylark_common::scheduling;

use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::decoder::Decoder;
use crate::picture::{Decoded, Picture};
use crate::unit::Unit;

/// Pictures on their way to one thread, the latest wins.
pub(crate) type PictureQueue = Arc<Queue<Arc<Decoded>>>;

/// Decodes what comes until the queue is closed, then closes those of the pictures.
pub(crate) fn run(
    mut decoder: Decoder,
    units: &Queue<Arc<Unit>>,
    pictures: &[PictureQueue],
    board: &Board,
    control: &Control,
) {
    scheduling::prefer();
    while let Some(unit) = units.pop() {
        let begun = now();
        let decoded = decoder.decode(&unit, |picture| hand_on(picture, begun, pictures, board));
        board.note_decoder(decoder.stats());
        if let Err(error) = decoded {
            control.fail(format!("the decoder cannot go on: {error}"));
            break;
        }
    }
    units.close();
    pictures.iter().for_each(|queue| queue.close());
}

fn hand_on(picture: Picture, begun: Instant, pictures: &[PictureQueue], board: &Board) {
    let decoded = Arc::new(Decoded { picture, begun, at: now() });
    for queue in pictures {
        queue.push(Arc::clone(&decoded));
    }
    // What is noted may wait, the picture must not.
    board.note_decoded(&decoded);
}
