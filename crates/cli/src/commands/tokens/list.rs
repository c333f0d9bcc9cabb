//! `pic tokens list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::{
    api::{TokenInfo, TokenKind},
    ids::TokenId,
};

/// List your tokens that are good, the newest first; the tokens themselves are not shown again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<TokenId>,
}

pub(crate) async fn run(Args { limit, before }: Args, context: &mut Context) -> CommandResult {
    let before = before.map(|id| id.to_string());
    let page = context.client()?.tokens(before.as_deref(), Some(limit)).await.doing("list your tokens")?;
    context.output.page(&page, "--before", |tokens| {
        let rows = tokens.iter().map(|token| {
            vec![
                token.id.to_string(),
                name(token),
                token.role.map_or("yours", |role| role.as_str()).to_owned(),
                token.apps.as_ref().map_or_else(|| "all".to_owned(), |apps| format::list(apps)),
                format::time(token.expires_at),
                token.last_used_at.map_or_else(|| "never".to_owned(), format::time),
            ]
        });
        output::table(&["ID", "NAME", "ROLE", "APPS", "ENDS", "LAST USED"], rows)
    })
}

/// What the user called it, or that it was made by signing in.
fn name(token: &TokenInfo) -> String {
    let name = match token.kind {
        TokenKind::Session => "(signed in)",
        TokenKind::Api => token.name.as_deref().unwrap_or_default(),
    };
    format!("{name}{}", if token.current { ", this one" } else { "" })
}
