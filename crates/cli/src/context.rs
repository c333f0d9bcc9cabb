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
const DEFAULT_PROFILE: &str = "default";

/// What a command works with.
pub(crate) struct Context {
    pub(crate) output: Output,
    profiles: Profiles,
    profile_name: String,
    /// Whether somebody has named the profile.
    profile_is_named: bool,
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
            profile_is_named: options.profile.is_some(),
            profile_name: options.profile.unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
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
            let mut message = format!("you are not signed in to {}", self.server());
            if self.profiles.get(&self.profile_name).is_none() && self.profile_is_named {
                message = format!("{message}: there is no profile {}", self.profile_name);
            }
            return Err(CommandError::new(Exit::NotAllowed, message)
                .hint(format!("sign in with `pic login {}`, or set PIC_TOKEN", self.server())));
        };
        Ok(client.with_token(token)?)
    }

    /// The token to use at a server, if commands work with that one and somebody has signed in.
    pub(crate) fn token_for(&self, server: &Url) -> Option<&str> {
        let token = || self.token.as_deref().or_else(|| self.profile()?.token.as_deref());
        same_server(self.server(), server.as_str()).then(token)?
    }

    /// With what to do about a token that is no good, where that is the environment's: signing in would not help.
    pub(crate) fn explain(&self, error: CommandError) -> CommandError {
        if error.is_of_token() && self.token_is_from_environment() {
            return error
                .hint("PIC_TOKEN is set, and wins over what `pic login` keeps: unset it, or replace it by a good one");
        }
        error
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

    /// The app that this user has chosen for this server before.
    pub(crate) fn chosen_before(&self, server: &Url, username: &str) -> Option<AppSlug> {
        let before = self.profiles.get(&self.profile_name)?;
        before.is_of(server, username).then(|| before.app.clone())?
    }

    /// Where the profile is somebody else's who has signed in, and nobody has named it, takes one for this user, named as
    /// they are.
    pub(crate) fn make_room(&mut self, server: &Url, username: &str) -> Result<(), CommandError> {
        let taken = |name: &str| {
            self.profiles.get(name).is_some_and(|held| held.token.is_some() && !held.is_of(server, username))
        };
        if self.profile_is_named || !taken(&self.profile_name) {
            return Ok(());
        }
        if taken(username) {
            let message =
                format!("the profiles {} and {username} are of others, who have signed in", self.profile_name);
            return Err(CommandError::new(Exit::Usage, message).hint("name another one with --profile NAME"));
        }
        self.profile_name = username.to_owned();
        self.profile_is_named = true;
        Ok(())
    }

    /// Stores a new token, and the app to work in.
    pub(crate) fn sign_in(
        &mut self,
        server: &Url,
        username: String,
        token: String,
        app: Option<AppSlug>,
    ) -> Result<(), CommandError> {
        let name = &self.profile_name;
        let before =
            self.profiles.get(name).filter(|before| before.token.is_some() && !before.is_of(server, &username));
        let before =
            before.map_or_else(String::new, |before| format!(", in place of {} at {}", before.username, before.url));
        let profile = Profile { url: server.to_string(), username: username.clone(), token: Some(token), app };
        self.profiles.set(name, profile)?;
        output::note(&format!("signed in to {server} as {username} (profile {name}{before})"));
        if *name != DEFAULT_PROFILE {
            output::note(&format!("`pic --profile {name} …`, or PIC_PROFILE={name}, works as {username}"));
        }
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
            profile_name: DEFAULT_PROFILE.to_owned(),
            profile_is_named: false,
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
    fn the_app_stays_with_its_server_and_its_user() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("pic.toml");
        signed_in(&config);
        let chosen = |url: &str, name: &str| context(&config, None, None).chosen_before(&url.parse().unwrap(), name);
        assert_eq!(chosen("http://127.0.0.1:1", "admin").unwrap().as_str(), "demo");
        assert_eq!(chosen("http://127.0.0.1:2", "admin"), None);
        assert_eq!(chosen("http://127.0.0.1:1", "eve"), None);
    }

    #[test]
    fn whoever_joins_takes_nobody_elses_profile() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("pic.toml");
        let here: Url = "http://127.0.0.1:1".parse().unwrap();
        let room = |user: &str| {
            let mut context = context(&config, None, None);
            context.make_room(&here, user).map(|()| context.profile_name.clone()).map_err(|error| error.exit())
        };
        assert_eq!(room("eve").unwrap(), "default", "nobody has it");
        signed_in(&config);
        assert_eq!(room("admin").unwrap(), "default", "it is theirs");
        assert_eq!(room("eve").unwrap(), "eve");
        let mut eve = context(&config, None, None);
        eve.make_room(&here, "eve").unwrap();
        eve.sign_in(&here, "eve".to_owned(), "pic_2".to_owned(), None).unwrap();
        assert_eq!(context(&config, None, None).profile().unwrap().username, "admin");
        assert_eq!(room("eve").unwrap(), "eve", "it is theirs");
        let elsewhere: Url = "http://127.0.0.1:2".parse().unwrap();
        let taken = context(&config, None, None).make_room(&elsewhere, "eve").unwrap_err();
        assert!(taken.exit() == Exit::Usage && taken.hint_text().unwrap().contains("--profile"), "{}", taken.message());
        // Whoever names a profile means it, and whoever has signed out has none to lose.
        let mut named = Context { profile_is_named: true, ..context(&config, None, None) };
        named.make_room(&elsewhere, "eve").unwrap();
        assert_eq!(named.profile_name, "default");
        context(&config, None, None).sign_out().unwrap();
        assert_eq!(room("bob").unwrap(), "default");
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
