//! What strangers wrote, made fit for a terminal: networks, devices and programs give themselves names.

/// `bytes` as text in which what moves the cursor, changes the screen or turns the direction of writing stands
/// escaped: `\\u{1b}`.
#[must_use]
pub fn legible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut legible = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_command(letter) { legible.extend(letter.escape_unicode()) } else { legible.push(letter) }
    }
    legible
}

/// Control characters; separators of lines and paragraphs; marks, embeddings, overrides and isolates of direction
/// (Unicode 16 23.2, UAX 9).
fn is_command(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || letter.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped_and_words_stay() {
        assert_eq!(legible("Café \"日本\" \\ e\u{301}".as_bytes()), "Café \"日本\" \\ e\u{301}");
        assert_eq!(legible(b"\x1b]0;x\x07\r\n"), "\\u{1b}]0;x\\u{7}\\u{d}\\u{a}");
        assert_eq!(legible("\u{9b}2J\u{202e}cba\u{2066}".as_bytes()), "\\u{9b}2J\\u{202e}cba\\u{2066}");
        assert_eq!(legible(b"a\xffb"), "a\u{fffd}b");
    }
}
