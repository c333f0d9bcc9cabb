//! The options that every command takes.

use clap::{Args, ValueEnum};
use picloud_shared::names::AppSlug;

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Options {
    /// The app to work in, instead of the profile's
    #[arg(long, global = true, value_name = "SLUG", env = "PIC_APP", hide_env_values = true)]
    pub(crate) app: Option<AppSlug>,
    /// The server's address, instead of the profile's
    #[arg(long, global = true, value_name = "URL", env = "PIC_URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// Which server, user and app to use, of those signed in to; the one named default when absent
    #[arg(long, global = true, value_name = "NAME", env = "PIC_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,
    /// How to print results; json prints the bodies of the API
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}
