//! `pic users update`.

use crate::{
    confirm::confirm,
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::{api::UpdateUser, names::Username};

/// Change what a user may do on the server; what is not named stays
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("changes").required(true).multiple(true)))]
pub(crate) struct Args {
    /// The user
    user: Username,
    /// An administrator, who may do everything
    #[arg(long, group = "changes")]
    admin: bool,
    /// No administrator
    #[arg(long, group = "changes", conflicts_with = "admin")]
    no_admin: bool,
    /// May make apps, as administrators may anyway
    #[arg(long, group = "changes")]
    create_apps: bool,
    /// May make no apps
    #[arg(long, group = "changes", conflicts_with = "create_apps")]
    no_create_apps: bool,
    /// Can sign in no more; all sessions and tokens end at once and do not come back
    #[arg(long, group = "changes")]
    disable: bool,
    /// Can sign in again
    #[arg(long, group = "changes", conflicts_with = "disable")]
    enable: bool,
    /// Do not ask before disabling
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let user = &args.user;
    if args.disable {
        confirm(args.yes, &format!("Disable the user {user}, and end all their sessions and tokens?"))?;
    }
    let update = UpdateUser {
        admin: either(args.admin, args.no_admin),
        create_apps: either(args.create_apps, args.no_create_apps),
        disabled: either(args.disable, args.enable),
    };
    let user = client.update_user(user, &update).await.doing(format!("change the user {user}"))?;
    context.output.result(&user, |user| format!("{}: {}\n", user.username, super::rights(user)))
}

/// What one of two options says; nothing, if neither is given.
fn either(on: bool, off: bool) -> Option<bool> {
    (on || off).then_some(on)
}
