//! The command line of `skylark-setup key wfb-ng`.

use std::path::PathBuf;

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  skylark-setup key wfb-ng new                        gs.key and drone.key in this folder
  skylark-setup key wfb-ng from-passphrase            asks for the words of wfb_keygen
  echo 'secret password' | sudo skylark-setup key wfb-ng from-passphrase /etc/skylark
  skylark-setup key wfb-ng show gs.key                its fingerprint, the same for both files of a pair

The aircraft takes drone.key, the ground gs.key:
  skylark-tx --dialect wfb-ng --key drone.key
  skylark-rx --dialect wfb-ng --key gs.key";

/// What is done with keys of WFB-NG.
#[derive(Debug, Subcommand)]
pub(crate) enum WfbNgKeyCommand {
    /// Writes two keys that nobody else has: gs.key for the ground, drone.key for the aircraft.
    New(KeyFolder),
    /// Derives both keys from a passphrase as wfb_keygen does: asked for twice on a terminal, else one line from stdin.
    ///
    /// Every character counts, blanks too. Guessing is not slow for whoever records the link: take five or more random
    /// words, and `skylark-setup key wfb-ng new` where nothing has to match.
    FromPassphrase(KeyFolder),
    /// Prints whose a key is and its fingerprint, never a secret.
    Show {
        /// The key file.
        file: PathBuf,
    },
}

/// Where both keys go.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyFolder {
    /// The folder for gs.key and drone.key, with mode 0600.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Replace files that are there.
    #[arg(long)]
    pub(crate) force: bool,
}
