//! What the sequence parameter set says about pictures (ITU-T H.264 7.3.2.1.1, E.1.1).

use std::time::Duration;

use thiserror::Error;

use super::bits::{BitError, BitReader};

/// The most macroblocks a picture has in one direction: the square root of 8 times the largest frame size
/// of any level (H.264 A.3.1, Table A-1, level 6.2).
const MAX_SIDE_MBS: u32 = 1055;

/// Size and rate of the pictures of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureFormat {
    /// Width in pixels, cropping taken off.
    pub width: u32,
    /// Height in pixels, cropping taken off.
    pub height: u32,
    /// Time from picture to picture, when the stream says it.
    pub interval: Option<Duration>,
}

/// Why a sequence parameter set says nothing about pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SpsError {
    /// It cannot be read.
    #[error(transparent)]
    Bits(#[from] BitError),
    /// No level allows pictures of this size.
    #[error("pictures of {width} x {height} macroblocks, at most {MAX_SIDE_MBS} each way")]
    Size {
        /// Macroblocks in a row.
        width: u32,
        /// Macroblock rows.
        height: u32,
    },
    /// The cropping takes all of the picture off.
    #[error("the cropping leaves nothing of the picture")]
    Cropping,
}

/// Parses a sequence parameter set NAL unit, its header byte included.
pub fn parse(nal: &[u8]) -> Result<PictureFormat, SpsError> {
    let mut reader = BitReader::new(nal.get(1..).unwrap_or(&[]));
    let profile = reader.unsigned(8)?;
    // Constraint flags and level.
    reader.unsigned(16)?;
    reader.unsigned_exp_golomb()?;
    let chroma = if has_chroma_format(profile) { chroma_format(&mut reader)? } else { 1 };
    skip_order(&mut reader)?;
    let width_mbs = reader.unsigned_exp_golomb()?.saturating_add(1);
    let height_units = reader.unsigned_exp_golomb()?.saturating_add(1);
    let fields = if reader.bit()? { 1 } else { 2 };
    let height_mbs = height_units.saturating_mul(fields);
    if width_mbs > MAX_SIDE_MBS || height_mbs > MAX_SIDE_MBS {
        return Err(SpsError::Size { width: width_mbs, height: height_mbs });
    }
    if fields == 2 {
        reader.bit()?;
    }
    reader.bit()?;
    let (crop_x, crop_y) = cropping(&mut reader, chroma, fields)?;
    let width = (width_mbs * 16).checked_sub(crop_x).filter(|&width| width > 0);
    let height = (height_mbs * 16).checked_sub(crop_y).filter(|&height| height > 0);
    let (Some(width), Some(height)) = (width, height) else { return Err(SpsError::Cropping) };
    let interval = if reader.bit()? { interval(&mut reader).unwrap_or(None) } else { None };
    Ok(PictureFormat { width, height, interval })
}

fn has_chroma_format(profile: u32) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

/// `chroma_format_idc`, 0 where planes are coded apart, with everything up to the scaling lists read over.
fn chroma_format(reader: &mut BitReader<'_>) -> Result<u32, BitError> {
    let chroma = reader.unsigned_exp_golomb()?;
    let separate_planes = chroma == 3 && reader.bit()?;
    // Bit depths of luma and chroma, and the lossless flag.
    reader.unsigned_exp_golomb()?;
    reader.unsigned_exp_golomb()?;
    reader.bit()?;
    if reader.bit()? {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if reader.bit()? {
                skip_scaling_list(reader, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(if separate_planes { 0 } else { chroma })
}

fn skip_scaling_list(reader: &mut BitReader<'_>, size: u32) -> Result<(), BitError> {
    let mut last = 8_i32;
    for _ in 0..size {
        let next = last.wrapping_add(reader.signed_exp_golomb()?).rem_euclid(256);
        if next == 0 {
            break;
        }
        last = next;
    }
    Ok(())
}

/// Reads over frame numbers, picture order count and reference frames.
fn skip_order(reader: &mut BitReader<'_>) -> Result<(), BitError> {
    reader.unsigned_exp_golomb()?;
    match reader.unsigned_exp_golomb()? {
        0 => {
            reader.unsigned_exp_golomb()?;
        }
        1 => {
            reader.bit()?;
            reader.signed_exp_golomb()?;
            reader.signed_exp_golomb()?;
            // At most 255 by 7.4.2.1.1; the end of the NAL unit stops any other number.
            for _ in 0..reader.unsigned_exp_golomb()? {
                reader.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    reader.unsigned_exp_golomb()?;
    reader.bit()?;
    Ok(())
}

/// The pixels cropped off in both directions (7.4.2.1.1, equations 7-19 to 7-22).
fn cropping(reader: &mut BitReader<'_>, chroma: u32, fields: u32) -> Result<(u32, u32), BitError> {
    if !reader.bit()? {
        return Ok((0, 0));
    }
    let left = reader.unsigned_exp_golomb()?;
    let right = reader.unsigned_exp_golomb()?;
    let top = reader.unsigned_exp_golomb()?;
    let bottom = reader.unsigned_exp_golomb()?;
    let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let unit_y = if chroma == 1 { 2 * fields } else { fields };
    Ok((left.saturating_add(right).saturating_mul(unit_x), top.saturating_add(bottom).saturating_mul(unit_y)))
}

/// The time between pictures out of the video usability information; a frame is two ticks.
fn interval(reader: &mut BitReader<'_>) -> Result<Option<Duration>, BitError> {
    if reader.bit()? && reader.unsigned(8)? == 255 {
        // Extended_SAR: width and height.
        reader.unsigned(32)?;
    }
    if reader.bit()? {
        // Overscan.
        reader.bit()?;
    }
    if reader.bit()? {
        // Video format and range, then, if said, three bytes of colour description.
        reader.unsigned(4)?;
        if reader.bit()? {
            reader.unsigned(24)?;
        }
    }
    if reader.bit()? {
        // Where the chroma samples lie, for both fields.
        reader.unsigned_exp_golomb()?;
        reader.unsigned_exp_golomb()?;
    }
    if !reader.bit()? {
        return Ok(None);
    }
    let ticks = u64::from(reader.unsigned(32)?);
    let ticks_per_s = u64::from(reader.unsigned(32)?);
    let nanos = (ticks * 2_000_000_000).checked_div(ticks_per_s);
    Ok(nanos.filter(|&nanos| nanos > 0).map(Duration::from_nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of tests/data/clip.h264: x264, constrained baseline 1.3, 320 × 240, 30 pictures a second.
    const CLIP: &[u8] = &[
        0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03,
        0x03, 0xc8, 0xf1, 0x42, 0xa4, 0x80,
    ];

    fn format(width: u32, height: u32, interval: Option<Duration>) -> Result<PictureFormat, SpsError> {
        Ok(PictureFormat { width, height, interval })
    }

    #[test]
    fn the_clip_is_320_by_240_at_30_pictures_a_second() {
        assert_eq!(parse(CLIP), format(320, 240, Some(Duration::from_nanos(33_333_333))));
    }

    #[test]
    fn cropping_chroma_formats_fields_and_scaling_lists_are_read() {
        // x264, high 4.2, 1080p60: 1088 rows, eight cropped.
        let high = [
            0x67, 0x64, 0x00, 0x2a, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
            0x00, 0x00, 0x03, 0x01, 0xe0, 0x3c, 0x60, 0xc6, 0x58,
        ];
        assert_eq!(parse(&high), format(1920, 1080, Some(Duration::from_nanos(16_666_666))));
        let every_25th = Some(Duration::from_millis(40));
        // x264, high 4:4:4, 854 × 480.
        let yuv444 = [
            0x67, 0xf4, 0x00, 0x1e, 0x91, 0x9b, 0x28, 0x1b, 0x07, 0xbc, 0x5f, 0x80, 0x88, 0x00, 0x00, 0x03, 0x00, 0x08,
            0x00, 0x00, 0x03, 0x01, 0x90, 0x78, 0xb1, 0x6c, 0xb0,
        ];
        assert_eq!(parse(&yuv444), format(854, 480, every_25th));
        // x264, high 4:2:2 10 bit, 200 × 100.
        let yuv422 = [
            0x67, 0x7a, 0x00, 0x0b, 0xb6, 0xcd, 0x94, 0x34, 0xfe, 0x58, 0xdc, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
            0x00, 0x00, 0x0c, 0x83, 0xc5, 0x0a, 0x65, 0x80,
        ];
        assert_eq!(parse(&yuv422), format(200, 100, every_25th));
        // x264, interlaced, 718 × 574, extended aspect ratio, colour description.
        let interlaced = [
            0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xb4, 0x12, 0x7a, 0xaf, 0xfc, 0x23, 0xe0, 0x1c, 0x0d, 0xa8, 0x08,
            0x10, 0x12, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x64, 0x1e, 0x2c, 0x5b, 0x2c,
        ];
        assert_eq!(parse(&interlaced), format(718, 574, every_25th));
    }

    #[test]
    fn every_truncation_is_refused_or_lacks_the_interval_only() {
        for length in 0..CLIP.len() {
            match parse(&CLIP[..length]) {
                Ok(found) => assert_eq!((found.width, found.height), (320, 240)),
                Err(error) => assert_eq!(error, SpsError::Bits(BitError::End)),
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0..24_usize) {
            let _ = parse(&bytes);
            let mut mutated = CLIP.to_vec();
            mutated.splice(at.., bytes);
            let _ = parse(&mutated);
        }
    }
}
