//! What is written over the picture, as lines of text: pure, so that it can be read in a test.

pub(crate) mod banner;
mod cards;
pub(crate) mod figures;
pub(crate) mod font;
pub(crate) mod paint;
pub(crate) mod waiting;

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A figure.
    Plain,
    /// What the figure is.
    Dim,
    /// Where something could be and is not.
    Faint,
    /// All is well.
    Good,
    /// Look out.
    Warn,
    /// Something is lost.
    Bad,
}

/// How large a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// As figures are.
    Normal,
    /// To be seen from afar.
    Large,
}

/// One line: pieces of text one after the other, in a font in which all letters are as wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The pieces.
    pub(crate) spans: Vec<(String, Tone)>,
    /// How large.
    pub(crate) size: Size,
}

impl Line {
    /// A line with nothing in it.
    pub(crate) fn new() -> Self {
        Self { spans: Vec::new(), size: Size::Normal }
    }

    /// A line of one piece.
    pub(crate) fn of(text: impl Into<String>, tone: Tone) -> Self {
        Self::new().with(text, tone)
    }

    /// The line, large.
    pub(crate) fn large(self) -> Self {
        Self { size: Size::Large, ..self }
    }

    /// The line with another piece.
    pub(crate) fn with(mut self, text: impl Into<String>, tone: Tone) -> Self {
        self.spans.push((text.into(), tone));
        self
    }

    /// How many letters it has.
    pub(crate) fn letters(&self) -> usize {
        self.spans.iter().map(|(text, _)| text.chars().count()).sum()
    }
}

/// What there is room for, in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Side by side.
    pub(crate) across: usize,
    /// Above each other.
    pub(crate) down: usize,
}

/// Text in lines of at most `letters`, broken between words; a longer word has a line of its own.
fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A name of at most `letters`: a longer one by its end, which tells it from others, and behind a relay's name by
/// both ends.
fn shortened(name: &str, letters: usize) -> String {
    let length = name.chars().count();
    if length <= letters {
        return name.to_owned();
    }
    let kept = letters.saturating_sub(1);
    let begin = if name.contains('/') { kept / 2 } else { 0 };
    let end = name.chars().skip(length - (kept - begin));
    name.chars().take(begin).chain(['…']).chain(end).collect()
}

/// A time as people read it: `0.4 s`, `83 s`, `2 min`.
pub(crate) fn age(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        10_000..120_000 => format!("{} s", ms / 1000),
        _ => format!("{} min", ms / 60_000),
    }
}

/// Thousandths with one digit behind the point: `98.0`.
fn tenths(thousandths: u64) -> String {
    format!("{}.{}", thousandths / 1000, thousandths % 1000 / 100)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The lines as one text, large ones marked, tones left out.
    pub(crate) fn text(lines: &[Line]) -> String {
        let line = |line: &Line| {
            let text: String = line.spans.iter().map(|(text, _)| text.as_str()).collect();
            let mark = if line.size == Size::Large { "# " } else { "" };
            format!("{mark}{}\n", text.trim_end())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrap("wlan2 hears  nothing at all", 13), ["wlan2 hears", "nothing at", "all"]);
        assert_eq!(wrap("a skylark-setup b", 3), ["a", "skylark-setup", "b"]);
        assert_eq!(wrap("", 3), [""; 0]);
    }

    #[test]
    fn long_names_are_told_apart_by_their_ends() {
        assert_eq!(shortened("udp:5801", 14), "udp:5801");
        assert_eq!(shortened("udp:127.0.0.1:15801", 14), "…7.0.0.1:15801");
        assert_eq!(shortened("field-station/wlx00c0ca1a2b3c", 14), "field-…a1a2b3c");
    }

    #[test]
    fn ages_are_short() {
        assert_eq!([0, 450, 3210, 83_000, 150_000].map(age), ["0.0 s", "0.4 s", "3.2 s", "83 s", "2 min"]);
        assert_eq!(tenths(59_940), "59.9");
    }
}
