//! `pic password`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output, password,
};
use picloud_shared::api::ChangePassword;

/// Change your password, and end all your other sessions
///
/// It has at least 10 characters. Both are asked for at a terminal, or taken from PIC_PASSWORD, the one until now, and
/// PIC_NEW_PASSWORD. API tokens stay: `pic tokens delete` ends them. Where nobody knows the password any more, `picloud
/// admin reset-password` sets one, on the server's machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let change = ChangePassword { old_password: password::until_now()?, new_password: password::from_now_on()? };
    client.change_password(&change).await.doing("change the password")?;
    output::note("the password is changed, and all your other sessions have ended");
    Ok(Exit::Ok)
}
