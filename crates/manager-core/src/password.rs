//! Passwords: their rule, their hashes (argon2id), and the queue before the hashing, which costs 19 MiB and tens of
//! milliseconds each time and therefore must not be had by strangers without bound.

use argon2::{
    Argon2, Params,
    password_hash::{Error as HashError, PasswordHasher, PasswordVerifier},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Fewest characters of a password.
const MIN_CHARS: usize = 10;
/// Most bytes of a password.
const MAX_BYTES: usize = 1_024;
/// Hashings at a time.
const RUNNING: usize = 2;
/// Hashings that may wait for their turn.
const WAITING: usize = 32;

/// Why a password was not hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It breaks the rule.
    #[error("a password has at least 10 characters and at most 1,024 bytes")]
    Invalid,
    /// Too many others are waiting.
    #[error("too many sign-ins at once")]
    Busy,
    /// The hashing itself failed, or a stored hash does not parse.
    #[error("a password could not be hashed: {0}")]
    Hash(#[from] HashError),
    /// The runtime is shutting down.
    #[error("the hashing was cut short")]
    Interrupted,
}

/// Hashes and compares passwords, a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Passwords {
    /// Places for those that run and those that wait.
    places: Arc<Semaphore>,
    /// Places for those that run.
    turns: Arc<Semaphore>,
    /// Compared with when there is no such user, so that the answer takes as long.
    nobody: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(RUNNING + WAITING)),
            turns: Arc::new(Semaphore::new(RUNNING)),
            nobody: hash_of_nobody().into(),
        }
    }

    /// The hash to store for a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        check(password)?;
        let password = password.to_owned();
        self.take_turn(move || Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())).await
    }

    /// Whether the password is the one of this hash. `None`, for a user who does not exist, takes as long and is
    /// never right.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let password = password.to_owned();
        let right =
            self.take_turn(move || match Argon2::default().verify_password(password.as_bytes(), hash.as_str()) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            });
        Ok(right.await? && known)
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.places.try_acquire().map_err(|_| PasswordError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| PasswordError::Interrupted)?;
        // The turn goes with the work: it stays taken when the asker hangs up meanwhile.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| PasswordError::Interrupted)?
    }
}

fn check(password: &str) -> Result<(), PasswordError> {
    let valid = password.len() <= MAX_BYTES && password.chars().count() >= MIN_CHARS;
    if valid { Ok(()) } else { Err(PasswordError::Invalid) }
}

/// A hash of the default cost, of no known password: salt and hash are zeros (22 and 43 digits of base64).
fn hash_of_nobody() -> String {
    let (memory, time, lanes) = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST);
    format!("$argon2id$v=19$m={memory},t={time},p={lanes}${:A<22}${:A<43}", "", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::phc::PasswordHash;

    #[test]
    fn the_rule_counts_characters_and_bytes() {
        assert!(check("ääääääääää").is_ok());
        assert!(check("123456789").is_err());
        assert!(check(&"x".repeat(1_024)).is_ok());
        assert!(check(&"x".repeat(1_025)).is_err());
    }

    #[tokio::test]
    async fn a_password_is_known_again() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct house", Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_is_compared_at_full_cost() {
        let hash = Argon2::default().hash_password(b"somebody").unwrap();
        let nobody = hash_of_nobody();
        let parsed = PasswordHash::new(&nobody).unwrap();
        assert_eq!((parsed.algorithm, parsed.version, &parsed.params), (hash.algorithm, hash.version, &hash.params));
        assert_eq!(Argon2::default().verify_password(b"", &parsed), Err(HashError::PasswordInvalid));
        assert!(!Passwords::new().verify("somebody", None).await.unwrap());
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = Passwords::new();
        let turns = passwords.turns.acquire_many(RUNNING as u32).await.unwrap();
        let waiting: Vec<_> = (0..RUNNING + WAITING)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.verify("", None).await })
            })
            .collect();
        while passwords.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(passwords.verify("", None).await, Err(PasswordError::Busy)));
        for task in &waiting {
            task.abort();
        }
        for task in waiting {
            assert!(task.await.unwrap_err().is_cancelled());
        }
        drop(turns);
        assert!(!passwords.verify("", None).await.unwrap());
    }
}
