//! Pictures of codes as cameras and screens make them, drawn here.

use proptest::prelude::*;

use super::*;
use crate::pair::code::Code;

/// Light without a code.
const BACKGROUND: u8 = 190;

fn key(seed: u8) -> LinkKey {
    LinkKey::from_bytes([seed; 32])
}

fn empty(width: usize, height: usize) -> Picture {
    Picture { width, height, pixels: vec![BACKGROUND; width * height] }
}

/// Draws the code of a key, turned about its middle at (`x`, `y`), each module `module` pixels wide.
fn draw(picture: &mut Picture, key: &LinkKey, (x, y): (f64, f64), module: f64, degrees: f64) {
    let code = Code::new(key).unwrap();
    let half = f64::from(code.side()) / 2.0;
    let (sin, cos) = degrees.to_radians().sin_cos();
    for (index, pixel) in picture.pixels.iter_mut().enumerate() {
        let right = f64::from(u32::try_from(index % picture.width).unwrap()) - x;
        let down = f64::from(u32::try_from(index / picture.width).unwrap()) - y;
        let column = (right * cos + down * sin) / module + half;
        let line = (down * cos - right * sin) / module + half;
        let inside = (0.0..2.0 * half).contains(&column) && (0.0..2.0 * half).contains(&line);
        if inside {
            *pixel = if code.is_dark(whole(column), whole(line)) { 30 } else { 230 };
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a place in a picture is a small number")]
fn whole(number: f64) -> i32 {
    number.floor() as i32
}

/// Adds the same noise for the same seed, up to `strength` either way.
fn add_noise(picture: &mut Picture, strength: i16) {
    let mut state = 1_u32;
    for pixel in &mut picture.pixels {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = i16::try_from(state >> 24).unwrap() - 128;
        let noisy = i16::from(*pixel) + noise * strength / 128;
        *pixel = u8::try_from(noisy.clamp(0, 255)).unwrap();
    }
}

fn one_code(module: f64, degrees: f64) -> Picture {
    let mut picture = empty(640, 480);
    draw(&mut picture, &key(7), (320.0, 240.0), module, degrees);
    picture
}

#[test]
fn a_code_is_read_however_it_is_turned() {
    for degrees in (0..360).step_by(15) {
        assert_eq!(key_in(one_code(6.0, f64::from(degrees))), Ok(key(7)), "{degrees} degrees");
    }
}

#[test]
fn a_code_of_three_pixels_a_module_is_read() {
    assert_eq!(key_in(one_code(3.0, 0.0)), Ok(key(7)));
}

#[test]
fn noise_that_hides_the_code_at_full_size_is_averaged_away() {
    let mut picture = empty(1280, 960);
    draw(&mut picture, &key(7), (640.0, 480.0), 16.0, 5.0);
    add_noise(&mut picture, 250);
    assert!(key_at_this_size(&picture).is_err());
    assert_eq!(key_in(picture), Ok(key(7)));
}

#[test]
fn a_reflection_over_a_few_modules_is_corrected_and_over_many_said() {
    let mut picture = one_code(8.0, 0.0);
    let blot = |picture: &mut Picture, side: usize| {
        for line in picture.pixels.chunks_exact_mut(640).skip(240).take(side) {
            line[320..320 + side].fill(255);
        }
    };
    blot(&mut picture, 24);
    assert_eq!(key_in(picture.clone()), Ok(key(7)));
    blot(&mut picture, 96);
    assert_eq!(key_in(picture), Err(ScanError::Unreadable));
}

#[test]
fn two_keys_in_one_picture_are_not_chosen_from() {
    let mut picture = empty(900, 480);
    draw(&mut picture, &key(1), (220.0, 240.0), 6.0, 0.0);
    draw(&mut picture, &key(2), (660.0, 240.0), 6.0, 10.0);
    let error = key_in(picture).unwrap_err();
    assert!(matches!(error, ScanError::Several(..)), "{error}");
    assert!(error.to_string().contains(&format!("{:08x}", key(2).fingerprint())), "{error}");
}

#[test]
fn the_same_key_twice_is_one_key() {
    let mut picture = empty(900, 480);
    draw(&mut picture, &key(1), (220.0, 240.0), 6.0, 0.0);
    draw(&mut picture, &key(1), (660.0, 240.0), 6.0, 10.0);
    assert_eq!(key_in(picture), Ok(key(1)));
}

#[test]
fn a_picture_without_a_code_is_told_with_its_size() {
    assert_eq!(key_in(empty(640, 480)), Err(ScanError::NoCode { width: 640, height: 480 }));
    let mut noise = empty(640, 480);
    add_noise(&mut noise, 256);
    assert!(key_in(noise).is_err());
    for (width, height) in [(0, 0), (1, 1), (1, 100_000), (63, 64)] {
        assert_eq!(key_in(empty(width, height)), Err(ScanError::NoCode { width, height }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_picture_panics(pixels in proptest::collection::vec(any::<u8>(), 64 * 64 * 2), blocks in 1..16_usize) {
        // Blocks of noise have more in them that looks like a code than single pixels.
        let pixels = (0..64 * 128).map(|i| pixels[i / 128 / blocks * 64 + i % 128 / blocks]).collect();
        let _ = key_in(Picture { width: 128, height: 64, pixels });
    }
}
