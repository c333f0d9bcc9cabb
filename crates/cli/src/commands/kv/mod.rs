//! `pic kv`, and what names an entry.

mod delete;
mod get;
mod list;
mod set;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;
use picloud_shared::limits::KV_KEY_BYTES;

/// The app's key-value store: look into it, and change what scripts find there
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Get(get::Args),
    Set(set::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Get(args) => get::run(args, context).await,
        Command::Set(args) => set::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}

/// A key that a path can name: one of dots alone would name the store itself, or what is above.
fn key(text: &str) -> Result<String, String> {
    match text {
        "." | ".." => Err("only scripts reach this key: no address can name it".to_owned()),
        _ if !(1..=KV_KEY_BYTES).contains(&text.len()) => {
            Err(format!("a key has 1 to {KV_KEY_BYTES} bytes, not {}", text.len()))
        }
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_text_that_a_path_can_name() {
        for good in ["a", "a/b", "...", " ", "../a", "ä\0", &"x".repeat(KV_KEY_BYTES)] {
            assert_eq!(key(good).as_deref(), Ok(good));
        }
        for bad in ["", ".", "..", &"x".repeat(KV_KEY_BYTES + 1)] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }
}
