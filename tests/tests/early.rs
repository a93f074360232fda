//! What is handed on early: behind a gap that stands too long, without a trace in what is handed on in its turn.
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use std::time::{Duration, Instant};

use skylark_common::air::sim::{Loss, ReceiverConfig};
use skylark_tests::link::Handed;
use skylark_tests::{Link, LinkConfig};

const EARLY: Duration = Duration::from_millis(60);
fn flown(loss: &Loss, early: Option<Duration>) -> Vec<Handed> {
    let receivers = vec![ReceiverConfig { loss: loss.clone(), ..ReceiverConfig::default() }];
    let mut link = Link::new(LinkConfig { receivers, early, ..LinkConfig::default() }, Instant::now());
    link.run(Duration::from_secs(20));
    link.idle(Duration::from_secs(1));
    link.handed
}

fn losses() -> [Loss; 2] {
    [Loss::Independent { share: 0.25 }, Loss::Bursts { share: 0.15, mean_frames: 5.0 }]
}

#[test]
fn what_is_handed_on_in_its_turn_is_the_same_with_and_without() {
    let told = |handed: &Handed, start: Instant| {
        let Handed { at, esi, bytes, missing_before, recovered, captured_us, .. } = handed.clone();
        (at - start, esi, bytes, missing_before, recovered, captured_us)
    };
    for loss in losses() {
        let (without, with) = (flown(&loss, None), flown(&loss, Some(EARLY)));
        assert!(without.iter().all(|handed| !handed.early));
        let in_turn: Vec<_> = with.iter().filter(|handed| !handed.early).map(|one| told(one, with[0].at)).collect();
        let plain: Vec<_> = without.iter().map(|one| told(one, without[0].at)).collect();
        assert!(in_turn == plain, "{loss:?}");
    }
}

#[test]
fn early_datagrams_come_once_each_in_order_and_again_in_their_turn() {
    for loss in losses() {
        let handed = flown(&loss, Some(EARLY));
        let early: Vec<_> = handed.iter().enumerate().filter(|(_, one)| one.early).collect();
        assert!(early.len() > 20, "{loss:?}: {}", early.len());
        assert!(early.windows(2).all(|pair| pair[0].1.esi < pair[1].1.esi));
        for (at, one) in early {
            assert!(handed[..at].iter().all(|before| before.early || before.esi < one.esi));
            let again = handed[at..].iter().find(|later| !later.early && later.esi == one.esi).unwrap();
            assert_eq!((&again.bytes, again.recovered), (&one.bytes, one.recovered));
        }
    }
}

#[test]
fn nothing_is_early_before_the_picture_has_stood_for_long_enough() {
    for loss in losses() {
        let handed = flown(&loss, Some(EARLY));
        let (mut moved, mut newest_early, mut stretches) = (handed[0].at, None, 0);
        for one in &handed {
            if one.early && newest_early.is_none() {
                stretches += 1;
                assert!(one.at >= moved + EARLY, "{loss:?}");
            }
            if one.early {
                newest_early = Some(one.esi);
            } else if newest_early.is_some_and(|newest| one.esi >= newest) {
                newest_early = None;
            }
            if one.end_of_unit {
                moved = one.at;
            }
        }
        assert!(stretches > 3, "{loss:?}: {stretches}");
    }
}

#[test]
fn without_loss_nothing_is_early() {
    assert!(flown(&Loss::None, Some(EARLY)).iter().all(|handed| !handed.early));
}
