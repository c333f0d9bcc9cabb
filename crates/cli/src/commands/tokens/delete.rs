//! `pic tokens delete`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::ids::TokenId;

/// End a token of yours: it is worth nothing from then on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The token, as listed
    id: TokenId,
}

pub(crate) async fn run(Args { id }: Args, context: &mut Context) -> CommandResult {
    context.client()?.delete_token(id).await.doing(format!("end the token {id}"))?;
    output::note(&format!("ended the token {id}"));
    Ok(Exit::Ok)
}
