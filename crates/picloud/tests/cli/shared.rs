//! The one server that the tests of `pic` share: it starts with the first that needs it, and ends with this program however that
//! ends. What a test makes has a name of its own, and is deleted with its guard.

use super::Pic;
use crate::support::{Backend, PASSWORD, Process, Setup, until, wait_until_ready};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

/// The server, once somebody asks for it.
pub(crate) static SERVER: LazyLock<Shared> = LazyLock::new(Shared::start);

/// A token that nobody has.
pub(crate) const WRONG_TOKEN: &str = "pic_0000000000000000000000000000000000000000000000000000000000000000";

/// How often it was started.
static STARTS: AtomicUsize = AtomicUsize::new(0);

/// Where its data lies, with this program's id behind it.
const DIRECTORY: &str = "shared-server-";

pub(crate) struct Shared {
    pub(crate) manager: String,
    pub(crate) ingress: String,
    pub(crate) pid: u32,
    /// Of a session of the administrator's.
    token: String,
}

impl Shared {
    fn start() -> Self {
        let (tell, told) = mpsc::channel();
        // The kernel ends the server with the thread that started it: this one lasts as long as the program does, and the
        // threads of tests do not.
        thread::spawn(move || {
            STARTS.fetch_add(1, Relaxed);
            let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
            remove_what_others_left(tests);
            let name = format!("{DIRECTORY}{}-", std::process::id());
            let directory = tempfile::Builder::new().prefix(&name).tempdir_in(tests).unwrap();
            // A dead letter is one after its first attempt, so that nobody waits for it.
            let setup = Setup::within(Backend::Sqlite, directory).with(&["--delivery-attempts", "1", "--node", "here"]);
            let mut ending = Command::new("/usr/bin/setpriv");
            ending.args(["--pdeathsig", "TERM", env!("CARGO_BIN_EXE_picloud")]);
            let mut command = setup.command_by(ending);
            let mut process = Process::spawn(command.env("PICLOUD_ADMIN_PASSWORD", PASSWORD));
            let (manager, ingress) = wait_until_ready(&mut process);
            let token = token_of_admin(&manager);
            let _ = tell.send(Self { manager, ingress, pid: process.id(), token });
            loop {
                thread::park();
            }
        });
        told.recv().expect("the shared server starts")
    }

    /// Status and body of a GET request to the apps.
    pub(crate) async fn text(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.ingress)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The administrator, working in an app.
    pub(crate) fn admin(&self, app: &str) -> Pic {
        Pic::with_token(&self.manager, "admin", &self.token, app)
    }
}

fn token_of_admin(manager: &str) -> String {
    let pic = Pic::at(manager);
    pic.sign_in();
    pic.token()
}

/// Data of servers whose programs have ended.
fn remove_what_others_left(tests: &Path) {
    for entry in fs::read_dir(tests).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let pid = name.strip_prefix(DIRECTORY).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another program may be at it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A name that no other test has.
pub(crate) fn unique(word: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("{word}-{}", NEXT.fetch_add(1, Relaxed))
}

/// An app of the test's own, in which the administrator works. Deleted with this.
pub(crate) struct App {
    pub(crate) slug: String,
    pub(crate) pic: Pic,
}

pub(crate) fn app(word: &str) -> App {
    let slug = unique(word);
    let pic = SERVER.admin(&slug);
    pic.ok(&["apps", "create", &slug]);
    App { slug, pic }
}

impl Drop for App {
    fn drop(&mut self) {
        // The test may have deleted it.
        let _ = self.pic.run(&["apps", "delete", &self.slug, "--yes"]);
    }
}

/// A user of the test's own. Deleted with this.
pub(crate) struct User {
    pub(crate) name: String,
    token: String,
}

/// Somebody without any role.
pub(crate) fn user(word: &str) -> User {
    let name = unique(word);
    let link = SERVER.admin("none").ok(&["invite", "--server"]);
    let pic = Pic::at(&SERVER.manager);
    pic.ok(&["join", link.trim_end(), "--username", &name]);
    User { token: pic.token(), name }
}

impl User {
    /// Somebody who will be there, or is, of whom only the name is known.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), token: String::new() }
    }
}

/// Somebody with a role in an app.
pub(crate) fn member_user(app: &App, role: &str) -> User {
    let user = user(role);
    grant_membership(app, &user, role);
    user
}

/// Gives somebody a role.
pub(crate) fn grant_membership(app: &App, user: &User, role: &str) {
    app.pic.ok(&["roles", "grant", &user.name, role]);
}

/// `pic` of somebody who has signed in, and works in an app.
pub(crate) fn pic_as(user: &User, app: &App) -> Pic {
    Pic::with_token(&SERVER.manager, &user.name, &user.token, &app.slug)
}

/// `pic` of somebody who has never used it.
pub(crate) fn pic_no_env() -> Pic {
    Pic::at(&SERVER.manager)
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = SERVER.admin("none").run(&["users", "delete", &self.name, "--yes"]);
    }
}

/// What a test knows of the server that it got.
fn seen() -> (u32, String, usize) {
    (SERVER.pid, SERVER.manager.clone(), STARTS.load(Relaxed))
}

/// What the two tests below have seen, whichever comes first.
static SEEN: LazyLock<(u32, String, usize)> = LazyLock::new(seen);

#[test]
fn one_test_gets_the_server_that_others_have() {
    assert_eq!(seen(), *SEEN);
    assert_eq!(SEEN.2, 1, "it was started once");
    let app = app("left");
    assert!(SERVER.admin("none").ok(&["apps", "list"]).contains(&app.slug));
}

#[test]
fn another_test_gets_the_same() {
    assert_eq!(seen(), *SEEN);
    assert_eq!(SEEN.2, 1, "it was started once");
    assert!(Path::new("/proc").join(SERVER.pid.to_string()).exists());
}

#[test]
fn what_a_test_makes_goes_with_it() {
    let (app, user) = (app("guarded"), user("guarded"));
    let (slug, name) = (app.slug.clone(), user.name.clone());
    let admin = SERVER.admin("none");
    assert!(
        admin.ok(&["apps", "list"]).contains(&slug) && admin.ok(&["users", "list", "--limit", "200"]).contains(&name)
    );
    let panicked = thread::spawn(move || {
        let _guards = (app, user);
        std::panic::resume_unwind(Box::new("as a failing test does"));
    });
    assert!(panicked.join().is_err());
    assert!(
        !admin.ok(&["apps", "list"]).contains(&slug) && !admin.ok(&["users", "list", "--limit", "200"]).contains(&name)
    );
}

/// Tells its server, and fails: run by the test below alone, as a program of its own.
#[test]
fn panics_when_it_is_told_to() {
    if std::env::var_os(PANICS).is_some() {
        eprintln!("{SAYS}{}", SERVER.pid);
        panic!("as it was told");
    }
}

const PANICS: &str = "PICLOUD_TEST_PANICS";
const SAYS: &str = "the server of this program is ";

#[tokio::test]
async fn the_server_ends_with_the_program_though_a_test_panics() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cli::shared::panics_when_it_is_told_to", "--nocapture"])
        .env(PANICS, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("as it was told"), "{told}");
    let pid = told.lines().find_map(|line| line.strip_prefix(SAYS)).expect("it had a server");
    // It is told to stop, and does so in its own time.
    until("the server to end", async || (!Path::new("/proc").join(pid).exists()).then_some(())).await;
}
