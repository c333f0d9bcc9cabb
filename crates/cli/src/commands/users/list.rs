//! `pic users list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::names::Username;

/// List the users, by name
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those after this one
    #[arg(long, value_name = "USER")]
    after: Option<Username>,
}

pub(crate) async fn run(Args { limit, after }: Args, context: &mut Context) -> CommandResult {
    let after = after.as_ref().map(Username::as_str);
    let page = context.client()?.users(after, Some(limit)).await.doing("list the users")?;
    context.output.page(&page, "--after", |users| {
        let rows = users
            .iter()
            .map(|user| vec![user.username.to_string(), super::rights(user), format::time(user.created_at)]);
        output::table(&["USER", "RIGHTS", "MADE"], rows)
    })
}
