//! What is done at the server's own machine, past the API: `picloud admin …`.

#![expect(clippy::print_stdout, reason = "this is what its caller asked for")]

use crate::config::{self, Config};
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use picloud_manager_core::{generate_password, reset_password};
use picloud_shared::names::Username;
use picloud_store::{Database, Store};
use picloud_terminal::hidden;
use std::{
    io::{IsTerminal, stdin},
    path::PathBuf,
};
use zeroize::Zeroizing;

/// What can be done.
#[derive(Subcommand)]
pub(crate) enum Admin {
    /// Give a user another password, let them sign in again, and end all their sessions, tokens and invitations
    ///
    /// With SQLite, stop PiCloud first; with PostgreSQL it works while servers run. The password is asked for at the
    /// terminal; where there is none, or with --generate, one is made and printed.
    ResetPassword(ResetPassword),
}

/// Whose password, and which.
#[derive(Args)]
pub(crate) struct ResetPassword {
    username: Username,

    /// Make a password and print it
    #[arg(long, conflicts_with = "new_password")]
    generate: bool,

    /// The data directory, as of the server
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// The PostgreSQL database, as of the server
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,

    /// The new password
    #[arg(long, env = "PICLOUD_NEW_PASSWORD", hide = true, hide_env_values = true)]
    new_password: Option<String>,
}

pub(crate) async fn run(mut config: Config, Admin::ResetPassword(mut reset): Admin) -> Result<()> {
    config.data_dir = reset.data_dir.take().unwrap_or(config.data_dir);
    config.database_url = reset.database_url.take().or(config.database_url);
    let database = config.database()?;
    // Held until the end.
    let _lock = match &database {
        Database::Sqlite(path) => {
            let file = path.join(config::SQLITE_FILE);
            ensure!(file.exists(), "there is no {} (name the data directory with --data-dir)", file.display());
            let data = config::data_directory(path)?;
            Some(config::lock(&data, path).context("with SQLite, stop PiCloud first")?)
        }
        Database::Postgres(_) => None,
    };
    let store = Store::open(&database).await.context("opening the database")?;
    if store.user_by_name(reset.username.as_str()).await?.is_none() {
        bail!("there is no user {}", reset.username);
    }
    let (password, generated) = reset.password()?;
    reset_password(&store, &reset.username, &password).await.context("setting the password")?;
    store.close().await;
    println!("{} has a new password; all sessions, tokens and invitations are ended.", reset.username);
    if generated {
        println!("{}", password.as_str());
    }
    Ok(())
}

impl ResetPassword {
    /// The new password, and whether nobody knows it yet.
    fn password(&self) -> Result<(Zeroizing<String>, bool)> {
        if let Some(given) = &self.new_password {
            return Ok((Zeroizing::new(given.clone()), false));
        }
        if self.generate || !stdin().is_terminal() {
            return Ok((Zeroizing::new(generate_password().context("drawing a password")?), true));
        }
        let ask = |text| hidden::read(text).map(Zeroizing::new).context("reading the password");
        let password = ask("New password: ")?;
        ensure!(ask("Once more: ")? == password, "the two passwords are not the same");
        Ok((password, false))
    }
}
