//! The command line.

mod doctor;
mod list;
mod pair;
mod up;
mod wfb_ng;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

pub(crate) use doctor::{DoctorCommand, FrameWidth};
pub(crate) use list::ListCommand;
pub(crate) use pair::{PairCommand, PairFile};
pub(crate) use up::{DownCommand, UpCommand};
pub(crate) use wfb_ng::{KeyFolder, WfbNgKeyCommand};

const KEY_EXAMPLES: &str = "\
Examples:
  sudo skylark-setup key new                     a random key for this machine: /etc/skylark/link.key
  skylark-setup key new link.key                 the same in a file of your own
  skylark-setup key from-passphrase link.key     asks for words; the same words give the same key
  skylark-setup key show link.key                its fingerprint, to compare aloud
  skylark-setup key wfb-ng new                   gs.key and drone.key, for --dialect wfb-ng

Exit codes: 0 done, 1 failed (one line on stderr says why), 2 the command line was not understood.";

const ALL_EXAMPLES: &str = "\
Examples:
  skylark-setup list                             which cards there are, and what to do next
  sudo skylark-setup up --region DE              sets the card up for the link
  skylark-setup doctor                           why there is no picture
  skylark-setup pair show                        the key, to be read by the other end's camera
  sudo skylark-setup down                        gives the card back

Exit codes: 0 done, 1 failed (one line on stderr says why), 2 the command line was not understood.";

/// Sets up the radios and keys of a Skylark link, and says what is wrong with them.
#[derive(Debug, Parser)]
#[command(name = "skylark-setup", version, after_help = ALL_EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Those of this process.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let args = Self::try_parse()?;
        if let Command::Doctor(command) = &args.command
            && let Err(error) = command.check()
        {
            return Err(Self::command().error(ErrorKind::ValueValidation, error));
        }
        Ok(args)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the WiFi cards of this machine, what each is good for, and what to do next.
    List(ListCommand),
    /// Takes cards for the link: in monitor mode, on a channel, out of the hands of other programs.
    ///
    /// Asks before this machine loses its network. When it fails or is interrupted, all is as it was before.
    /// Channel and width have to be the same at both ends.
    #[command(after_help = up::UP_EXAMPLES)]
    Up(UpCommand),
    /// Gives cards back as up found them; also after up was killed, or the card was unplugged.
    Down(DownCommand),
    /// Makes and shows link keys.
    #[command(subcommand, after_help = KEY_EXAMPLES)]
    Key(KeyCommand),
    /// Moves the link key to another machine: by words, or by a QR code that a camera reads.
    #[command(subcommand, after_help = pair::EXAMPLES)]
    Pair(PairCommand),
    /// Says in one sentence why there is no picture, and what to do about it.
    ///
    /// Looks at cards, machine and air for at most 5 seconds and changes nothing; where the link is not heard,
    /// a card no program uses looks for it on other channels and returns to its own. Exit code 0 if no fault
    /// was found, 1 if one was.
    Doctor(DoctorCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Writes a random key that nobody else has.
    New(PairFile),
    /// Derives the key from a passphrase: asked for twice on a terminal, else one line from stdin.
    ///
    /// Both ends that are given the same words get the same key. Capitals count; how many blanks stand
    /// between two words does not. Takes 64 MiB of memory and about a second, so that guessing is slow.
    /// Whoever records the link can guess at home: take five or more random words.
    FromPassphrase(PairFile),
    /// Prints format, fingerprint and permissions of a key file, never the secret itself.
    Show {
        /// The key file. Without it the key that skylark-tx and skylark-rx take.
        file: Option<PathBuf>,
        /// Print the secret instead: the one line of the key file.
        #[arg(long)]
        secret: bool,
    },
    /// Makes and shows the keys of WFB-NG, the field's standard: gs.key and drone.key.
    #[command(subcommand, after_help = wfb_ng::EXAMPLES)]
    WfbNg(WfbNgKeyCommand),
}
