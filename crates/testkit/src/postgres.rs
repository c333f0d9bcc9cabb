//! A private PostgreSQL: started from the installed programs when the first test asks, and gone with the test process,
//! however that ends.
//!
//! The crates that do this stop the server in a destructor, which neither a static nor a killed process runs.

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

const SUPERVISOR: &str = include_str!("postgres-supervisor.sh");
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "createdb"];

/// What to tell whoever has no PostgreSQL.
pub const NEEDED: &str = "PostgreSQL's programs initdb, pg_ctl and createdb are needed, in PATH or below \
    /usr/lib/postgresql; on Debian: apt-get install postgresql";

/// Between finding a free port and using it, somebody else may take it.
const ATTEMPTS: usize = 3;

struct Server {
    programs: PathBuf,
    port: u16,
    /// Stops the server when this process, and with it the pipe to its standard input, is gone.
    _supervisor: Child,
}

/// The URL of a new, empty database, on a server that all callers in this process share.
///
/// # Panics
/// When PostgreSQL is not installed or does not start; the message says what to do.
pub fn fresh_database() -> String {
    static CREATED: AtomicU64 = AtomicU64::new(0);
    let server = server();
    let name = format!("test_{}", CREATED.fetch_add(1, Ordering::Relaxed));
    let output = Command::new(server.programs.join("createdb"))
        .args(["--host=127.0.0.1", "--username=picloud", "--no-password"])
        .arg(format!("--port={}", server.port))
        .arg(&name)
        .output()
        .expect("createdb can be run");
    assert!(output.status.success(), "createdb: {}", String::from_utf8_lossy(&output.stderr));
    format!("postgres://picloud@127.0.0.1:{}/{name}", server.port)
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let programs = programs().expect(NEEDED);
        let started = (0..ATTEMPTS).find_map(|_| start(&programs));
        started.expect("PostgreSQL starts; what it said is above")
    })
}

/// The directory of PostgreSQL's programs: one in PATH, or the newest that Debian's packages installed.
pub fn programs() -> Option<PathBuf> {
    let complete = |directory: &PathBuf| PROGRAMS.iter().all(|program| directory.join(program).is_file());
    let in_path = env::var_os("PATH").and_then(|path| env::split_paths(&path).find(complete));
    in_path.or_else(|| {
        let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?.filter_map(Result::ok);
        let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
        let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
        versions.sort_by_key(number);
        versions.into_iter().rev().map(|version| version.join("bin")).find(complete)
    })
}

fn start(programs: &Path) -> Option<Server> {
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).ok()?.port();
    let mut supervisor = shell()
        .args(["-c", SUPERVISOR, "postgres-supervisor"])
        .arg(programs)
        .arg(port.to_string())
        // Which the server's user can enter.
        .current_dir("/")
        // Of its own, so that Ctrl-C reaches the tests only and the clearing up is not cut short.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell can be started (as root, with setpriv)");
    let answered = supervisor.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut String::new()));
    if !matches!(answered, Some(Ok(1..))) {
        supervisor.wait().ok();
        return None;
    }
    Some(Server { programs: programs.to_owned(), port, _supervisor: supervisor })
}

/// A shell as a user who may run a server: PostgreSQL refuses root.
fn shell() -> Command {
    let id = Command::new("id").arg("-u").output().expect("id can be run");
    if id.stdout.trim_ascii() != b"0" {
        return Command::new("sh");
    }
    // The user that Debian's package makes.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
    command
}
