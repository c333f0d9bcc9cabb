//! The first start: the first user, or the one-time link by which somebody makes it.

use anyhow::{Context, Result};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use picloud_manager_core::{SetupToken, create_admin};
use picloud_shared::one_time::OneTimeLink;
use picloud_store::Store;
use std::io::{ErrorKind, Write};

/// Holds the set-up link, for `pic setup "$(cat data/setup-link)"`.
const LINK_FILE: &str = "setup-link";

/// Makes the user `admin` if there is none and a password is given; a token if there is still no user.
pub(crate) async fn first_user(store: &Store, data: &Dir, password: Option<&str>) -> Result<Option<SetupToken>> {
    if let Some(password) = password {
        let admin = "admin".parse()?;
        if create_admin(store, admin, password).await.context("making the user `admin` (PICLOUD_ADMIN_PASSWORD)")? {
            tracing::info!("made the user `admin`");
        }
    }
    if store.has_users().await? {
        remove_link(data)?;
        return Ok(None);
    }
    Ok(Some(SetupToken::generate().context("drawing the set-up token")?))
}

pub(crate) fn link(token: &SetupToken, manager: &str) -> String {
    OneTimeLink::Setup.at(manager, token.reveal())
}

/// Leaves the link where only this user can read it.
pub(crate) fn publish_link(data: &Dir, token: Option<&SetupToken>, manager: &str) -> Result<()> {
    let Some(token) = token else { return Ok(()) };
    // A file that is there already keeps its mode: make a new one.
    remove_link(data)?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = data.open_with(LINK_FILE, options).context("writing the set-up link")?;
    writeln!(file, "{}", link(token, manager)).context("writing the set-up link")
}

fn remove_link(data: &Dir) -> Result<()> {
    match data.remove_file(LINK_FILE) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("removing the old set-up link"),
        _ => Ok(()),
    }
}
