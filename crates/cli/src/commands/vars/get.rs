//! `pic vars get`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::VarName;

/// Print a variable's value, exactly
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The variable
    name: VarName,
}

pub(crate) async fn run(Args { name }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let vars = client.vars(&app).await.doing(format!("read the variables of the app {app}"))?;
    let Some(var) = vars.into_iter().find(|var| var.name == name) else {
        return Err(CommandError::new(Exit::NotFound, format!("the app {app} has no variable {name}"))
            .hint("see `pic vars list`"));
    };
    if context.output.is_json() {
        output::json(&var)?;
    } else {
        output::raw(var.value.as_bytes())?;
    }
    Ok(Exit::Ok)
}
