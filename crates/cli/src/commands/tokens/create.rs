//! `pic tokens create`.

use crate::{
    choices,
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::{
    api::{NewApiToken, Role, TokenInfo},
    names::AppSlug,
};

/// Make a token for a program, and print it, this once
///
/// The token alone goes to standard output. PIC_TOKEN takes it, and so does the header `authorization: Bearer …`. Give each
/// program one of its own, for as little as it needs: with a role or apps it can do nothing outside of them. Needs the
/// password: `pic login`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What it is for
    name: String,
    /// The most that it may do in any app; what you may, when absent
    #[arg(long, value_parser = choices::role())]
    role: Option<Role>,
    // Takes the place of the option of the same name that every command has.
    /// Only for this app; may be given several times. For all of yours, when neither this nor PIC_APP is there
    #[arg(id = "app", long = "app", value_name = "SLUG")]
    apps: Option<Vec<AppSlug>>,
    /// Good for so many days
    #[arg(long, value_name = "COUNT", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
}

pub(crate) async fn run(Args { name, role, apps, days }: Args, context: &mut Context) -> CommandResult {
    let new = NewApiToken { name, role, apps, expires_in_days: days };
    let made = context.client()?.create_token(&new).await.doing("make a token")?;
    output::note(&described(&made.info));
    context.output.result(&made, |made| format!("{}\n", made.token))
}

fn described(token: &TokenInfo) -> String {
    let apps = token.apps.as_ref().map_or_else(|| "all your apps".to_owned(), |apps| format::list(apps));
    let role = token.role.map_or_else(|| "your roles".to_owned(), |role| format!("at most the role {}", role.as_str()));
    format!(
        "for {apps}, with {role}, until {}; `pic tokens delete {}` ends it",
        format::time(token.expires_at),
        token.id
    )
}
