//! Which server, user and app a command works with: from the options, the environment and the profile, in that order.

use crate::{
    error::CommandError,
    exit::Exit,
    http_warning,
    options::Options,
    output::{self, Output},
    profile::{Profile, Profiles},
};
use picloud_client::Client;
use picloud_shared::names::AppSlug;
use url::Url;

const DEFAULT_URL: &str = "http://127.0.0.1:7070";

/// What a command works with.
pub(crate) struct Context {
    pub(crate) output: Output,
    profiles: Profiles,
    profile_name: String,
    url: Option<String>,
    app: Option<AppSlug>,
    /// From the environment.
    token: Option<String>,
}

impl Context {
    pub(crate) fn new(options: Options) -> Result<Self, CommandError> {
        Ok(Self {
            output: Output(options.output),
            profiles: Profiles::load(|name| std::env::var_os(name))?,
            profile_name: options.profile,
            url: options.url,
            app: options.app,
            token: std::env::var("PIC_TOKEN").ok().filter(|token| !token.is_empty()),
        })
    }

    /// A client that has not signed in.
    pub(crate) fn anonymous(&self, url: Option<&str>) -> Result<Client, CommandError> {
        let client = Client::new(url.unwrap_or_else(|| self.server()))?;
        http_warning::warn(client.url());
        Ok(client)
    }

    /// A client that has signed in.
    pub(crate) fn client(&self) -> Result<Client, CommandError> {
        let client = self.anonymous(None)?;
        let Some(token) = self.token_for(client.url()) else {
            return Err(CommandError::new(Exit::NotAllowed, format!("you are not signed in to {}", self.server()))
                .hint(format!("sign in with `pic login {}`, or set PIC_TOKEN", self.server())));
        };
        Ok(client.with_token(token)?)
    }

    /// The token to use at a server, if commands work with that one and somebody has signed in.
    pub(crate) fn token_for(&self, server: &Url) -> Option<&str> {
        let token = || self.token.as_deref().or_else(|| self.profile()?.token.as_deref());
        same_server(self.server(), server.as_str()).then(token)?
    }

    /// The app to work in.
    pub(crate) fn app(&self) -> Result<AppSlug, CommandError> {
        self.app_or(None)
    }

    /// The app to work in, where a directory says which it is meant for: what is said now counts more, what was chosen for
    /// good less.
    pub(crate) fn app_or(&self, meant: Option<&AppSlug>) -> Result<AppSlug, CommandError> {
        let chosen = || self.profile()?.app.clone();
        self.app.clone().or_else(|| meant.cloned()).or_else(chosen).ok_or_else(|| {
            CommandError::new(Exit::Usage, "no app is named")
                .hint("give --app SLUG, set PIC_APP, or choose one for good with `pic apps use SLUG`")
        })
    }

    /// The profile, if it is one of the server in use: what it holds is meant for no other.
    pub(crate) fn profile(&self) -> Option<&Profile> {
        let profile = self.profiles.get(&self.profile_name)?;
        same_server(&profile.url, self.server()).then_some(profile)
    }

    pub(crate) fn profile_name(&self) -> &str {
        &self.profile_name
    }

    /// Whether the token is the environment's, and no profile has a part in it.
    pub(crate) fn token_is_from_environment(&self) -> bool {
        self.token.is_some()
    }

    /// The app that was chosen for this server before.
    pub(crate) fn chosen_before(&self, server: &Url) -> Option<AppSlug> {
        let before = self.profiles.get(&self.profile_name)?;
        same_server(&before.url, server.as_str()).then(|| before.app.clone())?
    }

    /// Stores a new token, and the app to work in.
    pub(crate) fn sign_in(
        &mut self,
        server: &Url,
        username: String,
        token: String,
        app: Option<AppSlug>,
    ) -> Result<(), CommandError> {
        let profile = Profile { url: server.to_string(), username: username.clone(), token: Some(token), app };
        self.profiles.set(&self.profile_name, profile)?;
        output::note(&format!("signed in to {server} as {username} (profile {})", self.profile_name));
        if self.token.is_some() {
            output::warning("PIC_TOKEN is set, and other commands will use it instead");
        }
        Ok(())
    }

    /// Forgets the profile's token.
    pub(crate) fn sign_out(&mut self) -> Result<(), CommandError> {
        self.update_profile(|profile| profile.token = None)
    }

    /// Chooses the app to work in when none is named.
    pub(crate) fn use_app(&mut self, app: Option<AppSlug>) -> Result<(), CommandError> {
        self.update_profile(|profile| profile.app = app)
    }

    /// Without a profile there is nothing to change.
    fn update_profile(&mut self, update: impl FnOnce(&mut Profile)) -> Result<(), CommandError> {
        let Some(mut profile) = self.profile().cloned() else {
            return Ok(());
        };
        update(&mut profile);
        self.profiles.set(&self.profile_name, profile)
    }

    fn server(&self) -> &str {
        let profile = || self.profiles.get(&self.profile_name).map(|profile| profile.url.as_str());
        self.url.as_deref().or_else(profile).unwrap_or(DEFAULT_URL)
    }
}

fn same_server(a: &str, b: &str) -> bool {
    matches!((Url::parse(a), Url::parse(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Format;
    use std::path::Path;

    fn context(config: &Path, url: Option<&str>, token: Option<&str>) -> Context {
        Context {
            output: Output(Format::Table),
            profiles: Profiles::load(|name| (name == "PIC_CONFIG").then(|| config.into())).unwrap(),
            profile_name: "default".to_owned(),
            url: url.map(str::to_owned),
            app: None,
            token: token.map(str::to_owned),
        }
    }

    fn signed_in(config: &Path) {
        let mut context = context(config, None, None);
        let app = Some("demo".parse().unwrap());
        context.sign_in(&"http://127.0.0.1:1".parse().unwrap(), "admin".to_owned(), "pic_1".to_owned(), app).unwrap();
    }

    #[test]
    fn what_a_profile_holds_is_for_its_server_alone() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("pic.toml");
        signed_in(&config);
        for url in [None, Some("http://127.0.0.1:1"), Some("HTTP://127.0.0.1:1/")] {
            assert!(context(&config, url, None).client().is_ok(), "{url:?}");
            assert_eq!(context(&config, url, None).app().unwrap().as_str(), "demo");
        }
        let elsewhere = context(&config, Some("http://127.0.0.1:2"), None);
        assert_eq!(elsewhere.client().unwrap_err().exit(), Exit::NotAllowed);
        assert_eq!(elsewhere.app().unwrap_err().exit(), Exit::Usage);
        assert!(context(&config, Some("http://127.0.0.1:2"), Some("pic_2")).client().is_ok());
        // What a link leads to gets no token that is meant for another server, wherever that token comes from.
        for token in [None, Some("pic_2")] {
            let of =
                |server: &str| context(&config, None, token).token_for(&server.parse().unwrap()).map(str::to_owned);
            assert_eq!(of("http://127.0.0.1:1/").as_deref(), token.or(Some("pic_1")));
            assert_eq!(of("http://127.0.0.1:2/"), None);
        }
    }

    #[test]
    fn the_app_stays_with_its_server() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("pic.toml");
        signed_in(&config);
        let chosen = |url: &str| context(&config, None, None).chosen_before(&url.parse().unwrap());
        assert_eq!(chosen("http://127.0.0.1:1").unwrap().as_str(), "demo");
        assert_eq!(chosen("http://127.0.0.1:2"), None);
    }

    #[test]
    fn signing_out_forgets_the_token_only() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("pic.toml");
        signed_in(&config);
        context(&config, None, None).sign_out().unwrap();
        let after = context(&config, None, None);
        assert_eq!(after.client().unwrap_err().exit(), Exit::NotAllowed);
        assert_eq!(after.app().unwrap().as_str(), "demo");
    }
}
