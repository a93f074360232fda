//! The command line of `skylark-setup pair`.

use std::path::PathBuf;

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  skylark-setup pair show                                       on the machine that has the key
  sudo skylark-setup pair enter                                 on the other: asks for the words
  rpicam-still -n -o - | sudo skylark-setup pair scan -         or reads the QR code with its camera
  skylark-setup pair show | ssh drone sudo skylark-setup pair enter    or over a network

Both say a fingerprint: compare it.";

/// What is done to move a key.
#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// Shows the key as a QR code and as 24 words, until Enter is pressed.
    ///
    /// Both are the secret itself: whoever sees them can watch and send. Into a pipe go the words, on one line.
    Show {
        /// The key file. Without it the key that skylark-tx and skylark-rx take.
        file: Option<PathBuf>,
    },
    /// Asks for the words and writes the key file.
    ///
    /// The first four letters of a word are enough. A wrong word is named at once; the last one holds a checksum.
    Enter(PairFile),
    /// Reads the QR code from a picture and writes the key file.
    Scan {
        /// The picture, PNG or JPEG; - for stdin.
        image: PathBuf,
        #[command(flatten)]
        target: PairFile,
    },
}

/// Where a key goes.
#[derive(Debug, clap::Args)]
pub(crate) struct PairFile {
    /// Where to write the key, with mode 0600.
    ///
    /// Without it where skylark-tx and skylark-rx look: $SKYLARK_KEY, for root /etc/skylark/link.key, for others
    /// ~/.config/skylark/link.key.
    pub(crate) file: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
}
