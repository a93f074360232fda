//! How long access units are and what that costs in quality: openh264 left alone, each keyframe bounded, and keyframes
//! farther apart. Of what is printed only the encoding times depend on the machine.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::time::{Duration, Instant};

use openh264::decoder::Decoder;
use openh264::formats::YUVSource as _;
use skylark_common::air::airtime::airtime;
use skylark_common::wire::radiotap::TxRate;
use skylark_tx::encoder::{Encoder, EncoderSettings, Keyframe};
use skylark_tx::picture::Picture;
use skylark_tx::sender::Allowance;
use skylark_tx::source::test_pattern::Pattern;

const PICTURES_PER_S: u32 = 60;
const PICTURES: u32 = 4 * PICTURES_PER_S;
/// Bytes of a datagram, and of its frame.
const DATAGRAM_BYTES: usize = 1388;
const FRAME_BYTES: usize = 1452;
/// Steps of luma that the noise of the noisy picture spans.
const NOISE_LEVELS: u32 = 24;
/// No unit takes longer at MCS 1 with 50 % redundancy than 40 ms of the air, and of a third of it.
const BOUNDS: [(&str, usize); 3] = [("none", usize::MAX), ("40 ms", 35_000), ("40 ms of 1/3", 11_700)];

fn main() {
    println!("1280 x 720, {PICTURES_PER_S} pictures/s, 4 s; ms: on the air at MCS 1, 50 % of repairs included");
    println!(
        "picture | asked kbit/s | keyframe each | bound | kbit/s | first, later keyframe, other at most bytes (ms) | PSNR mean, least dB | encode mean, most ms"
    );
    for noise in [0, NOISE_LEVELS] {
        for bits_per_s in [4_000_000, 2_000_000] {
            for (bound, unit_bytes) in BOUNDS {
                run(noise, Duration::from_secs(1), bound, Allowance { bits_per_s, unit_bytes });
            }
        }
    }
    for seconds in [2, 4] {
        let (bound, unit_bytes) = BOUNDS[1];
        run(0, Duration::from_secs(seconds), bound, Allowance { bits_per_s: 4_000_000, unit_bytes });
    }
}

fn run(noise: u32, keyframe_interval: Duration, bound: &str, allowed: Allowance) {
    let settings =
        EncoderSettings { bits_per_s: allowed.bits_per_s, pictures_per_s: PICTURES_PER_S, keyframe_interval };
    let (mut encoder, mut decoder) = (Encoder::new(settings).unwrap(), Decoder::new().unwrap());
    let (mut pattern, mut random) = (Pattern::new(1280, 720), 1_u32);
    encoder.allow(allowed);
    let (mut first, mut later, mut other, mut all) = (0, 0, 0, 0);
    let (mut sum, mut least) = (0.0, f64::INFINITY);
    let (mut took, mut most) = (Duration::ZERO, Duration::ZERO);
    for number in 0..PICTURES {
        let mut picture = pattern.draw(number, 0).clone();
        add_noise(&mut picture, noise, &mut random);
        let start = Instant::now();
        let unit = encoder.encode(&picture, Keyframe::WhenDue).unwrap();
        (took, most) = (took + start.elapsed(), most.max(start.elapsed()));
        let bytes = unit.bytes.len();
        all += bytes;
        let longest = if number == 0 {
            &mut first
        } else if unit.keyframe {
            &mut later
        } else {
            &mut other
        };
        *longest = bytes.max(*longest);
        let decoded = decoder.decode(&unit.bytes).unwrap().unwrap();
        let psnr = psnr(&picture, decoded.y(), decoded.strides().0);
        (sum, least) = (sum + psnr, psnr.min(least));
    }
    println!(
        "{} | {} | {:?} | {bound} | {} | {first} ({}), {later} ({}), {other} ({}) | {:.2}, {least:.2} | {:.1}, {:.1}",
        if noise > 0 { "noisy" } else { "test" },
        allowed.bits_per_s / 1000,
        keyframe_interval,
        all * 8 * PICTURES_PER_S as usize / PICTURES as usize / 1000,
        on_air_ms(first),
        on_air_ms(later),
        on_air_ms(other),
        sum / f64::from(PICTURES),
        took.as_secs_f64() * 1e3 / f64::from(PICTURES),
        most.as_secs_f64() * 1e3,
    );
}

fn on_air_ms(bytes: usize) -> u128 {
    let packets = u32::try_from(bytes.div_ceil(DATAGRAM_BYTES) * 3 / 2).unwrap();
    (airtime(TxRate::default(), FRAME_BYTES) * packets).as_millis()
}

/// Noise of a camera in bad light (xorshift, G. Marsaglia 2003).
fn add_noise(picture: &mut Picture, levels: u32, random: &mut u32) {
    if levels == 0 {
        return;
    }
    for luma in &mut picture.y {
        *random ^= *random << 13;
        *random ^= *random >> 17;
        *random ^= *random << 5;
        *luma = luma.saturating_add(u8::try_from(*random % levels).unwrap());
    }
}

fn psnr(picture: &Picture, decoded: &[u8], stride: usize) -> f64 {
    let rows = picture.y.chunks_exact(picture.width).zip(decoded.chunks(stride));
    let square = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b)).pow(2);
    let error: u64 = rows.map(|(a, b)| a.iter().zip(b).map(square).sum::<u64>()).sum();
    10.0 * (255.0 * 255.0 * picture.y.len() as f64 / error.max(1) as f64).log10()
}
