//! The private PostgreSQL: databases are new each time, and a killed process leaves nothing behind.

use picloud_testkit::postgres::fresh_database;
use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

#[test]
fn databases_are_new_each_time() {
    assert_ne!(fresh_database(), fresh_database());
}

#[test]
fn a_killed_process_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    // The server's user is not the one who runs the tests when that is root.
    fs::set_permissions(&temporary, Permissions::from_mode(0o777)).unwrap();
    let mut holder = Command::new(env!("CARGO_BIN_EXE_hold-postgres"))
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let (_, address) = server.rsplit_once('@').unwrap();
    assert!(TcpStream::connect(address).is_ok());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 1);

    holder.kill().unwrap();
    holder.wait().unwrap();
    // The supervisor shares the holder's standard error: its end is the end of both.
    holder.stderr.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}
