//! The commands. One file each, which holds its arguments, its help and what it does.

mod apps;
mod audit;
mod completion;
mod deploy;
mod docs;
mod domains;
mod files;
mod invitations;
mod invite;
mod invocations;
mod invoke;
mod join;
mod kv;
mod login;
mod logout;
mod logs;
mod password;
mod releases;
mod roles;
mod rollback;
mod schedules;
mod scripts;
mod secrets;
mod setup;
mod stats;
mod test;
mod tokens;
mod topics;
mod usage;
mod users;
mod vars;
mod whoami;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Setup(setup::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    #[command(subcommand)]
    Apps(apps::Command),
    #[command(subcommand)]
    Scripts(scripts::Command),
    Test(test::Args),
    Deploy(deploy::Args),
    Releases(releases::Args),
    Rollback(rollback::Args),
    Invoke(invoke::Args),
    #[command(subcommand)]
    Invocations(invocations::Command),
    Logs(logs::Args),
    Stats(stats::Args),
    Usage(usage::Args),
    Docs(docs::Args),
    Completion(completion::Args),
    #[command(subcommand)]
    Roles(roles::Command),
    Invite(invite::Args),
    #[command(subcommand)]
    Invitations(invitations::Command),
    Join(join::Args),
    #[command(subcommand)]
    Users(users::Command),
    #[command(subcommand)]
    Tokens(tokens::Command),
    Password(password::Args),
    Audit(audit::Args),
    #[command(subcommand)]
    Domains(domains::Command),
    #[command(subcommand)]
    Topics(topics::Command),
    #[command(subcommand)]
    Files(files::Command),
    #[command(subcommand)]
    Kv(kv::Command),
    #[command(subcommand)]
    Vars(vars::Command),
    #[command(subcommand)]
    Secrets(secrets::Command),
    #[command(subcommand)]
    Schedules(schedules::Command),
}

/// Runs the command.
pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::Setup(args) => setup::run(args, context).await,
        Command::Login(args) => login::run(args, context).await,
        Command::Logout(args) => logout::run(args, context).await,
        Command::Whoami(args) => whoami::run(args, context).await,
        Command::Apps(command) => apps::run(command, context).await,
        Command::Scripts(command) => scripts::run(command, context).await,
        Command::Test(args) => test::run(args, context),
        Command::Deploy(args) => deploy::run(args, context).await,
        Command::Releases(args) => releases::run(args, context).await,
        Command::Rollback(args) => rollback::run(args, context).await,
        Command::Invoke(args) => invoke::run(args, context).await,
        Command::Invocations(command) => invocations::run(command, context).await,
        Command::Logs(args) => logs::run(args, context).await,
        Command::Stats(args) => stats::run(args, context).await,
        Command::Usage(args) => usage::run(args, context).await,
        Command::Docs(args) => docs::run(args, context).await,
        Command::Completion(args) => completion::run(args, context).await,
        Command::Roles(command) => roles::run(command, context).await,
        Command::Invite(args) => invite::run(args, context).await,
        Command::Invitations(command) => invitations::run(command, context).await,
        Command::Join(args) => join::run(args, context).await,
        Command::Users(command) => users::run(command, context).await,
        Command::Tokens(command) => tokens::run(command, context).await,
        Command::Password(args) => password::run(args, context).await,
        Command::Audit(args) => audit::run(args, context).await,
        Command::Domains(command) => domains::run(command, context).await,
        Command::Topics(command) => topics::run(command, context).await,
        Command::Files(command) => files::run(command, context).await,
        Command::Kv(command) => kv::run(command, context).await,
        Command::Vars(command) => vars::run(command, context).await,
        Command::Secrets(command) => secrets::run(command, context).await,
        Command::Schedules(command) => schedules::run(command, context).await,
    }
}
