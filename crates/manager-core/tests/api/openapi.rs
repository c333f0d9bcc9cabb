//! The OpenAPI document is the one that is kept in `docs/`, and says of every operation what a client needs.

use crate::support::Server;
use serde_json::Value;
use std::{collections::BTreeSet, fs};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// Where `cargo xtask openapi` finds the document as it is.
const NEW: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/openapi.json");

#[tokio::test]
async fn the_document_is_the_one_that_is_kept() {
    let document = picloud_manager_core::openapi().unwrap() + "\n";
    fs::write(NEW, &document).unwrap();
    let kept = fs::read_to_string(KEPT).unwrap();
    assert!(kept == document, "docs/openapi.json is stale: run `cargo xtask openapi`");
    let served = Server::start().await.send("GET", "/api/v1/openapi.json", "", None).await;
    assert_eq!(served.json(), serde_json::from_str::<Value>(&kept).unwrap());
}

#[test]
fn every_operation_says_what_a_client_needs() {
    let document: Value = serde_json::from_str(&picloud_manager_core::openapi().unwrap()).unwrap();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let captured: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: its id is another's");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{what}");
            assert!(operation["responses"]["default"].is_object(), "{what} tells of no error");
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let named = parameters.iter().filter(|parameter| parameter["in"] == "path");
            assert_eq!(named.map(|parameter| parameter["name"].as_str().unwrap()).collect::<BTreeSet<_>>(), captured);
        }
    }
    assert!(ids.len() > 40, "{ids:?}");
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "there is no schema {name}");
    }
}
