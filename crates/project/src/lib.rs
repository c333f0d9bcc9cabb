//! An app as a directory holds it: one script a file, `picloud.toml`, which says what the files do not, and the tests beside the
//! scripts. Reading it is all that is done here; deploying it is the API's.

mod manifest;

use cap_std::{
    ambient_authority,
    fs::{Dir, DirEntry, OpenOptions, OpenOptionsExt as _},
};
use manifest::{Entry, Manifest};
use picloud_shared::{
    api::DeployScript,
    declarations::InvalidDeclaration,
    limit_rules::LimitValues,
    limits::{APP_SCRIPTS, SOURCE_BYTES},
    names::{AppSlug, InvalidName, ScriptName, TopicName},
    place,
    route::Route,
    schedule::Schedule,
};
use rustix::fs::OFlags;
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// The file that says what the scripts' own files do not.
pub const MANIFEST: &str = "picloud.toml";
/// Most bytes of it: all routes that an app may have, and as much again.
const MANIFEST_BYTES: usize = 1 << 20;

/// What the name of a script's file ends with.
const EXTENSION: &str = ".rhai";

/// What the name of a file of tests ends with: it is no script of the app.
const TESTS: &str = ".test.rhai";

/// How deep directories are looked into: a script's name has 128 bytes.
const DEPTH: usize = 64;

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Project {
    /// The app that it is meant for, if it says so.
    pub app: Option<AppSlug>,
    /// By name.
    pub scripts: Vec<DeployScript>,
    /// Scripts whose sources could be read, but of which something that starts them cannot be: without that. For whoever looks at the
    /// rest of them, and at what imports them.
    pub unfit: Vec<DeployScript>,
    /// The limits that the app sets itself, if it says so.
    pub limits: Option<LimitValues>,
    /// Where each script was read, below the directory.
    pub files: BTreeMap<ScriptName, PathBuf>,
    /// The files of tests, by name.
    pub tests: Vec<TestFile>,
}

/// A file of tests, such as `greet.test.rhai`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFile {
    /// Below the directory.
    pub file: PathBuf,
    /// Rhai.
    pub source: String,
}

/// Why a directory is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Something could not be read.
    #[error("cannot read {}: {why}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A file says what cannot be.
    #[error("{}{}: {why}", path.display(), place::behind_name(.line.and_then(|line| line.try_into().ok()), None))]
    Invalid {
        /// Which.
        path: PathBuf,
        /// In which line, counted from 1, if it is in one.
        line: Option<usize>,
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
        let (project, problems) = Self::examine(directory)?;
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None if project.scripts.is_empty() => Err(ProjectError::Empty(directory.to_owned())),
            None => Ok(project),
        }
    }

    /// The same, but leaves out the scripts that cannot be, and tells why each of them cannot. There may be none.
    ///
    /// # Errors
    /// When the directory cannot be read, or holds more than an app does.
    pub fn examine(directory: &Path) -> Result<(Self, Vec<ProjectError>), ProjectError> {
        let root = Dir::open_ambient_dir(directory, ambient_authority()).map_err(|e| cannot_read(directory, e))?;
        let mut files = Files { root: directory, scripts: BTreeMap::new(), tests: Vec::new(), problems: Vec::new() };
        files.look_into(&root, Path::new(""), DEPTH)?;
        let Files { scripts: found, tests: test_files, mut problems, .. } = files;
        let manifest = match text(&root, Path::new(MANIFEST), MANIFEST_BYTES) {
            Ok(Some(text)) => Manifest::parse(&text).map_err(|Wrong { line, why }| (line, why)),
            Ok(None) => Err((None, format!("it has more than {MANIFEST_BYTES} bytes"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(error) => return Err(cannot_read(&directory.join(MANIFEST), error)),
        };
        let says_nothing = manifest.is_err();
        let Manifest { app, limits, scripts: mut entries } = manifest.unwrap_or_else(|(line, why)| {
            problems.push(ProjectError::Invalid { path: directory.join(MANIFEST), line, why });
            Manifest::default()
        });
        let (mut scripts, mut unfit, mut read_from) = (Vec::with_capacity(found.len()), Vec::new(), BTreeMap::new());
        for (name, file) in found {
            let entry = entries.remove(&name).unwrap_or_default();
            match source(&root, directory, &file) {
                Ok(source) => {
                    let (mut script, wrong) = script(&name, source, entry);
                    if says_nothing {
                        // What it would have said of the script's routes is not known.
                        script.routes.get_or_insert_default();
                    }
                    if wrong.is_empty() { &mut scripts } else { &mut unfit }.push(script);
                    let path = directory.join(&file);
                    problems.extend(wrong.into_iter().map(|Wrong { line, why }| ProjectError::Invalid {
                        path: path.clone(),
                        line,
                        why,
                    }));
                }
                Err(problem) => problems.push(problem),
            }
            read_from.insert(name, file);
        }
        let without_file = entries.into_keys().map(|name| format!("there is no file {name}{EXTENSION}"));
        problems.extend(without_file.map(|why| invalid(&directory.join(MANIFEST), why)));
        let mut tests = Vec::with_capacity(test_files.len());
        for file in test_files {
            match source(&root, directory, &file) {
                Ok(source) => tests.push(TestFile { file, source }),
                Err(problem) => problems.push(problem),
            }
        }
        Ok((Self { app, scripts, unfit, limits, files: read_from, tests }, problems))
    }
}

/// What is wrong within a file, and in which line.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) line: Option<usize>,
    pub(crate) why: String,
}

impl<E: fmt::Display> From<InvalidDeclaration<E>> for Wrong {
    fn from(InvalidDeclaration { line, why }: InvalidDeclaration<E>) -> Self {
        Self { line: Some(line), why: why.to_string() }
    }
}

/// The files of scripts and tests, and those that cannot be any.
struct Files<'a> {
    root: &'a Path,
    scripts: BTreeMap<ScriptName, PathBuf>,
    tests: Vec<PathBuf>,
    problems: Vec<ProjectError>,
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
            } else if file_name.ends_with(TESTS) {
                self.tests.push(path);
            } else if file_name.ends_with(EXTENSION) {
                self.add(path);
            }
            if self.scripts.len().max(self.tests.len()) > APP_SCRIPTS {
                return Err(ProjectError::TooMany(self.root.to_owned()));
            }
        }
        Ok(())
    }

    fn add(&mut self, file: PathBuf) {
        let text = file.to_str().and_then(|file| file.strip_suffix(EXTENSION)).unwrap_or_default();
        match text.parse() {
            Ok(name) => drop(self.scripts.insert(name, file)),
            Err(why) => {
                let why: InvalidName = why;
                self.problems.push(invalid(&self.root.join(&file), why.to_string()));
            }
        }
    }
}

fn source(root: &Dir, directory: &Path, file: &Path) -> Result<String, ProjectError> {
    let path = || directory.join(file);
    match text(root, file, SOURCE_BYTES).map_err(|error| cannot_read(&path(), error))? {
        Some(source) => Ok(source),
        None => Err(invalid(&path(), format!("it has more bytes than a source has at most, {SOURCE_BYTES}"))),
    }
}

/// A file's text; none of one that is longer. It grows and changes while it is read, as it likes, and what is no file holds nobody
/// up.
fn text(root: &Dir, file: &Path, most: usize) -> io::Result<Option<String>> {
    let mut options = OpenOptions::new();
    // Opening a named pipe would wait for somebody to write to it.
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = root.open_with(file, &options)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    let bytes_read = file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes_read > most {
        return Ok(None);
    }
    String::from_utf8(bytes).map(Some).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
}

/// What starts a script is said in `picloud.toml` or in its source, each thing in one of them. With all of it that cannot be.
fn script(name: &ScriptName, source: String, entry: Entry) -> (DeployScript, Vec<Wrong>) {
    let mut wrong = Vec::new();
    let routes = one_of("routes", entry.routes, Route::declared_in(&source), &mut wrong);
    let topics = one_of("topics", entry.topics, TopicName::declared_in(&source), &mut wrong);
    let schedules = one_of("schedules", entry.schedules, Schedule::declared_in(&source), &mut wrong);
    // Without routes it would have the one of its name, and be that of somebody else's conflict.
    let routes = if wrong.is_empty() { routes } else { Some(routes.unwrap_or_default()) };
    let (topics, schedules) = (topics.unwrap_or_default(), schedules.unwrap_or_default());
    (DeployScript { name: name.clone(), source, routes, topics, schedules }, wrong)
}

fn one_of<T, E: fmt::Display>(
    what: &str,
    listed: Option<Vec<T>>,
    declared: Result<Option<Vec<T>>, InvalidDeclaration<E>>,
    wrong: &mut Vec<Wrong>,
) -> Option<Vec<T>> {
    let declared = declared.unwrap_or_else(|error| {
        wrong.push(error.into());
        None
    });
    if listed.is_some() && declared.is_some() {
        let why = format!("its {what} are said here and in {MANIFEST}: say them in one place");
        wrong.push(Wrong { line: None, why });
        return None;
    }
    listed.or(declared)
}

fn cannot_read(path: &Path, source: io::Error) -> ProjectError {
    ProjectError::Read { path: path.to_owned(), why: source }
}

fn invalid(path: &Path, why: String) -> ProjectError {
    ProjectError::Invalid { path: path.to_owned(), line: None, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
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
            ("greet.test.rhai", "fn test_greet() {}"),
            ("lib/util.test.rhai", "// topic: of no script"),
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
        let tests: Vec<_> = project.tests.iter().map(|test| test.file.to_str().unwrap()).collect();
        assert_eq!(tests, ["greet.test.rhai", "lib/util.test.rhai"]);
    }

    #[test]
    fn all_that_cannot_be_is_told_and_the_rest_is_there() {
        let directory = directory(&[
            ("a b.rhai", "1"),
            ("bad.rhai", "1\n// route: GTE /x\n// schedule: soon\n// topic: a b"),
            ("good.rhai", "1"),
            ("picloud.toml", "[limits]\n\nfule = 1"),
        ]);
        let (project, problems) = Project::examine(directory.path()).unwrap();
        let prefix = format!("{}/", directory.path().display());
        let told: Vec<_> = problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
        let begins: Vec<_> = told.iter().map(|told| told.split(": ").next().unwrap()).collect();
        assert_eq!(begins, ["a b.rhai", "picloud.toml:3", "bad.rhai:2", "bad.rhai:4", "bad.rhai:3"]);
        assert_eq!(project.unfit.iter().map(|script| script.name.as_str()).collect::<Vec<_>>(), ["bad"]);
        assert_eq!(project.scripts.iter().map(|script| script.name.as_str()).collect::<Vec<_>>(), ["good"]);
        assert!(Project::examine(tempfile::tempdir().unwrap().path()).unwrap().0.scripts.is_empty());
    }

    #[test]
    fn what_cannot_be_is_told_with_its_file() {
        assert_eq!(refused(&[]), "it holds no script: a file such as hello.rhai");
        assert!(refused(&[("a b.rhai", "1")]).starts_with("a b.rhai: a script's name is"));
        assert!(refused(&[("a.rhai", "// route: GTE /x\n1")]).starts_with("a.rhai:1: "));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "[scripts.b]")]).contains("there is no file b.rhai"));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "[script.a]")]).contains("unknown field `script`"));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "[limits]\nfule = 1")]).contains("there is no limit"));
        assert!(refused(&[("a.rhai", "1"), ("picloud.toml", "=")]).starts_with("picloud.toml:1: "));
        let twice = [("a.rhai", "// route: GET /x\n1"), ("picloud.toml", "[scripts.a]\nroutes = [\"GET /y\"]")];
        assert_eq!(refused(&twice), "a.rhai: its routes are said here and in picloud.toml: say them in one place");
        let large = "x".repeat(SOURCE_BYTES + 1);
        assert!(refused(&[("a.rhai", &large)]).contains("at most, 262144"));
        let large = "#".repeat(MANIFEST_BYTES + 1);
        assert_eq!(refused(&[("a.rhai", "1"), (MANIFEST, &large)]), "picloud.toml: it has more than 1048576 bytes");
        assert!(Project::read(Path::new("/nowhere")).unwrap_err().to_string().starts_with("cannot read /nowhere: "));
    }

    /// Reading a pipe would wait for ever, and there is no end to a device.
    #[test]
    fn what_is_no_file_is_told() {
        for (name, kind) in [("a.rhai", FileType::Fifo), ("picloud.toml", FileType::Fifo), ("a.rhai", FileType::Socket)]
        {
            let directory = tempfile::tempdir().unwrap();
            mknodat(CWD, directory.path().join(name), kind, Mode::RWXU, 0).unwrap();
            let error = Project::read(directory.path()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
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
