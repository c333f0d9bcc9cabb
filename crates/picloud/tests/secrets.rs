//! Variables and secrets against a real server: who reads them, where they never show, and the key that seals them.

use crate::support::{Backend, Process, Setup, TestApp, end, error_of, on_both, script_name, until, wait_until_ready};
use picloud_client::LogFilter;
use picloud_shared::{
    api::{Invoke, SetSecret, SetVar},
    names::{AppSlug, SecretName, VarName},
};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Found nowhere by chance.
const VALUE: &str = "hunter2-Zq8!vT\"x";

on_both! {
    a_change_is_seen_by_the_next_invocation,
    a_value_is_read_by_scripts_and_shows_nowhere_else,
    a_new_key_takes_over_what_the_old_one_sealed,
}

fn secret(name: &str) -> SecretName {
    name.parse().unwrap()
}

async fn set_secret(picloud: &TestApp, app: &AppSlug, name: &str, value: &str) {
    picloud.client.set_secret(app, &secret(name), &SetSecret { value: value.into() }).await.unwrap();
}

async fn set_var(picloud: &TestApp, app: &AppSlug, name: &str, value: &str) {
    let name: VarName = name.parse().unwrap();
    picloud.client.set_var(app, &name, &SetVar { value: value.into() }).await.unwrap();
}

async fn a_change_is_seen_by_the_next_invocation(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let other = picloud.create_app("other").await;
    let source = r#"[vars::get("REGION"), vars::get("RATE", 7), secrets::get("KEY"), secrets::get("NONE", "none")]"#;
    picloud.put(&app, "show", source, &[]).await;
    picloud.put(&other, "show", source, &[]).await;
    let shown = async || serde_json::from_str::<serde_json::Value>(&picloud.text("/shop/show").await.1).unwrap();
    assert_eq!(shown().await, json!([null, 7, null, "none"]));
    for round in 0..20 {
        let value = format!("ä\0{round}");
        set_var(&picloud, &app, "REGION", &value).await;
        assert_eq!(shown().await[0], value.as_str());
        set_secret(&picloud, &app, "KEY", &value).await;
        assert_eq!(shown().await[2], value.as_str());
    }
    let largest = "x".repeat(32 << 10);
    set_secret(&picloud, &app, "KEY", &largest).await;
    assert_eq!(shown().await[2], largest.as_str());
    // A manual run and another app go the same way.
    set_var(&picloud, &app, "RATE", "8").await;
    let run = picloud.client.invoke(&app, &script_name("show"), &Invoke::default()).await.unwrap();
    assert!(run.response.unwrap().body.unwrap().contains("\"8\""));
    assert_eq!(picloud.text("/other/show").await.1, r#"[null,7,null,"none"]"#);
    picloud.client.delete_var(&app, &"REGION".parse().unwrap()).await.unwrap();
    picloud.client.delete_secret(&app, &secret("KEY")).await.unwrap();
    assert_eq!(shown().await, json!([null, "8", null, "none"]));
    // And so does what was deployed before a restart.
    set_secret(&picloud, &app, "KEY", "kept").await;
    let picloud = picloud.kill_and_restart().await;
    assert!(picloud.text("/shop/show").await.1.contains("kept"));
}

/// All that the database holds, as bytes.
fn dump(setup: &Setup) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(url) = setup.database() {
        let programs = picloud_testkit::postgres::programs().expect("PostgreSQL is installed");
        let output = Command::new(programs.join("pg_dump")).arg(url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        all.extend(output.stdout);
    }
    for entry in fs::read_dir(setup.data()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            all.extend(fs::read(entry.path()).unwrap());
        }
    }
    all
}

/// Whether there is such a text among the bytes, as it is or, as PostgreSQL dumps bytes, in hexadecimal.
fn holds(bytes: &[u8], text: &str) -> bool {
    let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    [text, &hexadecimal].iter().any(|text| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}

async fn a_value_is_read_by_scripts_and_shows_nowhere_else(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    set_secret(&picloud, &app, "KEY", VALUE).await;
    set_var(&picloud, &app, "SEEN", "plainly").await;
    let source = r#"
        let key = secrets::get("KEY");
        log::info(`the key is ${key}`);
        log::info(#{ key: key });
        log::info(json::stringify([key]));
        throw `no use for ${key}`"#;
    picloud.put(&app, "leak", source, &[]).await;
    let run = picloud.client.invoke(&app, &script_name("leak"), &Invoke::default()).await.unwrap();
    assert_eq!(run.summary.error.as_ref().unwrap().message, "no use for [secret KEY]");
    let lines: Vec<_> = run.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines[..3], ["the key is [secret KEY]", r#"#{"key": "[secret KEY]"}"#, r#"["[secret KEY]"]"#]);
    assert!(lines[3].starts_with("no use for [secret KEY]"), "{lines:?}");
    // The same of a request, whose answer is the script's own business.
    let (status, told) = picloud.text("/shop/leak").await;
    assert!(status == 500 && !told.contains(VALUE), "{told}");
    until("the record", async || {
        let logs = picloud.client.logs(&app, &LogFilter::default()).await.unwrap();
        (logs.items.len() == 8).then_some(())
    })
    .await;
    let told = picloud.client.logs(&app, &LogFilter::default()).await.unwrap();
    assert!(told.items.iter().all(|line| !line.message.contains("hunter2")));

    let secrets = picloud.client.secrets(&app).await.unwrap();
    assert_eq!(secrets.iter().map(|secret| secret.name.as_str()).collect::<Vec<_>>(), ["KEY"]);
    let answer = picloud.api("GET", "/apps/shop/secrets", "").await.text().await.unwrap();
    assert!(!answer.contains("hunter2"), "{answer}");
    let (status, code, _) = error_of(picloud.api("GET", "/apps/shop/secrets/KEY", "").await).await;
    assert_eq!((status, code.as_str()), (405, "method_not_allowed"));

    let (_, setup) = picloud.stop();
    let all = dump(&setup);
    // The dump has what it should have.
    assert!(holds(&all, "plainly") && holds(&all, "[secret KEY]"));
    assert!(!holds(&all, "hunter2"));
}

#[tokio::test]
async fn reads_are_counted() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("shop").await;
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"setting_calls": 3}}).to_string()).await;
    let source = r#"
        vars::get("A"); secrets::get("A"); vars::get("A");
        try { secrets::get("A") } catch (refused) { return refused.code; }"#;
    picloud.put(&app, "count", source, &[]).await;
    let run = picloud.client.invoke(&app, &script_name("count"), &Invoke::default()).await.unwrap();
    assert_eq!(run.response.unwrap().body.as_deref(), Some("quota"));
    let names: Vec<_> = run.calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["vars.get", "secrets.get", "vars.get"]);
    let source = r#"try { secrets::get("no name") } catch (refused) { return `${refused.code}: ${refused.message}`; }"#;
    picloud.put(&app, "misnamed", source, &[]).await;
    assert!(picloud.text("/shop/misnamed").await.1.starts_with("invalid: a secret's name is"));
}

#[tokio::test]
async fn reading_asks_the_database_once() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("shop").await;
    set_secret(&picloud, &app, "KEY", VALUE).await;
    picloud.put(&app, "read", r#"for i in 0..50 { secrets::get("KEY"); vars::get("A"); } "done""#, &[]).await;
    picloud.text("/shop/read").await;
    let records = async || {
        let invocations = picloud.client.invocations(&app, &Default::default()).await.unwrap();
        invocations.items.len()
    };
    until("the record", async || (records().await == 1).then_some(())).await;
    let before = picloud.metric("picloud_database_queries_total").await;
    for _ in 0..10 {
        assert_eq!(picloud.text("/shop/read").await.1, "done");
    }
    until("the records", async || (records().await == 11).then_some(())).await;
    let asked = picloud.metric("picloud_database_queries_total").await - before;
    // A thousand reads; what was asked is the records' and this test's own.
    assert!(asked < 200, "{asked}");
}

fn key_file(setup: &Setup) -> std::path::PathBuf {
    setup.data().join("secret-key")
}

/// What a process says that does not start.
fn complaint(setup: &Setup, environment: &[(&str, &str)]) -> String {
    let output = setup.command().envs(environment.iter().copied()).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

async fn a_new_key_takes_over_what_the_old_one_sealed(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "read", r#"secrets::get("KEY") + secrets::get("KEY2")"#, &[]).await;
    set_secret(&picloud, &app, "KEY", "one").await;
    set_secret(&picloud, &app, "KEY2", "two").await;
    let (_, setup) = picloud.stop();
    let file = key_file(&setup);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let old = fs::read_to_string(&file).unwrap();

    // Neither without the key nor with another, and nothing is made in its place.
    let previous = setup.data().join("secret-key.previous");
    fs::rename(&file, &previous).unwrap();
    let aside = setup.data().join("aside");
    fs::rename(&previous, &aside).unwrap();
    let told = complaint(&setup, &[]);
    assert!(told.contains("holds 2 secrets") && told.contains("bring back the file"), "{told}");
    assert!(!file.exists());
    let told = complaint(&setup, &[("PICLOUD_SECRET_KEY", &"0".repeat(64))]);
    assert!(told.contains("sealed under the key") && told.contains("the key in use is"), "{told}");
    let told = complaint(&setup, &[("PICLOUD_SECRET_KEY", "too short a key")]);
    assert!(told.contains("PICLOUD_SECRET_KEY holds no key") && !told.contains("too short a key"), "{told}");
    fs::write(&file, "").unwrap();
    assert!(complaint(&setup, &[]).contains("secret-key of the data directory holds no key"));
    fs::remove_file(&file).unwrap();

    // The old one as the previous: a new one is made, and takes over.
    fs::rename(&aside, &previous).unwrap();
    let picloud = setup.start().await;
    assert_eq!(picloud.text("/shop/read").await.1, "onetwo");
    let (_, setup) = picloud.stop();
    let new = fs::read_to_string(&file).unwrap();
    assert_ne!(old, new);
    fs::remove_file(&previous).unwrap();
    let told = complaint(&setup, &[("PICLOUD_SECRET_KEY", old.trim())]);
    assert!(told.contains("holds 2 secrets"), "{told}");
    let picloud = setup.start().await;
    assert_eq!(picloud.text("/shop/read").await.1, "onetwo");

    // The key from the environment, and no file.
    let (_, setup) = picloud.stop();
    fs::remove_file(&file).unwrap();
    let mut process = Process::spawn(setup.command().env("PICLOUD_SECRET_KEY", new.trim()));
    let (_, ingress) = wait_until_ready(&mut process);
    let read = reqwest::get(format!("{ingress}/shop/read")).await.unwrap().text().await.unwrap();
    assert_eq!(read, "onetwo");
    assert!(end(&mut process).success() && !Path::new(&file).exists());
}
