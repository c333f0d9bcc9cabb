//! `secrets`: the app's secrets, opened when they are read. What was read is kept out of the invocation's records.

use super::refuse;
use crate::redaction::Redactions;
use picloud_abi::{
    seam::{Refusal, RefusalCode},
    secrets::{Answer, Request},
};
use picloud_shared::{
    ids::AppId,
    names::{InvalidName, SecretName},
};
use picloud_store::AppSettings;
use picloud_vault::Vault;

pub(crate) fn answer(
    vault: &Vault,
    app: AppId,
    settings: &AppSettings,
    redactions: &mut Redactions,
    request: Request,
) -> Result<Answer, Refusal> {
    let Request::Get(name) = request;
    let name: SecretName = name.parse().map_err(|rule: InvalidName| refuse(RefusalCode::Invalid, rule.to_string()))?;
    let Some(sealed) = settings.secrets.get(&name) else { return Ok(Answer::Value(None)) };
    let value = vault.open(app, &name, sealed).map_err(|error| {
        tracing::error!(%error, %app, secret = %name, "a secret cannot be opened");
        refuse(RefusalCode::Unavailable, format!("the secret {name} cannot be opened; the server's log tells why"))
    })?;
    redactions.add(&name, &value);
    Ok(Answer::Value(Some(value.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_vault::Key;

    fn vault() -> Vault {
        Vault::new(Key::generate().unwrap(), None)
    }

    #[test]
    fn a_secret_is_opened_and_kept_out_of_records() {
        let (vault, app, name) = (vault(), AppId::new(), "KEY".parse::<SecretName>().unwrap());
        let secrets = [(name.clone(), vault.seal(app, &name, "hunter2").unwrap())].into();
        let settings = AppSettings { revision: 1, vars: [].into(), secrets };
        let mut redactions = Redactions::default();
        let mut get = |vault: &Vault, name: &str| {
            answer(vault, app, &settings, &mut redactions, Request::Get(name.into())).map(|Answer::Value(value)| value)
        };
        assert_eq!(get(&vault, "KEY").unwrap().as_deref(), Some("hunter2"));
        assert_eq!(get(&vault, "OTHER").unwrap(), None);
        assert_eq!(get(&vault, "no name").unwrap_err().code, RefusalCode::Invalid);
        let refusal = get(&self::vault(), "KEY").unwrap_err();
        assert_eq!(refusal.code, RefusalCode::Unavailable);
        assert_eq!(redactions.applied("hunter2".into(), usize::MAX, usize::MAX), "[secret KEY]");
    }
}
