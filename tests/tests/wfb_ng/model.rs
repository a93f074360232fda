//! The models are what they model: of the recordings they make what the reference made.

use skylark_common::wfb_ng::channel::ChannelId;
use skylark_tests::wfb_ng::recording::Sent;
use skylark_tests::wfb_ng::{ModelReceiver, Recording};

#[test]
fn the_model_hands_on_what_the_reference_receiver_handed_on() {
    let recordings = Recording::all();
    assert!(recordings.len() >= 4);
    for recording in recordings {
        let channel =
            ChannelId::new(recording.argument("-i").unwrap(), recording.argument("-p").unwrap().try_into().unwrap());
        let mut model = ModelReceiver::new(channel, recording.key.clone());
        recording.frames.iter().for_each(|(_, frame)| model.handle_frame(frame));
        let handed: Vec<Sent> = model.handed.iter().map(|datagram| Sent::of(datagram)).collect();
        let expected = &recording.expected;
        let delivered: Vec<Sent> =
            expected.delivered_by_reference_receiver.iter().map(|at| expected.sent[*at].clone()).collect();
        assert_eq!(handed.len(), delivered.len(), "{}", recording.name);
        assert!(handed == delivered, "{}", recording.name);
    }
}
