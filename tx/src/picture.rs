//! A raw picture, and what cameras give made into one.

/// A picture in I420: a plane of luma, two of chroma with half the width and height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels, even.
    pub width: usize,
    /// Height in pixels, even.
    pub height: usize,
    /// Luma, 16 (black) to 235 (white).
    pub y: Vec<u8>,
    /// Blue difference, 128 where there is no color.
    pub u: Vec<u8>,
    /// Red difference, 128 where there is no color.
    pub v: Vec<u8>,
}

/// How a camera lays out its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// Luma and chroma interleaved, chroma at every second pixel: `Y U Y V`.
    Yuyv,
    /// A plane of luma, then one of chroma pairs with half the width and height.
    Nv12,
    /// Three bytes a pixel, full range: what a JPEG decoder gives.
    YcbcrFullRange,
}

impl PixelFormat {
    /// Bytes of a row of `width` pixels without padding.
    #[must_use]
    pub const fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Yuyv => width * 2,
            Self::Nv12 => width,
            Self::YcbcrFullRange => width * 3,
        }
    }

    /// Bytes of a picture whose rows are `stride` bytes apart.
    #[must_use]
    pub const fn picture_bytes(self, stride: usize, height: usize) -> usize {
        match self {
            Self::Yuyv | Self::YcbcrFullRange => stride * height,
            Self::Nv12 => stride * (height + height / 2),
        }
    }
}

impl Picture {
    /// A black picture. Odd sides are made even by leaving the last pixel out.
    #[must_use]
    pub fn black(width: usize, height: usize) -> Self {
        let (width, height) = (width & !1, height & !1);
        let chroma = vec![128; width * height / 4];
        Self { width, height, y: vec![16; width * height], u: chroma.clone(), v: chroma }
    }

    /// Takes over a camera's picture of the same size; `stride` is the distance of its rows in bytes.
    /// Returns whether there were bytes enough; if not, the picture stays as it was.
    #[must_use]
    pub fn fill(&mut self, bytes: &[u8], stride: usize, format: PixelFormat) -> bool {
        if stride < format.row_bytes(self.width) || bytes.len() < format.picture_bytes(stride, self.height) {
            return false;
        }
        match format {
            PixelFormat::Yuyv => self.fill_yuyv(bytes, stride),
            PixelFormat::Nv12 => self.fill_nv12(bytes, stride),
            PixelFormat::YcbcrFullRange => self.fill_ycbcr(bytes, stride),
        }
        true
    }

    fn fill_yuyv(&mut self, bytes: &[u8], stride: usize) {
        for (to, from) in self.y.chunks_exact_mut(self.width).zip(bytes.chunks_exact(stride)) {
            to.iter_mut().zip(from.iter().step_by(2)).for_each(|(to, from)| *to = *from);
        }
        // Chroma of two rows becomes one.
        let chroma = self.u.chunks_exact_mut(self.width / 2).zip(self.v.chunks_exact_mut(self.width / 2));
        for ((u, v), rows) in chroma.zip(bytes.chunks_exact(stride * 2)) {
            let (upper, lower) = rows.split_at(stride);
            let pairs = upper.as_chunks::<4>().0.iter().zip(lower.as_chunks::<4>().0);
            for ((u, v), ([_, u0, _, v0], [_, u1, _, v1])) in u.iter_mut().zip(v).zip(pairs) {
                *u = u0.midpoint(*u1);
                *v = v0.midpoint(*v1);
            }
        }
    }

    fn fill_nv12(&mut self, bytes: &[u8], stride: usize) {
        let (luma, chroma) = bytes.split_at(stride * self.height);
        for (to, from) in self.y.chunks_exact_mut(self.width).zip(luma.chunks_exact(stride)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        let planes = self.u.chunks_exact_mut(self.width / 2).zip(self.v.chunks_exact_mut(self.width / 2));
        for ((u, v), row) in planes.zip(chroma.chunks_exact(stride)) {
            for ((u, v), [from_u, from_v]) in u.iter_mut().zip(v).zip(row.as_chunks::<2>().0) {
                (*u, *v) = (*from_u, *from_v);
            }
        }
    }

    fn fill_ycbcr(&mut self, bytes: &[u8], stride: usize) {
        for (to, from) in self.y.chunks_exact_mut(self.width).zip(bytes.chunks_exact(stride)) {
            to.iter_mut().zip(from.as_chunks::<3>().0).for_each(|(to, [y, _, _])| *to = video_luma(*y));
        }
        let planes = self.u.chunks_exact_mut(self.width / 2).zip(self.v.chunks_exact_mut(self.width / 2));
        for ((u, v), rows) in planes.zip(bytes.chunks_exact(stride * 2)) {
            let (upper, lower) = rows.split_at(stride);
            let pairs = upper.as_chunks::<6>().0.iter().zip(lower.as_chunks::<6>().0);
            for ((u, v), ([_, u0, v0, _, u1, v1], [_, u2, v2, _, u3, v3])) in u.iter_mut().zip(v).zip(pairs) {
                *u = video_chroma([*u0, *u1, *u2, *u3]);
                *v = video_chroma([*v0, *v1, *v2, *v3]);
            }
        }
    }
}

/// Full-range luma (JPEG) as video has it: 0 to 255 becomes 16 to 235.
fn video_luma(full: u8) -> u8 {
    u8::try_from(16 + (u32::from(full) * 219 + 127) / 255).unwrap_or(235)
}

/// The mean of four full-range chroma samples as video has it: 0 to 255 becomes 16 to 240.
fn video_chroma(full: [u8; 4]) -> u8 {
    let sum: u32 = full.iter().map(|full| u32::from(*full)).sum();
    u8::try_from(16 + (sum * 224 + 510) / 1020).unwrap_or(240)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuyv_rows_with_padding_become_planes() {
        let mut picture = Picture::black(4, 2);
        #[rustfmt::skip]
        let bytes = [
            1, 100, 2, 200, 3, 110, 4, 210, 0xee, 0xee,
            5, 102, 6, 202, 7, 112, 8, 212, 0xee, 0xee,
        ];
        assert!(picture.fill(&bytes, 10, PixelFormat::Yuyv));
        assert_eq!(picture.y, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!((picture.u, picture.v), (vec![101, 111], vec![201, 211]));
    }

    #[test]
    fn nv12_rows_with_padding_become_planes() {
        let mut picture = Picture::black(4, 2);
        let bytes = [1, 2, 3, 4, 0xee, 5, 6, 7, 8, 0xee, 100, 200, 110, 210, 0xee];
        assert!(picture.fill(&bytes, 5, PixelFormat::Nv12));
        assert_eq!(picture.y, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!((picture.u, picture.v), (vec![100, 110], vec![200, 210]));
    }

    #[test]
    fn the_full_range_of_a_jpeg_becomes_the_range_of_video() {
        let mut picture = Picture::black(2, 2);
        let bytes = [[0, 0, 255], [255, 0, 255], [128, 0, 255], [64, 0, 255]].concat();
        assert!(picture.fill(&bytes, 6, PixelFormat::YcbcrFullRange));
        assert_eq!(picture.y, [16, 235, 126, 71]);
        assert_eq!((picture.u, picture.v), (vec![16], vec![240]));
        assert_eq!(video_chroma([128; 4]), 128);
    }

    #[test]
    fn a_short_picture_is_refused_and_changes_nothing() {
        let mut picture = Picture::black(4, 2);
        assert!(!picture.fill(&[0; 15], 8, PixelFormat::Yuyv));
        assert!(!picture.fill(&[0; 64], 7, PixelFormat::Yuyv));
        assert!(!picture.fill(&[0; 11], 4, PixelFormat::Nv12));
        assert_eq!(picture, Picture::black(4, 2));
    }
}
