//! Cards that cannot serve: the programs end with one sentence that says what to do.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use skylark_common::seal::LinkKey;
use skylark_tests::tap::{ETHERNET, TapCard, in_own_network};

use crate::desk::CLIP;
use crate::rig::{MTU_BYTES, refusal};

/// Root without any of root's rights.
const POWERLESS: [&str; 4] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

/// Both programs refuse this air with exit code 1 and one sentence that has all the words.
fn refused(wrapper: &[&str], air: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("link.key");
    std::fs::write(&key, LinkKey::from_bytes([7; 32]).to_text()).unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    for (program, rest) in [("skylark-tx", format!("--input file:{CLIP}")), ("skylark-rx", "--output none".to_owned())]
    {
        let (code, said) = refusal(wrapper, program, &format!("--key {} --air {air} {rest}", key.display()));
        assert_eq!((code, said.lines().count()), (1, 1), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said}");
        }
    }
}

#[test]
fn a_card_that_does_not_exist_is_refused_with_those_that_do() {
    in_own_network(|| {
        let _card = TapCard::create("tapm3", MTU_BYTES).unwrap();
        refused(&[], "wlan7", &["wlan7", "tapm3"]);
    });
}

#[test]
fn a_pattern_that_fits_no_card_is_refused_with_those_that_are_there() {
    in_own_network(|| {
        let _card = TapCard::create("tapm3", MTU_BYTES).unwrap();
        refused(&[], "monitor:wlx*", &["wlx*", "tapm3"]);
    });
}

#[test]
fn a_card_that_is_no_monitor_is_refused() {
    in_own_network(|| {
        let _card = TapCard::create_as("tape0", MTU_BYTES, ETHERNET).unwrap();
        refused(&[], "tape0", &["tape0", "monitor"]);
        refused(&[], "lo", &["lo", "monitor"]);
    });
}

#[test]
fn a_card_we_may_not_open_is_refused_with_what_is_needed() {
    in_own_network(|| {
        let _card = TapCard::create("tapm0", MTU_BYTES).unwrap();
        refused(&POWERLESS, "tapm0", &["permission", "tapm0"]);
    });
}
