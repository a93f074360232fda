//! The codes in the window that the camera films: QR codes of digits, as few and as large as can be.

use qrcodegen::{QrCode, QrCodeEcc, QrSegment, Version};

/// Modules of white around a code (ISO/IEC 18004 6.3.8).
pub(crate) const QUIET: usize = 4;
/// A run's number and a code's: ten digits.
const RUN_DIGITS: usize = 4;
const NUMBER_DIGITS: usize = 6;
/// Runs and codes are numbered up to here.
pub(crate) const RUNS: u32 = 10_000;
const NUMBERS: u32 = 1_000_000;

/// Which code of which window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowCode {
    /// The window's run: another window's codes are not ours.
    pub(crate) run: u32,
    /// Counts codes.
    pub(crate) number: u32,
}

/// The modules of a code, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Modules {
    /// How many there are in a row.
    pub(crate) side: usize,
    /// Where the dark ones are: row and column.
    pub(crate) dark: Vec<(usize, usize)>,
}

impl WindowCode {
    /// The one after this.
    pub(crate) const fn next(self) -> Self {
        Self { number: (self.number + 1) % NUMBERS, ..self }
    }

    /// How many codes of the same run this one comes after `before`; `None` if it is the same or an older one. Numbers
    /// begin anew after a day and more, so that half of them lie ahead and half behind.
    pub(crate) const fn steps_after(self, before: Self) -> Option<u32> {
        let steps = (self.number + NUMBERS - before.number) % NUMBERS;
        if steps > 0 && steps < NUMBERS / 2 { Some(steps) } else { None }
    }

    /// Its digits: that of the run, then its number.
    pub(crate) fn digits(self) -> String {
        let (run, number) = (self.run % RUNS, self.number % NUMBERS);
        format!("{run:0RUN_DIGITS$}{number:0NUMBER_DIGITS$}")
    }

    /// What digits mean; none if they are not a window's.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        if digits.len() != RUN_DIGITS + NUMBER_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let (run, number) = digits.split_at_checked(RUN_DIGITS)?;
        Some(Self { run: run.parse().ok()?, number: number.parse().ok()? })
    }

    /// The code as modules: 21 in a row, 30 % of which may be unreadable (version 1-H).
    pub(crate) fn modules(self) -> Modules {
        let segments = [QrSegment::make_numeric(&self.digits())];
        let (first, last) = (Version::new(1), Version::new(2));
        // Ten digits fit 1-H, which takes 17 (ISO/IEC 18004 Table 7).
        let Ok(code) = QrCode::encode_segments_advanced(&segments, QrCodeEcc::High, first, last, None, false) else {
            return Modules { side: 0, dark: Vec::new() };
        };
        let places = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let place = |at: i32| usize::try_from(at).unwrap_or(0);
        let dark = places.filter(|(x, y)| code.get_module(*x, *y)).map(|(x, y)| (place(y), place(x))).collect();
        Modules { side: place(code.size()), dark }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_say_which_code_of_which_window() {
        let code = WindowCode { run: 42, number: 999_999 };
        assert_eq!(code.digits(), "0042999999");
        assert_eq!(WindowCode::parse("0042999999"), Some(code));
        assert_eq!(code.next(), WindowCode { run: 42, number: 0 });
        for wrong in ["", "004299999", "00429999990", "004299999x", "+042999999", "skylark://x"] {
            assert_eq!(WindowCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_begin_anew_and_go_on() {
        let code = |number| WindowCode { run: 42, number };
        assert_eq!(code(7).steps_after(code(5)), Some(2));
        assert_eq!(code(1).steps_after(code(999_998)), Some(3));
        for (old, new) in [(5, 5), (5, 7), (999_998, 1)] {
            assert_eq!(code(old).steps_after(code(new)), None, "{old} {new}");
        }
    }

    #[test]
    fn a_code_is_the_smallest_there_is() {
        let modules = WindowCode { run: 9999, number: 123_456 }.modules();
        assert_eq!(modules.side, 21);
        assert!(modules.dark.contains(&(0, 0)) && modules.dark.len() > 150, "{}", modules.dark.len());
    }
}
