//! The key that seals the apps' secrets: from the environment, or from a file in the data directory, which the first
//! start makes. It never goes to the log; its id does.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use picloud_manager_core::settle_keys;
use picloud_store::Store;
use picloud_vault::{Key, Vault};
use std::io::{ErrorKind, Read, Write};
use zeroize::Zeroizing;

/// Holds the key, in hexadecimal.
const FILE: &str = "secret-key";
/// Holds the key before it, while secrets are being sealed anew.
const PREVIOUS_FILE: &str = "secret-key.previous";
/// Where a new key is written before it takes its name, so that no crash leaves half of one.
const NEW_FILE: &str = "secret-key.new";
/// More than any way of writing a key takes.
const MOST_BYTES: u64 = 1 << 10;

/// The keys, once it is sure that every secret can be opened with them, and sealed under the current one.
pub(crate) async fn vault(store: &Store, data: &Dir, config: &Config) -> Result<Vault> {
    let previous = match &config.previous_secret_key {
        Some(text) => Some(parsed(text, "PICLOUD_PREVIOUS_SECRET_KEY")?),
        None => read(data, PREVIOUS_FILE)?,
    };
    let current = match &config.secret_key {
        Some(text) => parsed(text, "PICLOUD_SECRET_KEY")?,
        None => match read(data, FILE)? {
            Some(key) => key,
            None => made(store, data, config, previous.as_ref()).await?,
        },
    };
    let has_previous = previous.is_some();
    let vault = Vault::new(current, previous);
    let sealed_anew = settle_keys(store, &vault).await.context("checking the key of the secrets")?;
    if has_previous {
        tracing::info!(key = %vault.current(), sealed_anew, "no secret needs the previous key any more");
    }
    Ok(vault)
}

/// A new key, unless there are secrets that no key opens: a new one would only hide that theirs is missing.
async fn made(store: &Store, data: &Dir, config: &Config, previous: Option<&Key>) -> Result<Key> {
    let previous = previous.map(Key::id);
    for (id, count) in store.secret_keys().await? {
        if Some(&id) != previous.as_ref() {
            bail!(
                "the database holds {count} secrets sealed under the key {id}, but there is no key: bring back the file \
                 {} or set PICLOUD_SECRET_KEY",
                config.data_dir.join(FILE).display()
            );
        }
    }
    let key = Key::generate().context("drawing the key of the secrets")?;
    write(data, &key).context("writing the key of the secrets")?;
    tracing::info!(key = %key.id(), "made a key for secrets; keep a copy of the file `{FILE}`");
    Ok(key)
}

fn read(data: &Dir, name: &str) -> Result<Option<Key>> {
    let file = match data.open(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("opening the file {name} of the data directory"))?,
    };
    let mut text = Zeroizing::new(String::new());
    let what = || format!("reading the file {name} of the data directory");
    file.take(MOST_BYTES).read_to_string(&mut text).with_context(what)?;
    parsed(&text, &format!("the file {name} of the data directory")).map(Some)
}

fn parsed(text: &str, place: &str) -> Result<Key> {
    text.parse().with_context(|| format!("{place} holds no key"))
}

/// On disk before anything is sealed under it.
fn write(data: &Dir, key: &Key) -> Result<()> {
    match data.remove_file(NEW_FILE) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = data.open_with(NEW_FILE, options.write(true).create_new(true).mode(0o600))?;
    let text = key.to_text();
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    data.rename(NEW_FILE, data, FILE)?;
    // Its name too. The handle of the directory itself is not one that can be synced.
    Ok(data.open(".")?.sync_all()?)
}
