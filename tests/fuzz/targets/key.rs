//! Link keys: any text, and what is read must come back as the same text form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skylark_common::seal::LinkKey;

fuzz_target!(|text: &str| {
    if let Ok(key) = LinkKey::parse(text) {
        assert_eq!(LinkKey::parse(&key.to_text()), Ok(key));
    }
});
