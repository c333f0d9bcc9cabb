//! Somebody who has nothing but `--help` signs in, deploys, calls, follows logs and rolls back: each command and option that they
//! use is one that the help has told them.

use super::{
    Pic, interrupt,
    shared::{self, SERVER},
};
use crate::support::until;
use std::io::{BufRead as _, BufReader};

/// Whoever reads the help before they type.
struct Reader(Pic);

impl Reader {
    /// Fails unless the help of each command on the way names the next, and the last one's all options.
    fn has_read(&self, arguments: &[&str], words: usize) {
        for end in 0..words {
            let help = self.0.ok(&[&arguments[..end], &["--help"]].concat());
            let commands = help.split_once("Commands:\n").expect("it has commands").1;
            let named = commands.lines().any(|line| line.split_whitespace().next() == Some(arguments[end]));
            assert!(named, "`pic {} --help` names no {}", arguments[..end].join(" "), arguments[end]);
        }
        let help = self.0.ok(&[&arguments[..words], &["--help"]].concat());
        for option in arguments[words..].iter().filter(|argument| argument.starts_with('-')) {
            assert!(help.contains(option), "`pic {} --help` has no {option}", arguments[..words].join(" "));
        }
    }

    /// A command of so many words, with what comes behind.
    fn types(&self, words: usize, arguments: &[&str]) -> String {
        self.has_read(arguments, words);
        self.0.ok(arguments)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tour_with_help_alone() {
    let reader = Reader(shared::pic_no_env());
    let slug = shared::unique("tour");
    reader.types(1, &["login", &SERVER.manager, "--username", "admin"]);
    reader.types(2, &["apps", "create", &slug]);
    reader.0.write("shop/hello.rhai", "log::info(`hello ${req.query.name}`);\n`Hello, ${req.query.name}!`");
    reader.types(1, &["deploy", "shop", "--dry-run"]);
    let deployed = reader.types(1, &["deploy", "shop", "--yes"]);
    assert!(deployed.contains("hello"), "{deployed}");
    assert_eq!(reader.types(1, &["invoke", "hello", "--path", "/hello?name=Ada"]), "Hello, Ada!");

    reader.has_read(&["logs", "--follow"], 1);
    let mut following = reader.0.interruptible(&["logs", "--follow"]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(lines.next()));
    let line = until("a line", async || {
        assert_eq!(SERVER.text(&format!("/{slug}/hello?name=Bob")).await.0, 200);
        told.try_recv().ok()
    })
    .await;
    assert!(line.unwrap().unwrap().ends_with("info  hello: hello Bob"), "the line of the log");
    interrupt(&following);
    following.wait().unwrap();

    reader.0.write("shop/hello.rhai", "`Goodbye, ${req.query.name}!`");
    reader.types(1, &["deploy", "shop", "--yes"]);
    assert_eq!(SERVER.text(&format!("/{slug}/hello?name=Ada")).await.1, "Goodbye, Ada!");
    reader.types(1, &["releases"]);
    reader.types(1, &["rollback", "--yes"]);
    assert_eq!(SERVER.text(&format!("/{slug}/hello?name=Ada")).await.1, "Hello, Ada!");
    reader.types(2, &["apps", "delete", &slug, "--yes"]);
}
