//! openh264's own interface: the one place of this program with `unsafe`.
//!
//! The crate's safe `decode` gives an error instead of every picture that has been concealed; here a picture
//! comes out whenever the decoder has one, with what the decoder thinks of it.
#![expect(unsafe_code, reason = "openh264's raw interface gives concealed pictures, its safe one does not")]

use std::os::raw::{c_int, c_uchar};
use std::ptr::{null, null_mut};
use std::slice;

use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig};
use openh264_sys2::{
    DECODER_OPTION_ERROR_CON_IDC, ERROR_CON_SLICE_MV_COPY_CROSS_IDR, SBufferInfo, SSysMEMBuffer, dsDataErrorConcealed,
    dsErrorFree, dsFramePending,
};

/// The longest access unit given to the decoder, in bytes: it keeps several times as much for itself.
const LONGEST_UNIT_BYTES: usize = 8 << 20;
/// The largest picture side taken, in pixels: level 5.2 of H.264 (Table A-1) ends below.
const LARGEST_SIDE: usize = 8192;

/// An openh264 decoder that conceals what is missing.
pub(super) struct RawDecoder {
    decoder: Decoder,
}

/// A picture in the decoder's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawPicture<'a> {
    /// Width in pixels.
    pub(super) width: usize,
    /// Height in pixels.
    pub(super) height: usize,
    /// Luma, then the two chroma planes of half the width and height, each with the bytes from one row to the next.
    pub(super) planes: [(&'a [u8], usize); 3],
    /// The number its bytes were given with.
    pub(super) tag: u64,
}

/// What the decoder thinks of what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to complain about.
    Fine,
    /// Something was filled in: in this picture, or in one it descends from, back to the last keyframe.
    Concealed,
    /// Something was missing or wrong.
    Faulty,
    /// It cannot go on and must be made anew.
    Broken,
}

impl RawDecoder {
    /// A decoder that has seen nothing.
    pub(super) fn new() -> Result<Self, openh264::Error> {
        let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new())?;
        let mut concealment = ERROR_CON_SLICE_MV_COPY_CROSS_IDR;
        // SAFETY: the decoder is initialized, and this setting is none that `Decoder` relies on.
        let api = unsafe { decoder.raw_api() };
        // SAFETY: this option reads one `int`, which lives until the call returns.
        let refused = unsafe { api.set_option(DECODER_OPTION_ERROR_CON_IDC, (&raw mut concealment).cast()) };
        if refused == 0 { Ok(Self { decoder }) } else { Err(openh264::Error::msg("no error concealment")) }
    }

    /// Decodes one access unit in Annex B; pictures that come out go to `take`. `tag` is above zero.
    pub(super) fn decode(&mut self, annex_b: &[u8], tag: u64, mut take: impl FnMut(RawPicture<'_>)) -> Verdict {
        if annex_b.is_empty() || annex_b.len() > LONGEST_UNIT_BYTES {
            return Verdict::Faulty;
        }
        let length = c_int::try_from(annex_b.len()).unwrap_or(c_int::MAX);
        // The second call, without bytes, says that the unit is complete: its picture comes out at once.
        let given = self.step(annex_b.as_ptr(), length, tag, &mut take);
        let ended = self.step(null(), 0, tag, &mut take);
        given.or(ended)
    }

    fn step(
        &mut self,
        bytes: *const c_uchar,
        length: c_int,
        tag: u64,
        take: &mut impl FnMut(RawPicture<'_>),
    ) -> Verdict {
        let mut planes = [null_mut::<c_uchar>(); 3];
        let mut info = SBufferInfo { uiInBsTimeStamp: tag, ..SBufferInfo::default() };
        // SAFETY: the decoder is initialized; nothing here changes its settings.
        let api = unsafe { self.decoder.raw_api() };
        // SAFETY: `bytes` are `length` readable bytes or null and 0; the decoder writes three pointers and one
        // `SBufferInfo`, both of which outlive the call.
        let state = unsafe { api.decode_frame2(bytes, length, planes.as_mut_ptr(), &raw mut info) };
        if info.iBufferStatus == 1 {
            // SAFETY: with this status the decoder has filled in this, the only, member of the union.
            let shape = unsafe { info.UsrData.sSystemBuffer };
            if let Some(picture) = picture(planes, shape, info.uiOutYuvTimeStamp) {
                take(picture);
            }
        }
        Verdict::of(state)
    }
}

impl Verdict {
    /// `DECODING_STATE` is a set of bits: up to `dsDataErrorConcealed` they tell of the stream, above of the
    /// decoder itself (`dsInvalidArgument`, `dsOutOfMemory` and so on). That it waits for more is no fault.
    fn of(state: c_int) -> Self {
        let state = state & !dsFramePending;
        if state == dsErrorFree {
            Self::Fine
        } else if state == dsDataErrorConcealed {
            Self::Concealed
        } else if (0..2 * dsDataErrorConcealed).contains(&state) {
            Self::Faulty
        } else {
            Self::Broken
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Broken, _) | (_, Self::Broken) => Self::Broken,
            (Self::Faulty, _) | (_, Self::Faulty) => Self::Faulty,
            (Self::Concealed, _) | (_, Self::Concealed) => Self::Concealed,
            (Self::Fine, Self::Fine) => Self::Fine,
        }
    }
}

impl std::fmt::Debug for RawDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawDecoder").finish_non_exhaustive()
    }
}

/// `None` for sizes no stream of ours has.
fn picture<'a>(planes: [*mut c_uchar; 3], shape: SSysMEMBuffer, tag: u64) -> Option<RawPicture<'a>> {
    let side = |pixels: c_int| usize::try_from(pixels).ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
    let (width, height) = (side(shape.iWidth)?, side(shape.iHeight)?);
    let [luma_stride, chroma_stride] = shape.iStride;
    let chroma = (width.div_ceil(2), height.div_ceil(2));
    let luma = plane(planes[0], luma_stride, width, height)?;
    let blue = plane(planes[1], chroma_stride, chroma.0, chroma.1)?;
    let red = plane(planes[2], chroma_stride, chroma.0, chroma.1)?;
    Some(RawPicture { width, height, planes: [luma, blue, red], tag })
}

fn plane<'a>(start: *mut c_uchar, stride: c_int, width: usize, height: usize) -> Option<(&'a [u8], usize)> {
    let stride = usize::try_from(stride).ok().filter(|stride| *stride >= width)?;
    if start.is_null() {
        return None;
    }
    let length = stride.checked_mul(height.checked_sub(1)?)?.checked_add(width)?;
    // SAFETY: the decoder's planes have `height` rows of `stride` bytes, of which the last is read up to
    // `width`; they stay until the decoder is called again, which is after `take` has returned.
    Some((unsafe { slice::from_raw_parts(start, length) }, stride))
}
