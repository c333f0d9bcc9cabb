//! `pic logs --follow`: what is looked for, and going on through a connection that breaks.

use super::{
    Pic, interrupt,
    shared::{self, SERVER},
};
use crate::support::until;
use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

const SAYS: &str = "log::info(`${req.query.n} begins`); log::warn(`${req.query.n} ends`);
    if req.query.n == \"3\" { respond(404) }";

fn start() -> shared::App {
    let app = shared::app("log");
    app.pic.write("says.rhai", SAYS);
    app.pic.ok(&["scripts", "put", "says.rhai"]);
    app
}

/// Has it say something; the invocation's id.
async fn says(app: &shared::App, n: u32) -> String {
    let answer = reqwest::get(format!("{}/{}/says?n={n}", SERVER.ingress, app.slug)).await.unwrap();
    answer.headers()["x-request-id"].to_str().unwrap().to_owned()
}

/// Leads to the server, and can be cut.
struct Cable {
    url: String,
    whole: watch::Sender<bool>,
}

impl Cable {
    async fn to(manager: &str) -> Self {
        let server = manager.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (whole, seen) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut seen) = (server.clone(), seen.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = seen.wait_for(|whole| !whole) => {}
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
        Self { url, whole }
    }
}

/// A `pic logs` that goes on. Ends with the test.
struct Following {
    process: Child,
    lines: Receiver<String>,
    told: Receiver<String>,
}

impl Following {
    fn start(pic: &Pic, arguments: &[&str]) -> Self {
        let mut process = pic.interruptible(&[&["logs", "--follow"], arguments].concat()).spawn().unwrap();
        let (lines, told) = (read(process.stdout.take().unwrap()), read(process.stderr.take().unwrap()));
        let following = Self { process, lines, told };
        following.tells("following the log of the app log-");
        following
    }

    fn tells(&self, what: &str) {
        let told = self.told.recv_timeout(Duration::from_secs(60)).expect("it says something");
        assert!(told.contains(what), "{told}");
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(60)).expect("a line comes")
    }

    /// The next so many, from behind the time and the level.
    fn says(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.line().split_once("says: ").unwrap().1.to_owned()).collect()
    }

    async fn ended(&mut self) -> ExitStatus {
        until("its end", async || self.process.try_wait().unwrap()).await
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // Ended already where a test has waited for it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_though_the_connection_breaks() {
    let app = start();
    let cable = Cable::to(&SERVER.manager).await;
    let pic = Pic::with_token(&cable.url, "admin", &app.pic.token(), &app.slug);
    let mut following = Following::start(&pic, &[]);
    says(&app, 1).await;
    assert_eq!(following.says(2), ["1 begins", "1 ends"]);
    for n in 2..4 {
        cable.whole.send_replace(false);
        following.tells("connecting again");
        says(&app, n).await;
        cable.whole.send_replace(true);
        following.tells("following again");
        assert_eq!(following.says(2), [format!("{n} begins"), format!("{n} ends")]);
    }
    interrupt(&following.process);
    assert_eq!(following.ended().await.signal(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_looked_for_is_shown() {
    let app = start();
    let pic = &app.pic;
    let ends = Following::start(pic, &["--level", "warn", "--script", "says"]);
    let missed = Following::start(pic, &["--status", "4xx"]);
    let second = Following::start(pic, &["--text", "2 b", "-o", "json"]);
    let mut last = String::new();
    for n in 1..4 {
        last = says(&app, n).await;
    }
    assert_eq!(ends.says(3), ["1 ends", "2 ends", "3 ends"]);
    assert_eq!(missed.says(2), ["3 begins", "3 ends"]);
    let line: serde_json::Value = serde_json::from_str(&second.line()).unwrap();
    assert_eq!((&line["message"], &line["level"]), (&"2 begins".into(), &"info".into()));
    let shown = |arguments: &[&str]| {
        let lines = pic.ok(&[&["logs"], arguments].concat());
        lines.lines().map(|line| line.split_once("says: ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pic.json(&["logs"])["items"].as_array().unwrap().len(), 6);
    assert_eq!(shown(&["--level", "warn", "--text", "1"]), ["1 ends"]);
    assert_eq!(shown(&["--invocation", &last]), ["3 begins", "3 ends"]);
    assert_eq!(shown(&["--since", "1h"]).len(), 6);
    assert_eq!(pic.ok(&["logs", "--since", "2100-01-01T00:00:00Z"]), "(none)\n");
    for bad in [&["--since", "soon"][..], &["--level", "loud"], &["-f", "--since", "1h"], &["-f", "--limit", "3"]] {
        assert_eq!(pic.fails(&[&["logs"], bad].concat()).0, 2, "{bad:?}");
    }
    assert_eq!(pic.fails(&["logs", "-f", "--app", "nothing"]).0, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn following_ends_when_nobody_reads_and_when_nobody_may() {
    let app = start();
    let viewer = shared::member_user(&app, "viewer");
    let eve = shared::pic_as(&viewer, &app);
    let pic = &app.pic;
    let mut unread = pic.command(&["logs", "-f"]).spawn().unwrap();
    drop(unread.stdout.take());
    let told = read(unread.stderr.take().unwrap());
    assert!(told.recv_timeout(Duration::from_secs(60)).unwrap().contains("following"));
    says(&app, 1).await;
    assert!(until("its end", async || unread.try_wait().unwrap()).await.success());

    let mut following = Following::start(&eve, &[]);
    eve.ok(&["logout"]);
    following.tells("the server has ended the stream; connecting again");
    following.tells("error: cannot follow the log of the app log-");
    following.tells("hint: sign in with `pic login`");
    assert_eq!(following.ended().await.code(), Some(3));
}
