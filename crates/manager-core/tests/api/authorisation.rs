//! Who may call what: every operation of the API's document, tried with no token, a stranger's, each role's, and with tokens
//! that are for less than their user may.

use crate::support::{Answer, PASSWORD, Server};
use axum::http::header;
use picloud_shared::api::Role::{self, Editor, Owner, Viewer};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// No token.
    Nothing,
    /// Any token.
    Token,
    /// A token with all rights of its user.
    AllRights,
    /// A token that somebody has signed in for.
    Session,
    /// The right to make apps.
    MakingApps,
    /// An administrator's token.
    Admin,
    /// A token that an administrator has signed in for.
    AdminSession,
    /// A role in the app.
    Role(Role),
    /// An owner's token with all of their rights.
    AllOfAnOwner,
    /// A token that an owner has signed in for.
    OwnerSession,
}
use Needs::{Admin, AdminSession, AllOfAnOwner, AllRights, MakingApps, Nothing, OwnerSession, Session, Token};

/// Every operation of the API. One that is missing here fails the test.
const OPERATIONS: &[(&str, Needs)] = &[
    ("about", Nothing),
    ("set_up", Nothing),
    ("login", Nothing),
    ("accept_invitation", Nothing),
    ("me", Token),
    ("logout", Token),
    ("list_apps", Token),
    ("list_tokens", AllRights),
    ("delete_token", AllRights),
    ("create_token", Session),
    ("change_password", Session),
    ("create_app", MakingApps),
    ("list_users", Admin),
    ("update_user", Admin),
    ("delete_user", Admin),
    ("list_invitations", Admin),
    ("create_invitation", AdminSession),
    ("delete_invitation", Admin),
    ("show_server", Admin),
    ("list_audit", Admin),
    ("show_app", Needs::Role(Viewer)),
    ("update_app", Needs::Role(Owner)),
    ("delete_app", Needs::Role(Owner)),
    ("list_app_audit", Needs::Role(Owner)),
    ("list_members", Needs::Role(Viewer)),
    ("set_member", AllOfAnOwner),
    ("remove_member", AllOfAnOwner),
    ("list_app_invitations", AllOfAnOwner),
    ("create_app_invitation", OwnerSession),
    ("delete_app_invitation", AllOfAnOwner),
    ("list_scripts", Needs::Role(Viewer)),
    ("show_script", Needs::Role(Viewer)),
    ("list_versions", Needs::Role(Viewer)),
    ("show_version", Needs::Role(Viewer)),
    ("check_source", Needs::Role(Viewer)),
    ("put_script", Needs::Role(Editor)),
    ("delete_script", Needs::Role(Editor)),
    ("roll_back_script", Needs::Role(Editor)),
    ("invoke_script", Needs::Role(Editor)),
    ("deploy", Needs::Role(Editor)),
    ("list_releases", Needs::Role(Viewer)),
    ("roll_back_app", Needs::Role(Editor)),
    ("list_invocations", Needs::Role(Viewer)),
    ("show_invocation", Needs::Role(Viewer)),
    ("list_logs", Needs::Role(Viewer)),
    ("show_stats", Needs::Role(Viewer)),
    ("show_usage", Needs::Role(Viewer)),
    ("list_files", Needs::Role(Viewer)),
    ("read_file", Needs::Role(Viewer)),
    ("write_file", Needs::Role(Editor)),
    ("delete_file", Needs::Role(Editor)),
    ("list_keys", Needs::Role(Viewer)),
    ("show_key", Needs::Role(Viewer)),
    ("set_key", Needs::Role(Editor)),
    ("delete_key", Needs::Role(Editor)),
    ("list_domains", Needs::Role(Viewer)),
    ("add_domain", Needs::Role(Owner)),
    ("remove_domain", Needs::Role(Owner)),
    ("list_vars", Needs::Role(Viewer)),
    ("set_var", Needs::Role(Editor)),
    ("delete_var", Needs::Role(Editor)),
    ("list_secrets", Needs::Role(Viewer)),
    ("set_secret", Needs::Role(Editor)),
    ("delete_secret", Needs::Role(Editor)),
    ("list_topics", Needs::Role(Viewer)),
    ("publish_event", Needs::Role(Editor)),
    ("list_schedules", Needs::Role(Viewer)),
    ("run_schedule", Needs::Role(Editor)),
    ("list_deliveries", Needs::Role(Viewer)),
    ("show_delivery", Needs::Role(Viewer)),
    ("list_dead_letters", Needs::Role(Viewer)),
    ("delete_dead_letter", Needs::Role(Editor)),
    ("replay_dead_letter", Needs::Role(Editor)),
    ("replay_dead_letters", Needs::Role(Editor)),
];

/// An operation as the document has it.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    path: String,
    takes_json: bool,
    open: bool,
}

pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&picloud_manager_core::openapi().unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                takes_json: operation["requestBody"]["content"]["application/json"].is_object(),
                open: operation["security"].as_array().is_some_and(|ways| ways.contains(&json!({}))),
            });
        }
    }
    operations
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// With the role, in a session.
    Member(Role),
    /// A user without any role in the app.
    Stranger,
    /// An owner by an API token for everything.
    ApiToken,
    /// An owner by an API token that may look.
    CappedToken,
    /// An owner by an API token for this app alone.
    ScopedToken,
    /// An owner by an API token for another app.
    OtherAppsToken,
    /// An administrator without a role in the app.
    Admin,
}

/// How a request is refused before anybody looks at what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    NoSuchApp,
    Forbidden,
    Scoped,
    SessionNeeded,
}

impl Asker {
    const ALL: [Self; 9] = [
        Self::Member(Viewer),
        Self::Member(Editor),
        Self::Stranger,
        Self::CappedToken,
        Self::OtherAppsToken,
        Self::ScopedToken,
        Self::ApiToken,
        Self::Admin,
        Self::Member(Owner),
    ];

    /// The role in the app that counts.
    fn role(self) -> Option<Role> {
        match self {
            Self::Member(role) => Some(role),
            Self::Stranger | Self::OtherAppsToken => None,
            Self::CappedToken => Some(Viewer),
            Self::ApiToken | Self::ScopedToken | Self::Admin => Some(Owner),
        }
    }

    fn is_scoped(self) -> bool {
        matches!(self, Self::CappedToken | Self::ScopedToken | Self::OtherAppsToken)
    }

    /// How this one is refused what needs so much.
    fn refused(self, needs: Needs) -> Option<Refused> {
        let by_role = |needed: Role| match self.role() {
            None => Some(Refused::NoSuchApp),
            Some(role) => (role < needed).then_some(Refused::Forbidden),
        };
        let by_scope = self.is_scoped().then_some(Refused::Scoped);
        match needs {
            Nothing | Token => None,
            AllRights => by_scope,
            Session => by_scope.or((self == Self::ApiToken).then_some(Refused::SessionNeeded)),
            MakingApps | Admin | AdminSession => by_scope.or((self != Self::Admin).then_some(Refused::Forbidden)),
            Needs::Role(role) => by_role(role),
            AllOfAnOwner => by_role(Owner).or(by_scope),
            OwnerSession => by_role(Owner).or(by_scope).or((self == Self::ApiToken).then_some(Refused::SessionNeeded)),
        }
    }
}

/// What of an answer says that the asker was not let in.
fn refusal(answer: &Answer) -> Option<Refused> {
    if answer.status.is_success() {
        return None;
    }
    let (status, code) = answer.error();
    match (status, code.as_str()) {
        (404, "not_found") if answer.json()["error"]["message"] == "no such app" => Some(Refused::NoSuchApp),
        (403, "scoped_token") => Some(Refused::Scoped),
        (403, "session_needed") => Some(Refused::SessionNeeded),
        (403, _) => Some(Refused::Forbidden),
        _ => None,
    }
}

/// Enough of a body to be let in, and wrong where it would change who may ask what.
fn body(operation: &Operation) -> Option<Value> {
    operation.takes_json.then(|| match operation.id.as_str() {
        "change_password" => json!({"old_password": "not it at all", "new_password": PASSWORD}),
        "create_app" => json!({"slug": "made"}),
        "deploy" => json!({"scripts": []}),
        _ => json!({}),
    })
}

/// The path of an operation on things that are not there.
pub(crate) fn path(operation: &Operation, app: &str) -> String {
    let unknown = "01a21492-b486-763a-bb8f-22cdd59e4081";
    let path = operation.path.replace("{app}", app).replace("{id}", unknown);
    ["{name}", "{key}", "{path}", "{topic}", "{username}"]
        .iter()
        .fold(path, |path, name| path.replace(name, "x"))
        .replace("{domain}", "x.example")
        .replace("{number}", "1")
}

#[test]
fn every_operation_is_in_the_table() {
    let documented: BTreeSet<String> = operations().into_iter().map(|operation| operation.id).collect();
    let listed: BTreeSet<String> = OPERATIONS.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(documented, listed, "the document and the table differ");
    for operation in operations() {
        let needs = needs(&operation);
        assert_eq!(operation.open, needs == Nothing, "{}: the document says otherwise", operation.id);
        let in_app = matches!(needs, Needs::Role(_) | AllOfAnOwner | OwnerSession);
        assert_eq!(operation.path.contains("{app}"), in_app, "{}", operation.id);
    }
}

fn needs(operation: &Operation) -> Needs {
    OPERATIONS.iter().find(|(id, _)| *id == operation.id).unwrap_or_else(|| panic!("{} is not listed", operation.id)).1
}

#[tokio::test]
async fn nothing_but_the_open_doors_opens_without_a_token() {
    let (server, token) = Server::with_app().await;
    let strange = format!("pic_{}", "0".repeat(64));
    for operation in operations().into_iter().filter(|operation| needs(operation) != Nothing) {
        for token in ["", "nonsense", &strange, &token[1..]] {
            let answer = server.send(&operation.method, &path(&operation, "shop"), token, body(&operation)).await;
            assert_eq!(answer.error(), (401, "unauthorized".to_owned()), "{}", operation.id);
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
    for (open, status) in [
        ("/", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/api/v1/openapi.json", 200),
        ("/internal/domain-check", 404),
    ] {
        assert_eq!(server.send("GET", open, "", None).await.status, status, "{open}");
    }
}

#[tokio::test]
async fn everybody_may_what_the_table_says_and_no_more() {
    let (server, admin) = Server::with_app().await;
    let mut sessions = Vec::new();
    for (name, role) in [("vera", Viewer), ("eddie", Editor), ("olga", Owner)] {
        sessions.push((name, role, server.join(&admin, name, json!({})).await));
    }
    let stranger = server.join(&admin, "eve", json!({})).await;
    let join_app = async |app: &str| {
        let made = server.send("POST", "/api/v1/apps", &admin, Some(json!({"slug": app}))).await;
        assert_eq!(made.status, 201, "{}", made.text);
        for (name, role, _) in &sessions {
            let member = format!("/api/v1/apps/{app}/members/{name}");
            let set = server.send("PUT", &member, &admin, Some(json!({"role": role}))).await;
            assert!(set.status.is_success(), "{}", set.text);
        }
        // An administrator is an owner without being among the members.
        let left = server.send("DELETE", &format!("/api/v1/apps/{app}/members/ada"), &admin, None).await;
        assert_eq!(left.status, 204, "{}", left.text);
    };
    join_app("other").await;
    let olga = sessions[2].2.clone();
    let api = server.api_token(&olga, json!({"name": "all"})).await;
    let capped = server.api_token(&olga, json!({"name": "capped", "role": "viewer"})).await;
    let elsewhere = server.api_token(&olga, json!({"name": "elsewhere", "apps": ["other"]})).await;

    for (number, operation) in operations().iter().enumerate() {
        let needs = needs(operation);
        // What one of them changes is none of the others' concern.
        let app = format!("app-{number}");
        join_app(&app).await;
        let scoped = server.api_token(&olga, json!({"name": "scoped", "apps": [app]})).await;
        for asker in Asker::ALL {
            let token = match asker {
                Asker::Member(role) => sessions.iter().find(|(_, of, _)| *of == role).unwrap().2.as_str(),
                Asker::Stranger => &stranger,
                Asker::ApiToken => &api,
                Asker::CappedToken => &capped,
                Asker::ScopedToken => &scoped,
                Asker::OtherAppsToken => &elsewhere,
                Asker::Admin => &admin,
            };
            // Its own token would be gone.
            if operation.id == "logout" && asker.refused(needs).is_none() {
                continue;
            }
            let answer = server.send(&operation.method, &path(operation, &app), token, body(operation)).await;
            let what = format!("{asker:?} asks for {}: {} {}", operation.id, answer.status, answer.text);
            assert!(!answer.status.is_server_error(), "{what}");
            assert_ne!(answer.status, 405, "{what}");
            if needs != Nothing {
                assert_eq!(refusal(&answer), asker.refused(needs), "{what}");
            }
            if operation.id == "delete_app" && answer.status.is_success() {
                join_app(&app).await;
            }
        }
    }
}

#[tokio::test]
async fn nobody_reaches_another_apps_things_through_their_own() {
    let (server, admin) = Server::with_app().await;
    let put = json!({"source": "1", "schedules": ["0 9 * * *"]});
    assert_eq!(server.send("PUT", "/api/v1/apps/shop/scripts/mine", &admin, Some(put)).await.status, 201);
    let run = server.send("POST", "/api/v1/apps/shop/scripts/mine/invoke", &admin, Some(json!({}))).await.json();
    let schedules = server.send("GET", "/api/v1/apps/shop/schedules", &admin, None).await.text;
    let schedules: Value = serde_json::from_str(&schedules).unwrap();
    let schedule = schedules.get("items").unwrap_or(&schedules)[0]["id"].clone();
    let invitation =
        server.send("POST", "/api/v1/apps/shop/invitations", &admin, Some(json!({"role": "viewer"}))).await;
    let invitation = invitation.json()["id"].clone();
    for (method, below) in [("PUT", "kv/k"), ("PUT", "vars/V"), ("PUT", "secrets/S")] {
        let set = server.send(method, &format!("/api/v1/apps/shop/{below}"), &admin, Some(json!({"value": "x"}))).await;
        assert_eq!(set.status, 204, "{}", set.text);
    }
    let mallory = server.join(&admin, "mallory", json!({"create_apps": true})).await;
    let made = server.send("POST", "/api/v1/apps", &mallory, Some(json!({"slug": "den"}))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (run, schedule, invitation) =
        (run["id"].as_str().unwrap(), schedule.as_str().unwrap(), invitation.as_str().unwrap());
    for (method, below) in [
        ("GET", format!("invocations/{run}")),
        ("POST", format!("schedules/{schedule}/run")),
        ("DELETE", format!("invitations/{invitation}")),
        ("GET", "scripts/mine".to_owned()),
        ("DELETE", "scripts/mine".to_owned()),
        ("GET", "kv/k".to_owned()),
        ("DELETE", "kv/k".to_owned()),
        ("DELETE", "vars/V".to_owned()),
        ("DELETE", "secrets/S".to_owned()),
    ] {
        for app in ["den", "shop"] {
            let answer = server.send(method, &format!("/api/v1/apps/{app}/{below}"), &mallory, None).await;
            assert_eq!(answer.error(), (404, "not_found".into()), "{method} {app}/{below}");
        }
    }
    for query in [format!("invocations?before={run}"), format!("logs?before={run}")] {
        let answer = server.send("GET", &format!("/api/v1/apps/den/{query}"), &mallory, None).await;
        assert_eq!(answer.json()["items"], json!([]), "{query}");
    }
    let still = server.send("GET", &format!("/api/v1/apps/shop/invocations/{run}"), &admin, None).await;
    assert_eq!(still.status, 200);
}
