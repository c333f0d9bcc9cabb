//! An app as a directory holds it: one script a file, and `picloud.toml`, which says what the files do not. Reading it is
//! all that is done here; deploying it is the API's.

mod manifest;

use cap_std::{
    ambient_authority,
    fs::{Dir, DirEntry},
};
use manifest::{Entry, Manifest};
use picloud_shared::{
    api::DeployScript,
    limit_rules::LimitValues,
    limits::{APP_SCRIPTS, SOURCE_BYTES},
    names::{AppSlug, InvalidName, ScriptName, TopicName},
    route::Route,
    schedule::Schedule,
};
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

/// The file that says what the scripts' own files do not.
pub const MANIFEST: &str = "picloud.toml";

/// What the name of a script's file ends with.
const EXTENSION: &str = ".rhai";

/// How deep directories are looked into: a script's name has 128 bytes.
const DEPTH: usize = 64;

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Project {
    /// The app that it is meant for, if it says so.
    pub app: Option<AppSlug>,
    /// By name.
    pub scripts: Vec<DeployScript>,
    /// The limits that the app sets itself, if it says so.
    pub limits: Option<LimitValues>,
    /// Where each script was read, below the directory.
    pub files: BTreeMap<ScriptName, PathBuf>,
}

/// Why a directory is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Something could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file says what cannot be.
    #[error("{}: {why}", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is nothing to deploy.
    #[error("{} holds no script: a file such as hello.rhai", .0.display())]
    Empty(PathBuf),
    /// More than an app has.
    #[error("{} holds more than {APP_SCRIPTS} scripts", .0.display())]
    TooMany(PathBuf),
}

impl Project {
    /// Reads a directory with all that is below it, hidden directories left out.
    ///
    /// # Errors
    /// When something cannot be read, a file's name is no script's, or what a file says of its script cannot be.
    pub fn read(directory: &Path) -> Result<Self, ProjectError> {
        let root = Dir::open_ambient_dir(directory, ambient_authority()).map_err(|e| cannot_read(directory, e))?;
        let mut files = Files { root: directory, found: BTreeMap::new() };
        files.look_into(&root, Path::new(""), DEPTH)?;
        let manifest = match root.read_to_string(MANIFEST) {
            Ok(text) => Manifest::parse(&text).map_err(|why| invalid(&directory.join(MANIFEST), why))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest::default(),
            Err(error) => return Err(cannot_read(&directory.join(MANIFEST), error)),
        };
        if files.found.is_empty() {
            return Err(ProjectError::Empty(directory.to_owned()));
        }
        let Manifest { app, limits, mut scripts } = manifest;
        let mut read = Vec::with_capacity(files.found.len());
        for (name, file) in &files.found {
            let source = source(&root, directory, file)?;
            let entry = scripts.remove(name).unwrap_or_default();
            read.push(script(name, source, entry).map_err(|why| invalid(&directory.join(file), why))?);
        }
        match scripts.into_keys().next() {
            Some(name) => Err(invalid(&directory.join(MANIFEST), format!("there is no file {name}{EXTENSION}"))),
            None => Ok(Self { app, scripts: read, limits, files: files.found }),
        }
    }
}

/// The files of scripts.
struct Files<'a> {
    root: &'a Path,
    found: BTreeMap<ScriptName, PathBuf>,
}

impl Files<'_> {
    fn look_into(&mut self, directory: &Dir, below: &Path, depth: usize) -> Result<(), ProjectError> {
        let failed = |error| cannot_read(&self.root.join(below), error);
        let entries = directory.entries().map_err(failed)?;
        let mut entries: Vec<DirEntry> = entries.collect::<io::Result<_>>().map_err(failed)?;
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let file_name = entry.file_name();
            let path = below.join(&file_name);
            // Editors leave hidden files, and what is no text is no script's name.
            let Some(file_name) = file_name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let kind = entry.file_type().map_err(|error| cannot_read(&self.root.join(&path), error))?;
            if kind.is_dir() {
                if depth > 0 {
                    let inner = entry.open_dir().map_err(|error| cannot_read(&self.root.join(&path), error))?;
                    self.look_into(&inner, &path, depth - 1)?;
                }
            } else if file_name.ends_with(EXTENSION) {
                self.add(path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, file: PathBuf) -> Result<(), ProjectError> {
        let text = file.to_str().and_then(|file| file.strip_suffix(EXTENSION)).unwrap_or_default();
        let name: ScriptName =
            text.parse().map_err(|why: InvalidName| invalid(&self.root.join(&file), why.to_string()))?;
        self.found.insert(name, file);
        if self.found.len() > APP_SCRIPTS { Err(ProjectError::TooMany(self.root.to_owned())) } else { Ok(()) }
    }
}

fn source(root: &Dir, directory: &Path, file: &Path) -> Result<String, ProjectError> {
    let path = || directory.join(file);
    let size = root.metadata(file).map_err(|error| cannot_read(&path(), error))?.len();
    if size > SOURCE_BYTES as u64 {
        return Err(invalid(&path(), format!("it has {size} bytes, and a source has at most {SOURCE_BYTES}")));
    }
    root.read_to_string(file).map_err(|error| cannot_read(&path(), error))
}

/// What starts a script is said in `picloud.toml` or in its source, each thing in one of them.
fn script(name: &ScriptName, source: String, entry: Entry) -> Result<DeployScript, String> {
    let routes = one_of("routes", entry.routes, Route::declared_in(&source))?;
    let topics = one_of("topics", entry.topics, TopicName::declared_in(&source))?;
    let schedules = one_of("schedules", entry.schedules, Schedule::declared_in(&source))?;
    Ok(DeployScript {
        name: name.clone(),
        source,
        routes,
        topics: topics.unwrap_or_default(),
        schedules: schedules.unwrap_or_default(),
    })
}

fn one_of<T, E: fmt::Display>(
    what: &str,
    listed: Option<Vec<T>>,
    declared: Result<Option<Vec<T>>, E>,
) -> Result<Option<Vec<T>>, String> {
    match (listed, declared.map_err(|error| error.to_string())?) {
        (Some(_), Some(_)) => Err(format!("its {what} are said here and in {MANIFEST}: say them in one place")),
        (listed, declared) => Ok(listed.or(declared)),
    }
}

fn cannot_read(path: &Path, source: io::Error) -> ProjectError {
    ProjectError::Read { path: path.to_owned(), source }
}

fn invalid(path: &Path, why: String) -> ProjectError {
    ProjectError::Invalid { path: path.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn directory(files: &[(&str, &str)]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    /// What is wrong with it, without the directory's own path.
    fn refused(files: &[(&str, &str)]) -> String {
        let directory = directory(files);
        let error = Project::read(directory.path()).unwrap_err().to_string();
        error
            .replace(&format!("{}/", directory.path().display()), "")
            .replace(&directory.path().display().to_string(), "it")
    }

    #[test]
    fn a_directory_is_an_app() {
        let manifest = "app = \"shop\"\n[limits]\nfuel = 2000000\n[scripts.greet]\nroutes = [\"GET /hi\"]\n\
            [scripts.\"lib/util\"]\ntopics = [\"orders\"]\n";
        let directory = directory(&[
            ("picloud.toml", manifest),
            ("greet.rhai", "// topic: hello\n1"),
            ("lib/util.rhai", "1"),
            ("a/b/c.rhai", "// route: GET /c\n1"),
            ("README.md", "no script"),
            (".git/hooks/x.rhai", "none either"),
            (".greet.rhai.swp", ""),
        ]);
        let project = Project::read(directory.path()).unwrap();
        assert_eq!(project.app.unwrap().as_str(), "shop");
        assert_eq!(project.limits.unwrap().0.len(), 1);
        let seen: Vec<_> = project
            .scripts
            .iter()
            .map(|script| {
                let routes = script.routes.as_ref().map(|routes| routes.iter().map(ToString::to_string).collect());
                (script.name.as_str(), routes, script.topics.len())
            })
            .collect();
        let route = |route: &str| Some(vec![route.to_owned()]);
        assert_eq!(seen, [("a/b/c", route("GET /c"), 0), ("greet", route("GET /hi"), 1), ("lib/util", None, 1)]);
        assert_eq!(project.files[&"a/b/c".parse().unwrap()], Path::new("a/b/c.rhai"));
    }

    #[test]
    fn what_cannot_be_is_told_with_its_file() {
        assert_eq!(refused(&[]), "it holds no script: a file such as hello.rhai");
        assert!(refused(&[("a b.rhai", "1")]).starts_with("a b.rhai: a script's name is"));
        assert!(refused(&[("a.rhai", "// route: GTE /x\n1")]).starts_with("a.rhai: "));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "[scripts.b]")]).contains("there is no file b.rhai"));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "[script.a]")]).contains("unknown field `script`"));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "[limits]\nfule = 1")]).contains("there is no limit"));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "=")]).starts_with("picloud.toml: "));
        let twice = [("a.rhai", "// route: GET /x\n1"), ("picloud.toml", "[scripts.a]\nroutes = [\"GET /y\"]")];
        assert_eq!(refused(&twice), "a.rhai: its routes are said here and in picloud.toml: say them in one place");
        let large = "x".repeat(SOURCE_BYTES + 1);
        assert!(refused(&[("a.rhai", &large)]).contains("at most 262144"));
        assert!(Project::read(Path::new("/nowhere")).unwrap_err().to_string().starts_with("cannot read /nowhere: "));
    }

    #[test]
    fn no_link_leads_out_of_the_directory() {
        let outside = directory(&[("secret.rhai", "1")]);
        let inside = directory(&[("a.rhai", "1")]);
        std::os::unix::fs::symlink(outside.path().join("secret.rhai"), inside.path().join("b.rhai")).unwrap();
        std::os::unix::fs::symlink(outside.path(), inside.path().join("c")).unwrap();
        std::os::unix::fs::symlink(inside.path(), inside.path().join("d")).unwrap();
        let error = Project::read(inside.path()).unwrap_err().to_string();
        assert!(error.contains("b.rhai"), "{error}");
        fs::remove_file(inside.path().join("b.rhai")).unwrap();
        assert_eq!(Project::read(inside.path()).unwrap().scripts.len(), 1);
    }
}
