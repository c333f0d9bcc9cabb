//! Holds the directions between the workspace's packages, as `cargo metadata` tells them, and that only the binaries
//! read the environment. Normal dependencies only: tests may look anywhere.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId, camino::Utf8Path};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Which of our packages each may name. A new package is placed here.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("picloud-abi", &[]),
    ("picloud-shared", &["picloud-abi"]),
    ("picloud-store", &["picloud-abi", "picloud-shared"]),
    ("picloud-host", &["picloud-abi", "picloud-shared"]),
    ("picloud-vault", &["picloud-abi", "picloud-shared"]),
    // Cores never name each other: what crosses between them is a trait in `shared`.
    ("picloud-executor-core", CORES),
    ("picloud-orchestrator-core", CORES),
    ("picloud-manager-core", CORES),
    // `pic` knows the server by its API alone.
    ("picloud-client", &["picloud-abi", "picloud-shared"]),
    ("picloud-project", &["picloud-shared"]),
    ("picloud-terminal", &["picloud-shared"]),
    ("picloud-cli", &["picloud-abi", "picloud-shared", "picloud-client", "picloud-project", "picloud-terminal"]),
    (
        "picloud",
        &[
            "picloud-abi",
            "picloud-shared",
            "picloud-store",
            "picloud-host",
            "picloud-executor-core",
            "picloud-orchestrator-core",
            "picloud-manager-core",
            "picloud-project",
            "picloud-terminal",
            "picloud-vault",
        ],
    ),
    ("picloud-metering", &[]),
    ("picloud-testkit", &[]),
    ("xtask", &["picloud-testkit"]),
];

const CORES: &[&str] = &["picloud-abi", "picloud-shared", "picloud-store", "picloud-host", "picloud-vault"];

/// What a package never reaches, however many packages lie between.
const NEVER_REACHES: &[(&str, &[&str])] = &[
    ("picloud-abi", &["axum", "hyper", "reqwest", "sqlx", "tokio", "wasmtime"]),
    ("picloud-shared", &["axum", "hyper", "reqwest", "sqlx", "tokio", "wasmtime"]),
    ("picloud-store", &["axum", "hyper", "wasmtime"]),
    ("picloud-host", &["axum", "hyper", "picloud-store", "reqwest", "sqlx"]),
    ("picloud-vault", &["axum", "hyper", "picloud-store", "reqwest", "sqlx", "tokio", "wasmtime"]),
    ("picloud-project", &["axum", "hyper", "picloud-store", "reqwest", "sqlx", "tokio", "wasmtime"]),
    ("picloud-terminal", &["axum", "hyper", "picloud-store", "reqwest", "sqlx", "tokio", "wasmtime"]),
    // It starts invocations, and neither seals nor opens anything.
    ("picloud-orchestrator-core", &["picloud-vault", "wasmtime"]),
    ("picloud-manager-core", &["wasmtime"]),
    ("picloud-client", &["axum", "picloud-host", "picloud-store", "picloud-vault", "sqlx", "wasmtime"]),
    ("picloud-cli", &["axum", "picloud-host", "picloud-store", "picloud-vault", "sqlx", "wasmtime"]),
];

/// Packages that only one of ours may name.
const NAMED_ONLY_BY: &[(&str, &str)] =
    &[("chacha20poly1305", "picloud-vault"), ("sqlx", "picloud-store"), ("wasmtime", "picloud-host")];

/// The packages that people start, and what builds and tests them.
const READ_THE_ENVIRONMENT: &[&str] = &["picloud", "picloud-cli", "picloud-testkit", "xtask"];

fn metadata() -> Metadata {
    MetadataCommand::new().other_options(["--locked".to_owned()]).exec().unwrap()
}

fn normal_dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let normal = |dependency: &&cargo_metadata::Dependency| dependency.kind == DependencyKind::Normal;
    package.dependencies.iter().filter(normal).map(|dependency| dependency.name.as_str())
}

#[test]
fn packages_name_only_what_lies_below_them() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let may_name: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = may_name.get(package.name.as_str()) else {
            wrong.push(format!("{} has no place yet: add it to MAY_NAME", package.name));
            continue;
        };
        let named = normal_dependencies(package).filter(|name| ours.contains(name) && !allowed.contains(name));
        wrong.extend(named.map(|name| format!("{} names {name}", package.name)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn packages_never_reach_what_belongs_elsewhere() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for (from, banned) in NEVER_REACHES {
        let reached = reached(&metadata, from);
        wrong.extend(banned.iter().filter(|name| reached.contains(*name)).map(|name| format!("{from} reaches {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The names of all packages that end up in one of ours.
fn reached<'a>(metadata: &'a Metadata, from: &str) -> BTreeSet<&'a str> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|to| to.dep_kinds.iter().any(|to| to.kind == DependencyKind::Normal));
            (&node.id, normal.map(|to| &to.pkg).collect())
        })
        .collect();
    let start = metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == from);
    let mut open = vec![&start.unwrap_or_else(|| panic!("there is no package {from}")).id];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(&edges[id]);
        }
    }
    seen.into_iter().map(|id| metadata[id].name.as_str()).collect()
}

#[test]
fn some_packages_are_named_in_one_place() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        for (name, owner) in NAMED_ONLY_BY {
            if package.name.as_str() != *owner && normal_dependencies(package).any(|named| named == *name) {
                wrong.push(format!("{} names {name}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_guest_knows_only_the_contract() {
    let manifest = fs::read_to_string(metadata().workspace_root.join("guest/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let ours = manifest["dependencies"].as_table().unwrap().keys().filter(|name| name.starts_with("picloud"));
    assert_eq!(ours.collect::<Vec<_>>(), ["picloud-abi"]);
}

#[test]
fn only_the_binaries_read_the_environment() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        if !READ_THE_ENVIRONMENT.contains(&package.name.as_str()) {
            collect_readers(package.manifest_path.parent().unwrap(), &metadata.workspace_root, &mut wrong);
        }
    }
    collect_readers(&metadata.workspace_root.join("guest/src"), &metadata.workspace_root, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Lines that read an environment variable, below a directory. Build scripts are cargo's children and may.
fn collect_readers(directory: &Utf8Path, root: &Utf8Path, found: &mut Vec<String>) {
    for entry in directory.read_dir_utf8().unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect_readers(path, root, found);
        } else if path.extension() == Some("rs") && path.file_name() != Some("build.rs") {
            let source = fs::read_to_string(path).unwrap();
            let readers = (1..).zip(source.lines()).filter(|(_, line)| reads_the_environment(line));
            found.extend(
                readers.map(|(number, line)| format!("{}:{number}: {}", path.strip_prefix(root).unwrap(), line.trim())),
            );
        }
    }
}

fn reads_the_environment(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    // `env::var`, `var_os`, `vars`, `vars_os`, and each of them imported, alone or in braces; `env!` is compiled in.
    code.split_once("env::").is_some_and(|(_, name)| {
        name.starts_with("var")
            || (name.starts_with('{') && name.split(['{', ',', ' ']).any(|name| name.starts_with("var")))
    })
}
