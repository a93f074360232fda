//! Walks the present words of a header and the fields they announce.

use super::{Chain, FLAGS, HEADER, RxHeader};
use crate::wire::WireError;

/// Present words read per header. Drivers send up to six (one, one for each chain, one of a vendor).
const MAX_PRESENT_WORDS: usize = 16;

/// Where the present words begin.
const WORDS_AT: usize = 4;

const BIT_RADIOTAP_NAMESPACE: u32 = 29;
const BIT_VENDOR_NAMESPACE: u32 = 30;
const BIT_EXTENSION: u32 = 31;
/// The bits that announce fields.
const FIELD_BITS: u32 = (1 << BIT_RADIOTAP_NAMESPACE) - 1;

/// Size and alignment, a power of two, of each field, by its bit (radiotap.org, defined fields). Bit 28 says that type-length-value
/// fields follow, of which none is read.
#[rustfmt::skip]
const FIELDS: [(usize, usize); 28] = [
    (8, 8), (1, 1), (1, 1), (4, 2), (2, 2), (1, 1), (1, 1), (2, 2), (2, 2), (2, 2),
    (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 2), (1, 1), (1, 1), (8, 4), (3, 1),
    (8, 4), (12, 2), (12, 8), (12, 2), (12, 2), (6, 2), (1, 1), (4, 2),
];

/// Where in a header the walk is.
pub(super) struct Walk<'a> {
    header: &'a [u8],
    words: &'a [[u8; 4]],
    at: usize,
}

impl<'a> Walk<'a> {
    /// Finds the present words of a header, which is all of `header`.
    pub(super) fn new(header: &'a [u8]) -> Result<Self, WireError> {
        let words = header.get(WORDS_AT..).unwrap_or_default().as_chunks().0;
        let is_last = |word: &[u8; 4]| u32::from_le_bytes(*word) >> BIT_EXTENSION == 0;
        let words = match words.iter().take(MAX_PRESENT_WORDS).position(is_last) {
            Some(last) => words.get(..=last).unwrap_or_default(),
            None if words.len() < MAX_PRESENT_WORDS => {
                let expected = WORDS_AT.saturating_add(words.as_flattened().len()).saturating_add(4);
                return Err(WireError::Truncated { header: HEADER, found: header.len(), expected });
            }
            None => return Err(WireError::Malformed { header: HEADER, field: "number of present words", found: 17 }),
        };
        Ok(Self { header, words, at: WORDS_AT.saturating_add(words.as_flattened().len()) })
    }

    /// Reads what can be read: a field that reaches past the header ends the walk, as does one of unknown form.
    /// The flags must be there if they are announced, or nobody knows where the frame ends.
    pub(super) fn read(mut self, header: &mut RxHeader) -> Result<(), WireError> {
        let mut vendor = false;
        for (index, word) in self.words.iter().enumerate() {
            let word = u32::from_le_bytes(*word);
            match if vendor { Ok(()) } else { self.read_word(word, header) } {
                Ok(()) => {}
                Err(Stop { bit, end }) if index == 0 && bit <= FLAGS => {
                    return Err(WireError::Truncated { header: HEADER, found: self.header.len(), expected: end });
                }
                Err(_) => break,
            }
            vendor = match ((word >> BIT_RADIOTAP_NAMESPACE) & 1, (word >> BIT_VENDOR_NAMESPACE) & 1) {
                (0, 1) if self.skip_vendor().is_some() => true,
                (0, 1) => break,
                (1, _) => false,
                _ => vendor,
            };
        }
        Ok(())
    }

    fn read_word(&mut self, word: u32, header: &mut RxHeader) -> Result<(), Stop> {
        let mut chain = Chain::default();
        let walked = bits(word & FIELD_BITS).try_for_each(|bit| {
            header.read_field(bit, self.field(bit)?, &mut chain);
            Ok(())
        });
        header.take_chain(chain);
        walked
    }

    fn field(&mut self, bit: u32) -> Result<&'a [u8], Stop> {
        let form = usize::try_from(bit).ok().and_then(|bit| FIELDS.get(bit));
        let (size, align) = *form.ok_or(Stop { bit, end: self.at })?;
        // Where a header ends has 16 bits, so that none of this wraps.
        let start = self.at.wrapping_add(align - 1) & !(align - 1);
        let end = start.wrapping_add(size);
        let value = self.header.get(start..end).ok_or(Stop { bit, end })?;
        self.at = end;
        Ok(value)
    }

    /// A vendor namespace: OUI, selector, and the number of bytes to skip behind them.
    fn skip_vendor(&mut self) -> Option<()> {
        let start = self.at.next_multiple_of(2);
        let [_, _, _, _, low, high] = *self.header.get(start..)?.first_chunk::<6>()?;
        self.at = start.checked_add(6)?.checked_add(usize::from(u16::from_le_bytes([low, high])))?;
        Some(())
    }
}

/// The positions of the ones in `word`, lowest first.
fn bits(mut word: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then_some(word.trailing_zeros());
        word &= word.wrapping_sub(1);
        lowest
    })
}

/// The field that could not be read, and where it would end.
struct Stop {
    bit: u32,
    end: usize,
}
