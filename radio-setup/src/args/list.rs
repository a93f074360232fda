//! The options of `list`.

/// What is listed, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct ListCommand {
    /// One line of JSON with everything that is known, for machines.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also what each driver needs, what it is known to do wrong, and who says so.
    #[arg(long, conflicts_with = "json")]
    pub(crate) details: bool,
}
