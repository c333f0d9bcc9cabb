//! `pic completion`.

use crate::{cli::Cli, context::Context, error::CommandResult, exit::Exit, output};
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

/// Print the completion of commands and options for a shell
///
/// For bash: `pic completion bash > ~/.local/share/bash-completion/completions/pic`; for fish: `pic completion fish >
/// ~/.config/fish/completions/pic.fish`; for zsh: into a file `_pic` in a directory of $fpath.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

#[expect(clippy::unused_async, reason = "every command is run alike")]
pub(crate) async fn run(Args { shell }: Args, _: &mut Context) -> CommandResult {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "pic", &mut script);
    output::write(&script)?;
    Ok(Exit::Ok)
}
