//! The instance's key and what is sealed under it: whether all of it can be opened, and sealing anew what a key sealed
//! that is to be retired.

use picloud_shared::{ids::AppId, names::SecretName, sealed::KeyId};
use picloud_store::{Store, StoreError};
use picloud_vault::{OpenError, SealError, Vault};

/// Secrets that are read at once.
const BATCH: u32 = 100;

/// Why the secrets cannot be used with the keys that were given.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Some are sealed under a key that is not among them.
    #[error(
        "the database holds {count} secrets sealed under the key {sealed}, and the key in use is {given}: bring back the \
         right one, or give it as the previous key"
    )]
    Unknown {
        /// The key that is missing.
        sealed: KeyId,
        /// How many secrets need it.
        count: i64,
        /// The key that seals now.
        given: KeyId,
    },
    /// One is not what was sealed.
    #[error("the secret {name} of the app {app} cannot be opened: {why}")]
    Open {
        /// Whose it is.
        app: AppId,
        /// Its name.
        name: SecretName,
        /// What is wrong with it.
        why: OpenError,
    },
    /// Nothing can be sealed now.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes sure that every secret can be opened, and seals those anew that the previous key sealed; gives their number.
/// What is cut short goes on at the next start, as each secret is sealed under one of the two all the time.
///
/// # Errors
/// When a key is missing, or a secret cannot be sealed anew.
pub async fn settle_keys(store: &Store, vault: &Vault) -> Result<u64, KeyError> {
    let keys = store.secret_keys().await?;
    for (sealed, &count) in &keys {
        if !vault.knows(sealed) {
            return Err(KeyError::Unknown { sealed: sealed.clone(), count, given: vault.current().clone() });
        }
    }
    let mut done = 0;
    for old in keys.keys().filter(|key| *key != vault.current()) {
        loop {
            let secrets = store.secrets_under(old, BATCH).await?;
            if secrets.is_empty() {
                break;
            }
            for (app, name, before) in secrets {
                let value =
                    vault.open(app, &name, &before).map_err(|why| KeyError::Open { app, name: name.clone(), why })?;
                store.reseal(app, &name, &before, &vault.seal(app, &name, &value)?).await?;
                done += 1;
            }
        }
    }
    Ok(done)
}
