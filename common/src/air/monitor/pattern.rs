//! Names of cards: patterns as a shell has them, and the order people count in.

use std::cmp::Ordering;

/// Whether this is a pattern, not one name.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a name matches: `*` is any run of characters, `?` any one.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match (pattern_rest.next(), name.chars().next()) {
        (None, first) => first.is_none(),
        (Some('*'), _) => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.filter_map(|end| name.get(end..)).any(|rest| matches(pattern_rest.as_str(), rest))
        }
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
            name.get(found.len_utf8()..).is_some_and(|rest| matches(pattern_rest.as_str(), rest))
        }
        (Some(_), _) => false,
    }
}

/// `wlan2` before `wlan10`: runs of digits are compared as numbers.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let key = |name: &str| -> Vec<(String, u64)> {
        let mut parts = Vec::new();
        let mut rest = name;
        while !rest.is_empty() {
            let (word, after) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
            let (digits, after) = after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()));
            parts.push((word.to_owned(), digits.parse().unwrap_or(u64::MAX)));
            rest = after;
        }
        parts
    };
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let matching = [
            ("wlan*", "wlan"),
            ("*", "lo"),
            ("wl*1", "wlan11"),
            ("wlan?", "wlan1"),
            ("w*a*1", "wlan1"),
            ("wlan1", "wlan1"),
        ];
        for (pattern, name) in matching {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("wlan?", "wlan"), ("wlan?", "wlan11"), ("lan*", "wlan1"), ("wlan1", "wlan10"), ("", "lo")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(is_pattern("wlx*") && is_pattern("wlan?") && !is_pattern("wlan1"));
    }

    #[test]
    fn cards_are_ordered_as_people_count() {
        let mut names = ["wlan10", "wlan2", "mon0", "wlan", "wlx00c0", "wlan02"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["mon0", "wlan02", "wlan2", "wlan10", "wlan", "wlx00c0"]);
    }
}
