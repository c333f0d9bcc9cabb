//! `pic logout`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};

/// Revoke the token and forget it
///
/// The token is forgotten here even when the server cannot be told; then it stays valid until it is revoked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let revoked = client.logout().await;
    if !context.token_is_from_environment() {
        context.sign_out()?;
    }
    match revoked {
        // A token that the server does not know is what was asked for.
        Err(error) if error.status().is_some_and(|status| status.as_u16() == 401) => {}
        revoked => revoked.doing("revoke the token, which is forgotten here only")?,
    }
    output::note(&format!("signed out of {}", client.url()));
    Ok(Exit::Ok)
}
