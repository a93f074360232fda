//! A picture's brightness out of a PNG or JPEG file, within bounds. Pure.

use std::io::Cursor;

use png::{ColorType, Transformations};
use thiserror::Error;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Larger pictures are refused: the 12 megapixels of common cameras fit twice, and decoding stays within
/// about 100 MB (4 bytes a pixel), which a Pi Zero 2 has.
pub(super) const MOST_PIXELS: usize = 24_000_000;

/// No side is longer than that of the widest camera pictures.
const LONGEST_SIDE: usize = 16_384;

const PNG_START: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_START: &[u8] = b"\xff\xd8\xff";

/// Brightness of each pixel, 0 black to 255 white, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// Why bytes are no picture.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum PictureError {
    /// There are none.
    #[error("the picture is empty (0 bytes), expected PNG or JPEG")]
    Empty,
    /// Of another kind.
    #[error("found neither PNG nor JPEG: the picture begins with {0:02x?}")]
    Kind(Vec<u8>),
    /// Too large to be taken.
    #[error(
        "the picture has {width} × {height} pixels, expected at most {MOST_PIXELS} in all and {LONGEST_SIDE} \
         on a side; take a smaller one"
    )]
    TooLarge {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
    },
    /// Not what its beginning promises.
    #[error("the {kind} picture is damaged or cut off: {why}")]
    Damaged {
        /// PNG or JPEG.
        kind: &'static str,
        /// What its decoder says.
        why: String,
    },
}

impl Picture {
    /// Decodes a PNG or JPEG file.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        if bytes.is_empty() {
            return Err(PictureError::Empty);
        }
        if bytes.starts_with(PNG_START) {
            return decode_png(bytes);
        }
        if bytes.starts_with(JPEG_START) {
            return decode_jpeg(bytes);
        }
        Err(PictureError::Kind(bytes.iter().take(4).copied().collect()))
    }

    /// The same at half the size: four pixels become their mean, which takes noise and screen patterns away.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = Vec::with_capacity(width * height);
        for lines in self.pixels.chunks_exact(self.width * 2) {
            let (upper, lower) = lines.split_at(self.width);
            for (upper, lower) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
                let sum: u16 = upper.iter().chain(lower).map(|pixel| u16::from(*pixel)).sum();
                pixels.push(u8::try_from(sum / 4).unwrap_or(u8::MAX));
            }
        }
        Self { width, height, pixels }
    }
}

fn decode_png(bytes: &[u8]) -> Result<Picture, PictureError> {
    let damaged = |error: png::DecodingError| PictureError::Damaged { kind: "PNG", why: error.to_string() };
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (size_of(reader.info().width), size_of(reader.info().height));
    check_size(width, height)?;
    let mut samples = vec![0; reader.output_buffer_size().ok_or(PictureError::TooLarge { width, height })?];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    samples.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        ColorType::Rgb => brightness::<3>(&samples),
        ColorType::Rgba => brightness::<4>(&samples),
        ColorType::GrayscaleAlpha => samples.chunks_exact(2).filter_map(|pixel| pixel.first().copied()).collect(),
        ColorType::Grayscale | ColorType::Indexed => samples,
    };
    Ok(Picture { width, height, pixels })
}

fn decode_jpeg(bytes: &[u8]) -> Result<Picture, PictureError> {
    let damaged = |error: DecodeErrors| damaged_jpeg(&error.to_string());
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(bytes, options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().unwrap_or((0, 0));
    check_size(width, height)?;
    if !has_end(bytes) {
        return Err(damaged_jpeg("its end is missing"));
    }
    let pixels = decoder.decode().map_err(damaged)?;
    if pixels.len() != width * height {
        return Err(damaged_jpeg(&format!("found {} of {} pixels", pixels.len(), width * height)));
    }
    Ok(Picture { width, height, pixels })
}

/// Whether there is an end mark (ITU-T T.81, B.1.1.3) behind the middle: before it may be that of a thumbnail,
/// behind it what cameras append. The decoder itself makes up what is missing.
fn has_end(bytes: &[u8]) -> bool {
    let (_, second_half) = bytes.split_at(bytes.len() / 2);
    second_half.windows(2).any(|pair| pair == [0xff, 0xd9])
}

fn damaged_jpeg(why: &str) -> PictureError {
    // The decoder quotes its messages and escapes their line ends.
    PictureError::Damaged { kind: "JPEG", why: why.trim_matches('"').replace("\\n", "; ") }
}

fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let pixels = width.saturating_mul(height);
    if pixels > MOST_PIXELS || width.max(height) > LONGEST_SIDE {
        return Err(PictureError::TooLarge { width, height });
    }
    Ok(())
}

/// Mean of red, green and blue: codes are black and white, so that no weights are needed.
fn brightness<const SAMPLES: usize>(samples: &[u8]) -> Vec<u8> {
    let (pixels, _) = samples.as_chunks::<SAMPLES>();
    let mean = |pixel: &[u8; SAMPLES]| pixel.iter().take(3).map(|sample| u16::from(*sample)).sum::<u16>() / 3;
    pixels.iter().map(|pixel| u8::try_from(mean(pixel)).unwrap_or(u8::MAX)).collect()
}

fn size_of(side: u32) -> usize {
    usize::try_from(side).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use png::{BitDepth, Encoder};
    use proptest::prelude::*;

    use super::*;

    fn encode(color: ColorType, depth: BitDepth, width: u32, samples: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, width, 2);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(samples).unwrap();
        bytes
    }

    fn pixels(bytes: &[u8]) -> Vec<u8> {
        Picture::decode(bytes).unwrap().pixels
    }

    #[test]
    fn every_kind_of_png_gives_the_same_brightness() {
        let expected = [0, 255, 255, 0];
        assert_eq!(pixels(&encode(ColorType::Grayscale, BitDepth::Eight, 2, &[0, 255, 255, 0])), expected);
        assert_eq!(pixels(&encode(ColorType::Grayscale, BitDepth::One, 2, &[0b0100_0000, 0b1000_0000])), expected);
        let sixteen = [0, 0, 255, 255, 255, 255, 0, 0];
        assert_eq!(pixels(&encode(ColorType::Grayscale, BitDepth::Sixteen, 2, &sixteen)), expected);
        let with_alpha = [0, 255, 255, 255, 255, 255, 0, 255];
        assert_eq!(pixels(&encode(ColorType::GrayscaleAlpha, BitDepth::Eight, 2, &with_alpha)), expected);
        let rgb = [0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0];
        assert_eq!(pixels(&encode(ColorType::Rgb, BitDepth::Eight, 2, &rgb)), expected);
        let rgba = [0, 0, 0, 9, 255, 255, 255, 9, 255, 255, 255, 9, 0, 0, 0, 9];
        assert_eq!(pixels(&encode(ColorType::Rgba, BitDepth::Eight, 2, &rgba)), expected);
    }

    #[test]
    fn what_is_no_picture_is_told_by_how_it_begins() {
        assert_eq!(Picture::decode(b""), Err(PictureError::Empty));
        assert_eq!(Picture::decode(b"GIF89a"), Err(PictureError::Kind(b"GIF8".to_vec())));
        assert_eq!(Picture::decode(b"G"), Err(PictureError::Kind(b"G".to_vec())));
    }

    #[test]
    fn a_picture_too_large_is_refused_by_its_header() {
        let mut header = encode(ColorType::Grayscale, BitDepth::Eight, 2, &[0; 4]);
        header[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
        let checksum = crc(&header[12..29]);
        header[29..33].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(Picture::decode(&header), Err(PictureError::TooLarge { width: 16384, height: 16384 }));
    }

    #[test]
    fn four_pixels_become_their_mean_and_an_odd_edge_is_left_out() {
        let picture = Picture { width: 5, height: 3, pixels: (0..15).collect() };
        assert_eq!(picture.halved(), Picture { width: 2, height: 1, pixels: vec![3, 5] });
        assert!(Picture { width: 1, height: 1, pixels: vec![9] }.halved().pixels.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_behind_a_right_beginning_panic(tail: Vec<u8>, is_png: bool) {
            let start = if is_png { PNG_START } else { JPEG_START };
            prop_assert!(Picture::decode(&[start, &tail].concat()).is_err());
        }
    }

    /// CRC-32 of a PNG chunk (ISO/IEC 15948, annex D).
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
