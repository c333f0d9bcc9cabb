//! What the documentation says of scripts, of settings and of the sources is there: its scripts run, and the flags,
//! files and tests that it names exist.

use crate::support::{Backend, TestApp, script_name, until};
use picloud_client::InvocationFilter;
use picloud_shared::{
    api::{Publish, PutScript},
    names::TopicName,
    schedule::Schedule,
};
use serde_json::json;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The blocks of one language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[tokio::test]
async fn scripts_in_the_documentation_run() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("docs").await;
    let page = page("docs/scripting.md");
    let scripts = blocks(&page, "rhai");
    assert!(scripts.len() > 3, "the scripts are found");
    // A library's block says its name.
    let libraries: Vec<_> = page.split("\n```rhai lib/").skip(1).filter_map(|block| block.split_once('\n')).collect();
    assert!(!libraries.is_empty(), "the libraries are found");
    for (name, rest) in libraries {
        let source = rest.split("\n```").next().unwrap_or_default();
        picloud.put(&app, &format!("lib/{name}"), source, &[]).await;
    }
    for (number, script) in scripts.into_iter().enumerate() {
        let name = format!("script{number}");
        picloud.put(&app, &name, script, &[]).await;
        let request = picloud.http.post(format!("{}/docs/{name}?name=Ada", picloud.ingress)).body("{}");
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{script}\n{}", response.text().await.unwrap());
    }
}

/// Each example of `guest/prebuilt/functions.json` gives what it says.
#[tokio::test]
async fn examples_of_functions_give_what_they_say() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("examples").await;
    let modules: serde_json::Value = serde_json::from_str(&page("guest/prebuilt/functions.json")).unwrap();
    let functions: Vec<_> =
        modules.as_array().unwrap().iter().flat_map(|module| module["functions"].as_array().unwrap()).collect();
    assert!(functions.len() > 50, "the functions are found");
    for (number, function) in functions.into_iter().enumerate() {
        let [source, value] = ["source", "value"].map(|part| function["example"][part].as_str().unwrap());
        let called = function["name"].as_str().unwrap();
        assert!(source.contains(&format!("{called}(")), "{source} is no example of {called}");
        let name = format!("script{number}");
        picloud
            .put(&app, &name, &format!("fn gives() {{ {source} }}\nfn says() {{ {value} }}\n[gives(), says()]"), &[])
            .await;
        let (status, told) = picloud.text(&format!("/examples/{name}")).await;
        assert_eq!(status, 200, "{source}: {told}");
        let [gives, says] = &serde_json::from_str::<Vec<serde_json::Value>>(&told).unwrap()[..] else {
            panic!("{told}")
        };
        assert_eq!(gives, says, "{source}");
    }
}

#[tokio::test]
async fn event_scripts_in_the_documentation_run() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("docs").await;
    let page = page("docs/scripting.md");
    let scripts = blocks(&page, "rhai event");
    assert!(!scripts.is_empty(), "the scripts are found");
    for (number, source) in scripts.into_iter().enumerate() {
        let topics = TopicName::declared_in(source).unwrap();
        let schedules = Schedule::declared_in(source).unwrap();
        let topic = topics.as_ref().and_then(|topics| topics.first()).cloned();
        let script = PutScript { source: source.to_owned(), routes: None, topics, schedules };
        picloud.client.put_script(&app, &script_name(&format!("script{number}")), &script).await.unwrap();
        if let Some(topic) = topic {
            let event = Publish { payload: json!({"id": "1", "email": "ada@example.org"}), key: None, delay: None };
            picloud.client.publish(&app, &topic, &event).await.unwrap();
        } else {
            let schedule = picloud.client.schedules(&app).await.unwrap().pop().expect("it has a topic or a schedule");
            picloud.client.run_schedule(&app, schedule.id).await.unwrap();
        }
        let name = script_name(&format!("script{number}"));
        let filter = InvocationFilter { script: Some(name), ..InvocationFilter::default() };
        let run = until("the delivery", async || {
            picloud.client.invocations(&app, &filter).await.unwrap().items.into_iter().next()
        });
        assert_eq!(run.await.outcome, "ok", "{source}");
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_flag_is_in_the_table_of_settings() {
    let help = Command::new(env!("CARGO_BIN_EXE_picloud")).arg("--help").env_clear().output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    // Each with its variable, or with nothing.
    let flags = help.split("\n      --").skip(1).map(|option| {
        let variable = option.split_once("[env: ").map_or("", |(_, rest)| rest);
        (option.split([' ', '\n']).next().unwrap_or_default(), variable.split([']', '=']).next().unwrap_or_default())
    });
    let page = page("docs/operations.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `--")?.split_once('|'));
    let documented = rows.map(|(flag, rest)| {
        let variable = rest.split('|').next().unwrap_or_default();
        (flag.split([' ', '`']).next().unwrap_or_default(), variable.trim_matches([' ', '`']))
    });
    assert_eq!(documented.collect::<BTreeSet<_>>(), flags.collect());
}

#[test]
fn files_that_the_documentation_names_exist() {
    let rooted = ["crates/", "docs/", "examples/", "guest/", "host/", "migrations/", "wit/"];
    let page = page("docs/ARCHITECTURE.md");
    let files: Vec<_> = quoted(&page).filter(|name| rooted.iter().any(|root| name.starts_with(root))).collect();
    assert!(files.len() > 40, "the files are found");
    for file in files {
        assert!(Path::new(ROOT).join(file).exists(), "{file}");
    }
}

#[test]
fn tests_that_the_documentation_names_exist() {
    let page = page("docs/ARCHITECTURE.md");
    let mut found = 0;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let held_by = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
        let mut source = String::new();
        for name in quoted(held_by) {
            if name.ends_with(".rs") {
                source = self::page(name);
            } else if name.contains('_') {
                // `fn` in a test, or the function that a macro runs on both databases.
                assert!(source.contains(&format!("fn {name}(")), "{name} in {row}");
                found += 1;
            }
        }
    }
    assert!(found > 15, "the tests are found");
}
