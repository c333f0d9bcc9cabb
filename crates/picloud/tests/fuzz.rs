//! Requests that are made up from the API's own document, well-formed and not: none brings about a failure of the server,
//! and no answer is other than the document says.

use crate::support::{Backend, TestApp, on_both};
use picloud_testkit::schemathesis::{NEEDED, program};
use std::{fs, path::Path, process::Command};

on_both!(no_request_is_answered_other_than_the_document_says);

/// How long requests are made up, in seconds: some thousands of them.
const SECONDS: &str = "60";

/// What an answer has to be.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance";

/// Operations after which there would be nothing left to ask, or nobody to ask it.
const LEFT_OUT: [&str; 2] = ["delete_app", "logout"];

/// Most requests are for things that are there, and none for a stream that would not end.
const NAMES: &str = r#"
[parameters]
"path.app" = "fuzz"
"query.follow" = false
"#;

async fn no_request_is_answered_other_than_the_document_says(backend: Backend) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let program = program(target).expect(NEEDED);
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("fuzz").await;
    picloud.put(&app, "a", "throw \"as always\"", &[]).await;
    let directory = tempfile::tempdir().unwrap();
    let names = directory.path().join("names.toml");
    fs::write(&names, NAMES).unwrap();

    let mut schemathesis = Command::new(program);
    schemathesis
        .current_dir(directory.path())
        .arg("--config-file")
        .arg(&names)
        .args(["run", &format!("{}/api/v1/openapi.json", picloud.manager)])
        .args(["--header", &format!("authorization: Bearer {}", picloud.token().await)])
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "10", "--max-time", SECONDS])
        .args(["--suppress-health-check", "all", "--seed", "1", "--continue-on-failure", "--no-color"]);
    for operation in LEFT_OUT {
        schemathesis.args(["--exclude-operation-id", operation]);
    }
    let output = tokio::task::spawn_blocking(move || schemathesis.output().unwrap()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    // All that the document has, but what is left out.
    let counted = |what: &str| -> usize {
        let line = told.lines().find_map(|line| line.trim().strip_prefix(what)).unwrap_or_else(|| panic!("{told}"));
        line.split('/').next().unwrap().trim().parse().unwrap()
    };
    let (selected, tested) = (counted("Selected:"), counted("Tested:"));
    assert_eq!((selected + LEFT_OUT.len(), tested), (documented(), selected), "{told}");
    picloud.client.app(&app).await.unwrap();
}

/// How many operations the document has.
fn documented() -> usize {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json")).unwrap();
    text.matches("\"operationId\":").count()
}
