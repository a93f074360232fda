//! The pictures of a camera that runs, waited for so that a late one is neither lost nor holds up the end.
#![expect(clippy::disallowed_methods, reason = "notes when pictures come")]

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::event::PollFlags;
use rustix::time::{ClockId, clock_gettime};
use skylark_common::h264::AccessUnit;
use v4l::Device;
use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream as _, Stream as _};

use crate::encoder::Keyframe;
use crate::outlet::{EncodedUnit, Item, Outlet};

/// How long a wait for a picture may keep the end of the program waiting.
const POLL: Duration = Duration::from_millis(200);
/// A camera that gives no picture for so many polls in a row is taken as gone.
const PATIENCE_POLLS: u32 = 15;
/// One being read, and three for the driver: some start only when they have so many.
const BUFFERS: u32 = 4;
/// No driver has more (`VIDEO_MAX_FRAME` in linux/videodev2.h).
const MOST_BUFFERS: usize = 32;
/// A time stamp further away is of another clock.
const OLDEST: Duration = Duration::from_secs(1);

/// A camera that runs.
pub(super) trait Pictures {
    /// Whether a picture, or the reason why none will come, is there within `patience`.
    fn is_ready(&mut self, patience: Duration) -> io::Result<bool>;

    /// The picture that is ready, and when it was taken.
    fn next(&mut self) -> io::Result<(&[u8], Instant)>;
}

/// A V4L2 device that streams.
pub(super) struct Streaming<'a>(Stream<'a>);

impl Streaming<'_> {
    /// Starts the camera.
    pub(super) fn start(device: &Device) -> anyhow::Result<Self> {
        let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS).context("no room for pictures")?;
        // Once started, `next` hands buffer 0 to the driver. How many there are shows in the first it refuses.
        stream.queue(1).context("it takes no buffers")?;
        let _refused = (2..MOST_BUFFERS).find(|index| stream.queue(*index).is_err());
        stream.start().context("it does not start; another program may have it, or the bus no room")?;
        Ok(Self(stream))
    }
}

impl Pictures for Streaming<'_> {
    fn is_ready(&mut self, patience: Duration) -> io::Result<bool> {
        let patience_ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        match self.0.handle().poll(PollFlags::IN.bits().cast_signed(), patience_ms) {
            Ok(ready) => Ok(ready > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn next(&mut self) -> io::Result<(&[u8], Instant)> {
        let (bytes, metadata) = self.0.next()?;
        let filled = usize::try_from(metadata.bytesused).unwrap_or(0);
        Ok((bytes.get(..filled).unwrap_or(bytes), captured(metadata)))
    }
}

/// Hands on what the camera gives until it fails or the program is to end. Of what is not encoded yet (`raw`), it leaves
/// out what the air has no room for.
pub(super) fn hand_on(
    pictures: &mut impl Pictures,
    raw: bool,
    mut access_unit: impl FnMut(&[u8], Keyframe) -> anyhow::Result<Option<AccessUnit>>,
    outlet: &Outlet,
) -> anyhow::Result<()> {
    let mut silent_polls = 0;
    while !outlet.is_closed() {
        if !pictures.is_ready(POLL)? {
            silent_polls += 1;
            if silent_polls >= PATIENCE_POLLS {
                bail!("no picture for {} s", (POLL * PATIENCE_POLLS).as_secs());
            }
            continue;
        }
        silent_polls = 0;
        let (bytes, captured) = pictures.next()?;
        if raw && outlet.leaves_out() {
            continue;
        }
        let keyframe = if outlet.take_keyframe_wanted() { Keyframe::Forced } else { Keyframe::WhenDue };
        match access_unit(bytes, keyframe)? {
            Some(unit) => outlet.push(Item::Unit(EncodedUnit { unit, captured })),
            None => {
                outlet.count(|stats| stats.skipped += 1);
                if keyframe == Keyframe::Forced {
                    outlet.want_keyframe();
                }
            }
        }
    }
    Ok(())
}

/// When the picture was taken, where the driver stamps it by the clock of `Instant`.
fn captured(metadata: &Metadata) -> Instant {
    let now = Instant::now();
    if !metadata.flags.contains(Flags::TIMESTAMP_MONOTONIC) {
        return now;
    }
    let clock = clock_gettime(ClockId::Monotonic);
    let clock_us = clock.tv_sec * 1_000_000 + clock.tv_nsec / 1000;
    let stamp_us = metadata.timestamp.sec * 1_000_000 + metadata.timestamp.usec;
    let age = u64::try_from(clock_us - stamp_us).map(Duration::from_micros).unwrap_or_default();
    if age > OLDEST { now } else { now.checked_sub(age).unwrap_or(now) }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Gives a picture of this byte, or is silent for one poll, and then is gone.
    struct Scripted(VecDeque<Option<u8>>, [u8; 1]);

    impl Pictures for Scripted {
        fn is_ready(&mut self, _patience: Duration) -> io::Result<bool> {
            match self.0.front() {
                Some(None) => Ok(self.0.pop_front().is_none()),
                Some(Some(_)) | None => Ok(true),
            }
        }

        fn next(&mut self) -> io::Result<(&[u8], Instant)> {
            let picture = self.0.pop_front().flatten().ok_or(io::Error::other("gone"))?;
            self.1 = [picture];
            Ok((&self.1, Instant::now()))
        }
    }

    fn run(script: &[Option<u8>]) -> (Outlet, Vec<u8>, String) {
        let outlet = Outlet::new(99).unwrap();
        let mut made = Vec::new();
        let make = |bytes: &[u8], _| {
            made.extend_from_slice(bytes);
            Ok((bytes != [0]).then(AccessUnit::default))
        };
        let error = hand_on(&mut Scripted(script.to_vec().into(), [0]), true, make, &outlet).unwrap_err();
        (outlet, made, error.to_string())
    }

    #[test]
    fn a_late_picture_is_sent_all_the_same() {
        let late = [&[Some(1)][..], &[None; 14], &[Some(2)], &[None; 14], &[Some(3)]].concat();
        let (outlet, made, error) = run(&late);
        assert_eq!((made, error.as_str()), (vec![1, 2, 3], "gone"));
        assert_eq!(outlet.stats().handed_on, 3);
    }

    #[test]
    fn a_silent_camera_is_taken_as_gone_and_a_damaged_picture_is_counted() {
        let (outlet, _, error) = run(&[&[Some(0), Some(1)][..], &[None; 15]].concat());
        assert_eq!(error, "no picture for 3 s");
        assert_eq!((outlet.stats().skipped, outlet.stats().handed_on), (1, 1));
    }

    #[test]
    fn a_keyframe_is_still_wanted_when_the_picture_it_was_wanted_of_is_damaged() {
        let outlet = Outlet::new(9).unwrap();
        outlet.want_keyframe();
        let mut asked = Vec::new();
        let make = |bytes: &[u8], keyframe| {
            asked.push(keyframe);
            Ok((bytes != [0]).then(AccessUnit::default))
        };
        let script = [Some(0), Some(1), Some(2)].into();
        hand_on(&mut Scripted(script, [0]), true, make, &outlet).unwrap_err();
        assert_eq!(asked, [Keyframe::Forced, Keyframe::Forced, Keyframe::WhenDue]);
    }

    #[test]
    fn it_ends_when_the_program_does() {
        let outlet = Outlet::new(1).unwrap();
        outlet.end();
        hand_on(&mut Scripted(VecDeque::new(), [0]), true, |_, _| Ok(None), &outlet).unwrap();
    }

    #[test]
    fn a_raw_picture_is_left_out_while_there_is_no_room_and_an_encoded_one_is_not() {
        for (raw, made) in [(true, 0), (false, 2)] {
            let outlet = Outlet::new(9).unwrap();
            outlet.allow(None, false);
            outlet.want_keyframe();
            let script = [Some(1), Some(2)].into();
            hand_on(&mut Scripted(script, [0]), raw, |_, _| Ok(Some(AccessUnit::default())), &outlet).unwrap_err();
            assert_eq!((outlet.stats().handed_on, outlet.stats().left_out), (made, 2 - made));
            assert_eq!(outlet.take_keyframe_wanted(), raw, "a keyframe is still wanted");
        }
    }
}
