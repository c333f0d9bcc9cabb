//! `pic join`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult},
    exit::Exit,
    link::{self, Link},
    output,
    password::PasswordArgs,
};
use picloud_client::{Client, Error as ClientError};
use picloud_shared::{
    api::{AcceptInvitation, AcceptedInvitation},
    names::Username,
    one_time::OneTimeLink,
};

/// Accept an invitation: as a new user, or as the one who has signed in there
///
/// With --username a new user is made and signed in; the password has at least 10 characters, and is taken from
/// PIC_PASSWORD, or asked for at a terminal. Who has signed in already keeps their profile: the new user gets one of their
/// own, named as they are, unless --profile names another. Without --username, whoever has signed in to that server gets the
/// role in the app.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The link of the invitation, http://127.0.0.1:7070/invite#token=…
    link: String,
    /// The name of the new user
    #[arg(long, value_name = "NAME")]
    username: Option<Username>,
    #[command(flatten)]
    password: PasswordArgs,
}

pub(crate) async fn run(Args { link, username, password }: Args, context: &mut Context) -> CommandResult {
    let Link { server, token } = link::parse(&link, OneTimeLink::Invitation)?;
    let client = context.anonymous(Some(&server))?;
    let accepted = match username {
        Some(username) => {
            context.make_room(client.url(), username.as_str())?;
            as_new_user(&client, token, username, password.new_one()?, context).await?
        }
        None => as_who_has_signed_in(client, token, context).await?,
    };
    if let (Some(app), Some(role)) = (&accepted.app, accepted.role) {
        output::note(&format!("{} has the role {} in the app {app}", accepted.username, role.as_str()));
    }
    if context.output.is_json() {
        output::json(&accepted)?;
    }
    Ok(Exit::Ok)
}

/// What has changed, without the token, which is kept.
async fn as_new_user(
    client: &Client,
    token: String,
    username: Username,
    password: String,
    context: &mut Context,
) -> Result<AcceptedInvitation, CommandError> {
    let accept = AcceptInvitation { token, username: Some(username), password: Some(password) };
    let mut accepted = client.accept_invitation(&accept).await.map_err(refused)?;
    let Some(token) = accepted.token.take() else {
        return Err(CommandError::new(Exit::Unavailable, "the server has made a user, but given no token for it")
            .hint(format!("sign in with `pic login {} --username {}`", client.url(), accepted.username)));
    };
    context.sign_in(client.url(), accepted.username.to_string(), token, accepted.app.clone())?;
    Ok(accepted)
}

async fn as_who_has_signed_in(
    client: Client,
    token: String,
    context: &mut Context,
) -> Result<AcceptedInvitation, CommandError> {
    let server = client.url().clone();
    let Some(own) = context.token_for(&server) else {
        return Err(CommandError::new(Exit::Usage, format!("nobody has signed in to {server}"))
            .hint("give --username NAME to become a user there; who is one signs in first, with `pic login`"));
    };
    let accept = AcceptInvitation { token, username: None, password: None };
    let accepted = client.with_token(own)?.accept_invitation(&accept).await.map_err(refused)?;
    if context.app().is_err() {
        context.use_app(accepted.app.clone())?;
    }
    Ok(accepted)
}

/// Whoever was invited cannot look at what invitations there are.
fn refused(error: ClientError) -> CommandError {
    let gone = error.status().is_some_and(|status| status == 404);
    let error = CommandError::from(error).doing("accept the invitation");
    if gone { error.hint("it was taken back, or its week is over: ask whoever sent it for another") } else { error }
}
