//! How long keyframes are, and what that costs in quality: openh264 left alone, and each unit bounded.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::time::{Duration, Instant};

use openh264::decoder::Decoder;
use openh264::formats::YUVSource as _;
use skylark_tx::encoder::{Allowance, Encoder, EncoderSettings, Keyframe};
use skylark_tx::picture::Picture;
use skylark_tx::source::test_pattern::Pattern;

fn main() {
    for noise in [0_u32, 24] {
        for (bits, most) in [
            (4_000_000, usize::MAX),
            (4_000_000, 30_000),
            (4_000_000, 20_000),
            (2_000_000, usize::MAX),
            (2_000_000, 20_000),
            (1_200_000, usize::MAX),
            (1_200_000, 8_000),
            (600_000, usize::MAX),
            (600_000, 8_000),
        ] {
            run(noise, bits, most);
        }
    }
}

fn run(noise: u32, bits_per_s: u32, most: usize) {
    let settings = EncoderSettings { bits_per_s, pictures_per_s: 60, keyframe_interval: Duration::from_secs(1) };
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.allow(Allowance { bits_per_s, unit_bytes: most });
    let mut decoder = Decoder::new().unwrap();
    let mut pattern = Pattern::new(1280, 720);
    let (mut key, mut other, mut psnr, mut keypsnr) = (vec![], vec![], vec![], vec![]);
    let mut seed = 1_u32;
    let mut slow = Duration::ZERO;
    let mut sum = Duration::ZERO;
    for frame in 0..240 {
        let mut picture = pattern.draw(frame, 0).clone();
        if noise > 0 {
            for y in &mut picture.y {
                seed ^= seed << 13;
                seed ^= seed >> 17;
                seed ^= seed << 5;
                *y = y.saturating_add((seed % noise) as u8);
            }
        }
        let t = Instant::now();
        let unit = encoder.encode(&picture, Keyframe::WhenDue).unwrap();
        let t = t.elapsed();
        sum += t;
        slow = slow.max(t);
        if unit.keyframe {
            key.push(unit.bytes.len())
        } else {
            other.push(unit.bytes.len())
        }
        let decoded = decoder.decode(&unit.bytes).unwrap().unwrap();
        let p = self::psnr(&picture, decoded.y(), decoded.strides().0);
        if unit.keyframe {
            keypsnr.push(p)
        }
        psnr.push(p);
    }
    let total: usize = key.iter().chain(&other).sum();
    let mean = total / 240;
    other.sort_unstable();
    println!(
        "noise {noise:2} {:4}k most {:8} | {:5} kbit/s mean {mean:6} key {:?} other p50 {} max {} | psnr mean {:.2} min {:.2} keys {:.1?} | {:?}/{:?}",
        bits_per_s / 1000,
        if most == usize::MAX { 0 } else { most },
        total * 8 / 4 / 1000,
        key,
        other[other.len() / 2],
        other[other.len() - 1],
        psnr.iter().sum::<f64>() / psnr.len() as f64,
        psnr.iter().copied().fold(99.0, f64::min),
        keypsnr,
        sum / 240,
        slow
    );
}

fn psnr(picture: &Picture, y: &[u8], stride: usize) -> f64 {
    let rows = picture.y.chunks_exact(picture.width).zip(y.chunks(stride));
    let error: u64 =
        rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>()).sum();
    10.0 * (255.0_f64 * 255.0 * picture.y.len() as f64 / (error.max(1) as f64)).log10()
}
