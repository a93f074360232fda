//! Words for people, on stderr: the one place that prints them.

/// Tells the user something in one line.
#[expect(clippy::print_stderr, reason = "people's text goes to stderr, and from here only")]
pub(crate) fn tell(text: &str) {
    eprintln!("skylark-rx: {text}");
}
