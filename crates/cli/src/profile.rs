//! The file of profiles: which servers the user is signed in to. It holds tokens, so only its owner may read it.

use crate::{error::CommandError, exit::Exit};
use picloud_shared::names::AppSlug;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};
use url::Url;

/// One server, as one user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The server's address.
    pub(crate) url: String,
    /// Who signed in last.
    pub(crate) username: String,
    /// Absent after a logout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The app to work in when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<AppSlug>,
}

impl Profile {
    /// Whether it is this user's, at this server.
    pub(crate) fn is_of(&self, server: &Url, username: &str) -> bool {
        self.username == username && Url::parse(&self.url).is_ok_and(|url| url == *server)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("url", &self.url).field("username", &self.username).finish_non_exhaustive()
    }
}

/// All profiles, by name, and where they are kept.
#[derive(Debug)]
pub(crate) struct Profiles {
    path: Option<PathBuf>,
    content: Content,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Those of the file that the environment names. A file that is not there holds none.
    pub(crate) fn load(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, CommandError> {
        let Some(path) = location(env) else {
            return Ok(Self { path: None, content: Content::default() });
        };
        let unreadable = |why: &dyn fmt::Display| {
            CommandError::new(Exit::Failed, format!("cannot read the profiles in {}: {why}", path.display()))
                .hint("mend the file, or remove it and sign in again")
        };
        let content = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| unreadable(&error.message()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(unreadable(&error)),
        };
        Ok(Self { path: Some(path), content })
    }

    /// The profile of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.content.profiles.get(name)
    }

    /// Stores a profile, in the file too.
    pub(crate) fn set(&mut self, name: &str, profile: Profile) -> Result<(), CommandError> {
        self.content.profiles.insert(name.to_owned(), profile);
        let path = self.path.as_deref().ok_or_else(|| {
            CommandError::new(Exit::Failed, "there is no place for profiles: neither PIC_CONFIG nor HOME is set")
                .hint("set PIC_CONFIG to the path of a file")
        })?;
        let failed = |why: &dyn fmt::Display| {
            CommandError::new(Exit::Failed, format!("cannot write the profiles to {}: {why}", path.display()))
        };
        let text = toml::to_string(&self.content).map_err(|error| failed(&error))?;
        write(path, &text).map_err(|error| failed(&error))
    }
}

fn location(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("PIC_CONFIG") {
        return Some(path);
    }
    // The XDG specification has relative paths ignored.
    let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(config.join("picloud").join("pic.toml"))
}

/// Replaces the file at once, so that no reader and no crash ever sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // A file kept elsewhere behind a symbolic link stays there.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    // A temporary file has mode 0600, and keeps it under its new name.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn at(path: &Path) -> Profiles {
        let path = path.as_os_str().to_owned();
        Profiles::load(move |name| (name == "PIC_CONFIG").then(|| path.clone())).unwrap()
    }

    fn profile(token: Option<&str>) -> Profile {
        Profile {
            url: "http://127.0.0.1:7070/".to_owned(),
            username: "admin".to_owned(),
            token: token.map(str::to_owned),
            app: Some("demo".parse().unwrap()),
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn profiles_read_back_and_only_their_owner_can_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/dir/pic.toml");
        at(&path).set("default", profile(Some("pic_1"))).unwrap();
        at(&path).set("a name\n", profile(None)).unwrap();
        assert_eq!(mode(&path), 0o600);
        let read = at(&path);
        assert_eq!(read.get("default"), Some(&profile(Some("pic_1"))));
        assert_eq!(read.get("a name\n"), Some(&profile(None)));
        assert_eq!(read.get("other"), None);
    }

    #[test]
    fn an_open_file_is_closed_and_a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("pic.toml"));
        fs::write(&real, "").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&real, &link).unwrap();
        at(&link).set("default", profile(None)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&real), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing temporary is left");
    }

    #[test]
    fn a_broken_file_is_told_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pic.toml");
        for broken in
            ["[profiles", "[profiles.a]\nurl = 1", "[profiles.a]\nurl=\"x\"\nusername=\"x\"\ntokn=\"x\"", "x = 1"]
        {
            fs::write(&path, broken).unwrap();
            let os = path.clone().into_os_string();
            let error = Profiles::load(|name| (name == "PIC_CONFIG").then(|| os.clone())).unwrap_err();
            assert!(error.message().contains("pic.toml"), "{}", error.message());
        }
    }

    #[test]
    fn the_environment_names_the_place() {
        let place = |vars: &[(&str, &str)]| {
            location(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        let xdg = ("XDG_CONFIG_HOME", "/xdg");
        let home = ("HOME", "/home/u");
        assert_eq!(place(&[("PIC_CONFIG", "p.toml"), xdg, home]), Some("p.toml".into()));
        assert_eq!(place(&[("PIC_CONFIG", ""), xdg, home]), Some("/xdg/picloud/pic.toml".into()));
        assert_eq!(place(&[("XDG_CONFIG_HOME", "rel"), home]), Some("/home/u/.config/picloud/pic.toml".into()));
        assert_eq!(place(&[]), None);
    }

    #[test]
    fn a_token_is_not_in_debug_output() {
        assert!(!format!("{:?}", profile(Some("pic_secret"))).contains("pic_secret"));
    }
}
