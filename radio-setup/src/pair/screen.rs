//! What a terminal shows of a key: the QR code, and its words beside it. Pure.

use std::fmt::Write as _;

use super::code::Code;

/// White and black that no theme changes (of the 256 colours' cube): a reader needs dark on light.
const LIGHT: u8 = 231;
const DARK: u8 = 16;

/// The terminal's own colours.
const PLAIN: &str = "\x1b[0m";

/// Blanks between the code and the words.
const GAP: usize = 3;

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// What is to be shown.
#[derive(Debug)]
pub(super) struct Screen {
    code: Vec<String>,
    beside: Vec<String>,
    code_columns: usize,
}

impl Screen {
    /// A key's code, words and spoken fingerprint.
    pub(super) fn new(code: &Code, words: &[&str], fingerprint: &str) -> Self {
        let code_columns = usize::try_from(code.side()).unwrap_or(0);
        Self { code: half_blocks(code), beside: beside(words, fingerprint), code_columns }
    }

    /// The size of terminal the code and the words fit into, with a line below for the question.
    pub(super) fn needs(&self) -> Size {
        let widest = self.beside.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        Size { columns: self.code_columns + GAP + widest, rows: self.code.len().max(self.beside.len()) + 1 }
    }

    /// All of it where it fits, else the words only.
    pub(super) fn text(&self, size: Size) -> String {
        let needs = self.needs();
        if size.columns < needs.columns || size.rows < needs.rows {
            return format!(
                "{}\nThis terminal has {} × {} characters; the QR code needs {} × {}.\n",
                self.beside.join("\n"),
                size.columns,
                size.rows,
                needs.columns,
                needs.rows
            );
        }
        let beside = self.beside.iter().map(String::as_str).chain(std::iter::repeat(""));
        self.code.iter().zip(beside).map(|(code, text)| format!("{code}{PLAIN}{:GAP$}{text}\n", "")).collect()
    }

    /// The words only, for a terminal that knows no colours.
    pub(super) fn words_only(&self) -> String {
        format!("{}\nThis terminal shows no colours, and a QR code needs them.\n", self.beside.join("\n"))
    }
}

/// The code's lines, two modules to a character.
fn half_blocks(code: &Code) -> Vec<String> {
    (0..code.side()).step_by(2).map(|y| half_block_line(code, y)).collect()
}

/// Modules of the same colour are a blank: the glyph of a filled block leaves seams in many fonts.
fn half_block_line(code: &Code, y: i32) -> String {
    let mut line = String::new();
    let mut before = None;
    for x in 0..code.side() {
        let [upper, lower] = [y, y + 1].map(|y| if code.is_dark(x, y) { DARK } else { LIGHT });
        if before.replace((upper, lower)) != Some((upper, lower)) {
            // Writing to a String cannot fail.
            let _ = write!(line, "\x1b[38;5;{upper};48;5;{lower}m");
        }
        line.push(if upper == lower { ' ' } else { '▀' });
    }
    line
}

fn beside(words: &[&str], fingerprint: &str) -> Vec<String> {
    let mut lines = vec![
        "On the other machine, one of".to_owned(),
        "  skylark-setup pair enter".to_owned(),
        "  skylark-setup pair scan IMAGE".to_owned(),
        String::new(),
    ];
    let half = words.len().div_ceil(2);
    let (left, right) = words.split_at(half);
    for (row, (left, right)) in left.iter().zip(right).enumerate() {
        lines.push(format!("{:2} {left:<10}{:2} {right}", row + 1, row + 1 + half));
    }
    lines.extend([String::new(), "Fingerprint, to compare aloud".to_owned(), format!("  {fingerprint}")]);
    lines
}

#[cfg(test)]
mod tests {
    use skylark_common::seal::LinkKey;

    use super::*;
    use crate::pair::phrase;

    fn screen() -> Screen {
        let key = LinkKey::from_bytes([0x5a; 32]);
        Screen::new(&Code::new(&key).unwrap(), &phrase::words(&key).unwrap(), "1234 abcd")
    }

    #[test]
    fn code_and_words_fit_a_terminal_of_80_by_24() {
        let needs = screen().needs();
        assert!(needs.columns <= 80 && needs.rows <= 24, "{needs:?}");
        let text = screen().text(Size { columns: 80, rows: 24 });
        assert!(text.lines().count() < 24);
        assert!(text.lines().all(|line| visible(line).chars().count() <= 80));
        assert!(text.contains('▀') && text.contains("24 ") && text.contains("1234 abcd"));
    }

    #[test]
    fn a_terminal_one_line_or_column_too_small_gets_the_words_and_is_told_the_size() {
        let Size { columns, rows } = screen().needs();
        for size in [Size { columns: columns - 1, rows }, Size { columns, rows: rows - 1 }] {
            let text = screen().text(size);
            assert!(!text.contains('▀') && text.contains("24 "), "{text}");
            assert!(text.contains(&format!("needs {columns} × {rows}")), "{text}");
        }
        assert!(screen().text(Size { columns, rows }).contains('▀'));
    }

    #[test]
    fn colours_are_set_anew_in_every_line_and_end_with_the_code() {
        let text = screen().text(Size { columns: 80, rows: 24 });
        assert_eq!(text.lines().count(), 21);
        for line in text.lines() {
            assert!(line.starts_with("\x1b[38;5;"), "{line:?}");
            let (code, words) = line.split_once(PLAIN).unwrap();
            assert_eq!(visible(code).chars().count(), 41);
            assert!(!words.contains('\x1b'));
        }
    }

    /// A line without what sets its colours.
    fn visible(line: &str) -> String {
        let (first, rest) = line.split_once('\x1b').unwrap_or((line, ""));
        let rest = rest.split('\x1b').filter_map(|part| part.split_once('m'));
        std::iter::once(first).chain(rest.map(|(_, text)| text)).collect()
    }
}
