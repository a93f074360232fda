//! What the keys do.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::control::Change;
use crate::spec::NamedLoss;

/// The help line.
pub(crate) const HELP: &str =
    " ↑↓ signal  PgUp/PgDn 5 dB  ←→ receiver  n none  r random  b bursts  f fades  space cut off  q quit";

/// What a key asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// A change to the chosen receiver.
    Change(Change),
    /// The next receiver is chosen.
    Next,
    /// The one before is chosen.
    Previous,
    /// The program ends.
    Quit,
}

/// The action of a key, if it has one.
pub(crate) fn action(event: &Event) -> Option<Action> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press | KeyEventKind::Repeat, .. }) = event else {
        return None;
    };
    let KeyCode::Char(letter) = code else { return special(*code) };
    match letter {
        'c' if modifiers.contains(KeyModifiers::CONTROL) => Some(Action::Quit),
        'n' => loss("none"),
        'r' => loss("random:10%"),
        'b' => loss("burst:10%,5"),
        'f' => loss("fade:10%,20ms"),
        ' ' => Some(Action::Change(Change::ToggleCut)),
        'q' => Some(Action::Quit),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a keyboard has many keys without a meaning here")]
fn special(code: KeyCode) -> Option<Action> {
    match code {
        KeyCode::Up => Some(Action::Change(Change::WalkDb(1))),
        KeyCode::Down => Some(Action::Change(Change::WalkDb(-1))),
        KeyCode::PageUp => Some(Action::Change(Change::WalkDb(5))),
        KeyCode::PageDown => Some(Action::Change(Change::WalkDb(-5))),
        KeyCode::Right | KeyCode::Tab => Some(Action::Next),
        KeyCode::Left | KeyCode::BackTab => Some(Action::Previous),
        _ => None,
    }
}

fn loss(text: &str) -> Option<Action> {
    let loss: NamedLoss = text.parse().ok()?;
    Some(Action::Change(Change::Loss(loss)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode) -> Option<Action> {
        action(&Event::Key(code.into()))
    }

    #[test]
    fn every_key_of_the_help_line_does_something() {
        for letter in ['n', 'r', 'b', 'f', ' ', 'q'] {
            assert!(key(KeyCode::Char(letter)).is_some(), "{letter:?}");
        }
        assert_eq!(key(KeyCode::Up), Some(Action::Change(Change::WalkDb(1))));
        assert_eq!(key(KeyCode::PageDown), Some(Action::Change(Change::WalkDb(-5))));
        assert_eq!(key(KeyCode::Tab), Some(Action::Next));
        assert_eq!(key(KeyCode::Left), Some(Action::Previous));
    }

    #[test]
    fn control_c_quits_and_other_keys_do_nothing() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(action(&Event::Key(control_c)), Some(Action::Quit));
        assert_eq!(key(KeyCode::Char('c')), None);
        assert_eq!(key(KeyCode::F(1)), None);
        assert_eq!(action(&Event::FocusGained), None);
    }
}
