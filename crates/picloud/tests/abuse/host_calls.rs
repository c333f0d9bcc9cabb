//! Scripts that call the platform without end or past its bounds, callers that go away meanwhile, and a database that
//! stands still.

use super::{Case, Neighbourly};
use crate::support::{
    Backend, Setup, on_both, script_name, until,
    upstream::{Reply, Upstream},
};
use futures_util::future::join_all;
use picloud_client::InvocationFilter;
use picloud_shared::{limit_rules::LimitName, limits::FILE_BYTES};
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::{Duration, Instant};
use tokio::{io::AsyncWriteExt, net::TcpStream};

on_both!(
    a_million_calls_of_the_store_end_at_the_quota,
    keys_and_values_fit_up_to_their_bounds,
    a_database_that_stands_still_is_waited_for_and_no_longer,
);

async fn case_on(backend: Backend) -> Case {
    Case::on(Setup::new(backend), Neighbourly::Always).await
}

async fn a_million_calls_of_the_store_end_at_the_quota(backend: Backend) {
    let case = case_on(backend).await;
    case.put("count", "for i in 0..1000000 {\n  kv::incr(\"n\");\n}").await;
    case.put("caught", "for i in 0..1000000 { try { kv::incr(\"caught\") } catch { } }").await;
    case.put("counted", "[kv::get(\"n\"), kv::get(\"caught\")]").await;
    // A thousand would be as many writes to the disk.
    case.set([(LimitName::KvCalls, 20), (LimitName::WallTimeMs, 30_000)]).await;
    case.fails("count", (500, "quota", Some(2))).await;
    let run = case.picloud.invoke(&case.bad, "caught").await.summary;
    assert!(["ok", "out_of_fuel", "timeout"].contains(&run.outcome.as_str()), "{run:?}");
    // Those that were refused did nothing.
    assert_eq!(case.picloud.text("/bad/counted").await, (200, "[20,20]".into()));
    case.ends_well().await;
}

#[tokio::test]
async fn a_million_lines_of_log_are_counted_and_few_are_kept() {
    let case = Case::start().await;
    case.put("lines", "for i in 0..500000 { log::info(\"line\"); }\n\"logged\"").await;
    case.put("long", "let s = \"\"; s.pad(1000000, 'x');\nfor i in 0..100 { log::info(s); }\n\"logged\"").await;
    case.set([(LimitName::Fuel, 10_000_000_000), (LimitName::WallTimeMs, 30_000)]).await;
    let lines = async || case.picloud.invoke(&case.bad, "lines").await;
    let (one, other) = tokio::join!(lines(), lines());
    for run in [one, other] {
        assert_eq!((run.summary.outcome.as_str(), run.logs.len(), run.logs_dropped), ("ok", 256, 500_000 - 256));
    }
    let run = case.picloud.invoke(&case.bad, "long").await;
    let bytes: usize = run.logs.iter().map(|line| line.message.len()).sum();
    assert_eq!((run.summary.outcome.as_str(), run.logs.len() + run.logs_dropped as usize), ("ok", 100));
    assert!(bytes <= 64 << 10, "{bytes} bytes of log were kept");
    case.ends_well().await;
}

/// What is stored under what, and how that ends.
const BOUNDS: [(&str, &str, &str); 17] = [
    ("filled(512)", "1", "stored"),
    ("filled(513)", "1", "too_large: a key has at most 512 bytes, not 513"),
    // Two bytes each.
    ("wide(256)", "1", "stored"),
    ("wide(257)", "1", "too_large: a key has at most 512 bytes, not 514"),
    ("filled(1000000)", "1", "too_large: a key has at most 512 bytes, not 1000000"),
    ("\"\"", "1", "invalid: a key is not empty"),
    ("\"\\x00\\n/..\"", "1", "stored"),
    ("\"k\"", "blob(262144, 255)", "stored"),
    ("\"k\"", "blob(262145)", "too_large: a value has at most 262144 bytes, not 262145"),
    // As JSON, with its quotes.
    ("\"k\"", "filled(262142)", "stored"),
    ("\"k\"", "filled(262143)", "too_large: a value has at most 262144 bytes, not 262145"),
    ("\"k\"", "wide(131071)", "stored"),
    ("\"k\"", "wide(131072)", "too_large: a value has at most 262144 bytes, not 262146"),
    ("\"k\"", "blob(4000000)", "too_large: a value has at most 262144 bytes, not 4000000"),
    ("\"k\"", "\"\"", "stored"),
    ("\"k\"", "blob(0)", "stored"),
    ("\"k\"", "()", "stored"),
];

async fn keys_and_values_fit_up_to_their_bounds(backend: Backend) {
    let case = case_on(backend).await;
    for (number, (key, value, expected)) in BOUNDS.into_iter().enumerate() {
        let name = format!("bound{number}");
        let source = format!(
            "fn filled(length) {{ let text = \"\"; text.pad(length, 'x'); text }}
             fn wide(length) {{ let text = \"\"; text.pad(length, 'ä'); text }}
             let key = {key};
             let value = {value};
             try {{ kv::set(key, value); }} catch (refused) {{ return `${{refused.code}}: ${{refused.message}}`; }}
             if kv::get(key) == value {{ \"stored\" }} else {{ \"something else was stored\" }}"
        );
        case.put(&name, &source).await;
        assert_eq!(case.picloud.text(&format!("/bad/{name}")).await, (200, expected.into()), "{key} = {value}");
    }
    // Numbers end where integers do.
    case.put(
        "number",
        "kv::set(\"n\", 9223372036854775807);\ntry { kv::incr(\"n\") } catch (refused) { return refused.code; }",
    )
    .await;
    assert_eq!(case.picloud.text("/bad/number").await, (200, "invalid".into()));
    case.ends_well().await;
}

#[tokio::test]
async fn large_files_at_once_hold_up_no_neighbour() {
    let case = Case::on(Setup::new(Backend::Sqlite).with(&["--slots", "96"]), Neighbourly::Always).await;
    let good = "good".parse().unwrap();
    let largest = "large".parse().unwrap();
    case.picloud.client.write_file(&case.bad, &largest, vec![7; FILE_BYTES]).await.unwrap();
    case.picloud.client.write_file(&good, &largest, vec![7; 1 << 20]).await.unwrap();
    case.picloud.put(&good, "kv", "kv::set(\"a\", 1);\nkv::get(\"a\")", &[]).await;
    case.picloud.put(&good, "file", "files::read(\"large\").len()", &[]).await;
    case.put("read", "files::read(\"large\").len()").await;
    let write = "let data = blob(4194304, 7);\nfiles::write(\"written\", data);";
    case.put("write", &format!("try {{ {write} }} catch (refused) {{ return refused.code; }} \"written\"")).await;
    case.set([(LimitName::WallTimeMs, 30_000)]).await;
    let before = case.picloud.resident();

    let crowd = |path: &'static str, requests: usize| {
        let picloud = &case.picloud;
        join_all((0..requests).map(move |_| picloud.text(path)))
    };
    let neighbour = async {
        let (mut slowest, mut most) = (Duration::ZERO, 0);
        for _ in 0..10 {
            for (path, expected) in [("/good/kv", "1"), ("/good/file", "1048576")] {
                let asked = Instant::now();
                assert_eq!(case.picloud.text(path).await, (200, expected.to_owned()));
                slowest = slowest.max(asked.elapsed());
            }
            most = most.max(case.picloud.resident());
        }
        (slowest, most)
    };
    let (read, written, (slowest, most)) = tokio::join!(crowd("/bad/read", 60), crowd("/bad/write", 4), neighbour);
    assert!(read.iter().all(|answer| *answer == (200, FILE_BYTES.to_string())), "{read:?}");
    assert!(written.iter().all(|answer| *answer == (200, "written".to_owned())), "{written:?}");
    assert!(slowest < Duration::from_secs(10), "a neighbour waited for {slowest:?}");
    assert!(most < before + (512 << 20), "resident memory went from {before} to {most} bytes");
    case.ends_well().await;
}

#[tokio::test]
async fn who_hangs_up_during_a_call_ends_it() {
    let case = Case::on(Setup::new(Backend::Sqlite).with(&["--slots", "8"]), Neighbourly::Always).await;
    let upstream = Upstream::start(|_| Reply::Never).await;
    case.open(&[upstream.address]).await;
    let wait = format!("http::request(#{{ url: \"http://{}/\", timeout_ms: 30000 }})", upstream.address);
    case.put("wait", &wait).await;
    case.set([(LimitName::WallTimeMs, 30_000)]).await;
    let address = case.picloud.ingress.strip_prefix("http://").unwrap();
    // More than there are slots: were they not given back, the last rounds would find none.
    for round in 1..=4 {
        let mut streams = Vec::new();
        for _ in 0..6 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /bad/wait HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            streams.push(stream);
        }
        until("all to wait for the other server", async || (upstream.received().len() == 6 * round).then_some(()))
            .await;
        drop(streams);
        let hung_up = Instant::now();
        until("all to have ended", async || {
            let totals = case.picloud.client.script(&case.bad, &script_name("wait")).await.unwrap().totals;
            (usize::try_from(totals.invocations) == Ok(6 * round)).then_some(())
        })
        .await;
        assert!(hung_up.elapsed() < Duration::from_secs(25), "they went on for {:?}", hung_up.elapsed());
    }
    let runs = case.picloud.client.invocations(&case.bad, &InvocationFilter::default()).await.unwrap().items;
    assert_eq!(runs.iter().filter(|run| run.outcome == "cancelled").count(), 24, "{runs:?}");
    case.ends_well().await;
}

/// Holds up every write to the key-value store, as long as it lives: a table of PostgreSQL is locked, SQLite's one writer
/// is another process.
enum Stall {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Stall {
    async fn begin(setup: &Setup) -> Self {
        match setup.database() {
            Some(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
                sqlx::query("LOCK TABLE kv IN ACCESS EXCLUSIVE MODE").execute(&mut connection).await.unwrap();
                Self::Postgres(connection)
            }
            None => {
                let file = SqliteConnectOptions::new().filename(setup.data().join("picloud.sqlite3"));
                let mut connection = file.connect().await.unwrap();
                sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Self::Sqlite(connection)
            }
        }
    }

    async fn end(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(mut connection) => {
                let connections = "SELECT COUNT(*) FROM pg_stat_activity
                    WHERE application_name = 'picloud' AND datname = current_database()";
                let connections: i64 = sqlx::query_scalar(connections).fetch_one(&mut connection).await.unwrap();
                // The pool's, and the one that listens.
                assert!(connections <= 17, "{connections} connections");
                connection.close().await.unwrap();
            }
        }
    }
}

async fn a_database_that_stands_still_is_waited_for_and_no_longer(backend: Backend) {
    let setup = Setup::new(backend);
    let case = Case::on(setup.clone(), Neighbourly::Always).await;
    case.put("write", "kv::set(\"a\", 1);\n\"written\"").await;
    assert_eq!(case.picloud.text("/bad/write").await, (200, "written".into()));
    case.set([(LimitName::WallTimeMs, 300)]).await;
    case.neighbour.answers_again().await;

    let stall = Stall::begin(&setup).await;
    // More than there are connections to the database, and more than there are slots.
    for _ in 0..5 {
        let begun = Instant::now();
        for ended in case.crowd((0..8).map(|_| "/bad/write".to_owned())).await {
            assert!([(504, "timeout".to_owned()), (503, "overloaded".to_owned())].contains(&ended), "{ended:?}");
        }
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        case.neighbour.answers_again().await;
    }
    until("nobody to hold a slot for it", async || {
        // The neighbour has one now and then.
        (case.picloud.metric("picloud_pool_slots_free").await >= 31).then_some(())
    })
    .await;
    stall.end().await;

    until("the store to answer again", async || {
        (case.picloud.text("/bad/write").await == (200, "written".into())).then_some(())
    })
    .await;
    case.ends_well().await;
}
