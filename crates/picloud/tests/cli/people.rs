//! People from the command line: their roles, their accounts, invitations, tokens and passwords, and the audit log of it.

use super::shared::{self, SERVER, pic_as, pic_no_env};
use crate::support::PASSWORD;

#[test]
fn roles_are_granted_and_revoked() {
    let (app, user) = (shared::app("shop"), shared::user("eve"));
    let (pic, shop, eve, name) = (&app.pic, app.slug.as_str(), pic_as(&user, &app), user.name.as_str());
    assert_eq!(pic.ok(&["roles", "list"]), "USER   ROLE\nadmin  owner\n");
    assert_eq!(eve.fails(&["scripts", "list"]).0, 4);
    let granted = pic.ok(&["roles", "grant", name, "viewer"]);
    assert_eq!(granted, format!("{name} has the role viewer in the app {shop}\n"));
    let (code, told) = eve.fails(&["vars", "set", "A", "1"]);
    assert!(code == 3 && told.contains("ask an owner of the app"), "{code} {told}");
    assert_eq!(pic.json(&["roles", "grant", name, "editor"])["role"], "editor");
    eve.ok(&["vars", "set", "A", "1"]);

    let first = pic.run(&["roles", "list", "--limit", "1"]);
    assert!(String::from_utf8_lossy(&first.stderr).contains("there are more: --after admin"), "{first:?}");
    assert_eq!(pic.json(&["roles", "list", "--after", "admin"])["items"][0]["username"], name);
    // Anybody may leave.
    eve.ok(&["roles", "revoke", name]);
    assert_eq!(eve.fails(&["scripts", "list"]).0, 4);
    for user in [name, "nobody"] {
        let (code, told) = pic.fails(&["roles", "revoke", user]);
        assert!(code == 4 && told.contains("no such user") && told.contains("pic roles list"), "{code} {told}");
    }
    let (code, told) = pic.fails(&["roles", "grant", name, "boss"]);
    assert!(code == 2 && told.contains("viewer, editor, owner"), "{code} {told}");
    assert_eq!(pic.fails(&["roles", "grant", "e e", "viewer"]).0, 2);
}

#[test]
fn people_are_invited_and_join() {
    let (app, other) = (shared::app("shop"), shared::app("blog"));
    let (pic, shop, blog) = (&app.pic, app.slug.as_str(), other.slug.as_str());
    let (eve, user) = (pic_no_env(), shared::User::named(&shared::unique("eve")));
    let name = user.name.as_str();
    let invited = pic.run(&["invite", "--role", "editor"]);
    let (link, told) = (String::from_utf8(invited.stdout).unwrap(), String::from_utf8(invited.stderr).unwrap());
    let link = link.trim_end();
    assert!(link.starts_with(&format!("{}/invite#token=", SERVER.manager)), "{link}");
    assert!(told.contains(&format!("editor of the app {shop}: good once, until ")), "{told}");
    let listed = pic.ok(&["invitations", "list"]);
    assert!(listed.contains(&format!("editor of the app {shop}")) && !listed.contains(link), "{listed}");

    // Who has not signed in there becomes a user; somebody else's token goes nowhere.
    let (code, told) = eve.fails(&["join", link]);
    assert!(code == 2 && told.contains("nobody has signed in to") && told.contains("--username"), "{code} {told}");
    let joined = eve.json(&["join", link, "--username", name]);
    assert_eq!(joined, serde_json::json!({"username": name, "app": shop, "role": "editor"}));
    assert_eq!(eve.json(&["whoami"])["username"], name);
    eve.ok(&["vars", "set", "A", "1"]);
    let (code, told) = eve.fails(&["join", link]);
    assert!(code == 5 && told.contains("accepted already"), "{code} {told}");
    assert_eq!(pic.ok(&["invitations", "list"]), "(none)\n");

    // Whoever has signed in gets the role, and works on in the app that was chosen.
    let link = pic.ok(&["invite", "--role", "viewer", "--app", blog]);
    let joined = eve.run(&["join", link.trim_end()]);
    assert!(
        String::from_utf8_lossy(&joined.stderr).contains(&format!("{name} has the role viewer in the app {blog}")),
        "{joined:?}"
    );
    assert_eq!(eve.ok(&["scripts", "list", "--app", blog]), "(none)\n");
    eve.ok(&["vars", "get", "A"]);

    let (code, told) = eve.fails(&["invite", "--server"]);
    assert!(code == 3 && told.contains("needs an administrator") && !told.contains("ask an owner"), "{code} {told}");
    let made = pic.json(&["invite", "--create-apps"]);
    assert_eq!((&made["create_apps"], &made["admin"]), (&true.into(), &false.into()));
    let id = made["id"].as_str().unwrap();
    assert!(pic.ok(&["invitations", "list", "--server"]).contains("user of the server who makes apps"));
    let (code, told) = pic.fails(&["invitations", "revoke", id]);
    assert!(code == 4 && told.contains("no such invitation") && told.contains("--server"), "{code} {told}");
    pic.ok(&["invitations", "revoke", id, "--server"]);
    let (bob, user) = (pic_no_env(), shared::User::named(&shared::unique("bob")));
    let name = user.name.as_str();
    let (code, told) = bob.fails(&["join", made["url"].as_str().unwrap(), "--username", name]);
    assert!(code == 4 && told.contains("ask whoever sent it for another"), "{code} {told}");
    let link = pic.ok(&["invite", "--admin"]);
    bob.ok(&["join", link.trim_end(), "--username", name]);
    assert_eq!(bob.json(&["whoami"])["admin"], true);
}

#[test]
fn who_joins_takes_nobody_elses_profile() {
    let app = shared::app("shop");
    let here = shared::pic_no_env();
    here.sign_in();
    here.ok(&["apps", "use", &app.slug]);
    let user = shared::User::named(&shared::unique("eve"));
    let name = user.name.as_str();
    let link = app.pic.ok(&["invite", "--server"]);
    let joined = here.run(&["join", link.trim_end(), "--username", name]);
    let told = String::from_utf8(joined.stderr).unwrap();
    assert!(
        told.contains(&format!("as {name} (profile {name})")) && told.contains(&format!("pic --profile {name}")),
        "{told}"
    );
    assert_eq!(here.json(&["whoami"])["username"], "admin");
    assert_eq!(here.json(&["scripts", "list"]), serde_json::json!([]), "in the app that was chosen");
    let eve = ["whoami", "--profile", name];
    assert_eq!(here.json(&eve)["username"], name);
    assert!(here.ok(&eve).contains("app            -\n"), "the administrator's app is none of hers");
    // Signing in as somebody else is meant to; it is said, and takes no app along.
    app.pic.ok(&["roles", "grant", name, "viewer"]);
    let login = here.run(&["login", &SERVER.manager, "--username", name]);
    let told = String::from_utf8(login.stderr).unwrap();
    assert!(told.contains(&format!("as {name} (profile default, in place of admin at {}/)", SERVER.manager)), "{told}");
    assert_eq!(here.fails(&["scripts", "list"]).0, 2);
}

#[test]
fn users_are_listed_changed_and_deleted() {
    let (app, user) = (shared::app("shop"), shared::user("eve"));
    let (pic, eve, name) = (&app.pic, pic_as(&user, &app), user.name.as_str());
    let (made, another) = (shared::unique("eves"), shared::unique("eves"));
    assert_eq!(eve.fails(&["users", "list"]).0, 3);
    let listed = pic.ok(&["users", "list", "--limit", "200"]);
    let row = |name: &str| listed.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("admin").contains("administrator") && row(name).contains(" -  "), "{listed}");
    assert_eq!(eve.fails(&["apps", "create", &made]).0, 3);
    assert_eq!(pic.ok(&["users", "update", name, "--create-apps"]), format!("{name}: makes apps\n"));
    eve.ok(&["apps", "create", &made]);
    pic.ok(&["apps", "delete", &made, "--yes"]);
    assert_eq!(pic.ok(&["users", "update", name, "--admin", "--no-create-apps"]), format!("{name}: administrator\n"));
    let all = eve.json(&["users", "list", "--after", "admin", "--limit", "200"]);
    assert_eq!(all["items"].as_array().unwrap().iter().find(|one| one["username"] == name).unwrap()["admin"], true);
    assert_eq!(pic.ok(&["users", "update", name, "--no-admin"]), format!("{name}: -\n"));
    assert_eq!(eve.fails(&["apps", "create", &another]).0, 3);
    // Nobody is there to ask, and nothing has happened.
    let (code, told) = pic.fails(&["users", "update", name, "--disable"]);
    assert!(code == 2 && told.contains("--yes"), "{code} {told}");
    eve.ok(&["whoami"]);
    assert_eq!(pic.json(&["users", "update", name, "--disable", "--yes"])["disabled"], true);
    assert_eq!(eve.fails(&["whoami"]).0, 3);
    pic.ok(&["users", "update", name, "--enable"]);
    eve.ok(&["login", &SERVER.manager, "--username", name]);
    pic.ok(&["users", "delete", name, "--yes"]);
    assert_eq!(eve.fails(&["whoami"]).0, 3);
    let (code, told) = pic.fails(&["users", "delete", name, "--yes"]);
    assert!(code == 4 && told.contains("no such user") && told.contains("pic users list"), "{code} {told}");
}

#[test]
fn tokens_are_made_for_programs_and_ended() {
    let (app, other) = (shared::app("shop"), shared::app("blog"));
    let (shop, blog) = (app.slug.as_str(), other.slug.as_str());
    let user = shared::member_user(&app, "owner");
    shared::grant_membership(&other, &user, "owner");
    let pic = pic_as(&user, &app);
    let made = pic.run(&["tokens", "create", "ci", "--role", "viewer", "--app", shop, "--days", "7"]);
    let (token, told) = (String::from_utf8(made.stdout).unwrap(), String::from_utf8(made.stderr).unwrap());
    let token = token.strip_suffix('\n').unwrap();
    assert!(token.starts_with("pic_") && !token.contains(char::is_whitespace), "{token}");
    assert!(
        told.contains(&format!("for {shop}, with at most the role viewer, until ")) && !told.contains(token),
        "{told}"
    );
    let program = pic_no_env();
    let with = |token: &str, arguments: &[&str]| {
        let mut command = program.command(arguments);
        command.env("PIC_TOKEN", token).env("PIC_URL", &SERVER.manager).output().unwrap()
    };
    let code = |token: &str, arguments: &[&str]| with(token, arguments).status.code().unwrap();
    assert_eq!(code(token, &["scripts", "list", "--app", shop]), 0);
    assert_eq!(code(token, &["scripts", "list", "--app", blog]), 4);
    let refused = with(token, &["vars", "set", "A", "1", "--app", shop]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("this needs the role editor, and this token is for the role viewer at most"), "{told}");
    assert!(told.contains("pic tokens create NAME --role editor") && !told.contains("ask an owner"), "{told}");
    let refused = with(token, &["tokens", "create", "more"]);
    assert_eq!((refused.status.code(), &refused.stdout[..]), (Some(3), &b""[..]), "{refused:?}");

    // Where one stands before the command, in the environment, or is named more than once.
    let apps = |token: &serde_json::Value| token["apps"].as_array().map(|apps| apps.len());
    let two = pic.json(&["tokens", "create", "two", "--app", shop, "--app", blog]);
    assert_eq!(apps(&two), Some(2));
    assert_eq!(apps(&pic.json(&["--app", shop, "tokens", "create", "before"])), Some(1));
    let from_environment =
        pic.command(&["tokens", "create", "env", "-o", "json"]).env("PIC_APP", blog).output().unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&from_environment.stdout).unwrap()["apps"][0], blog);
    let all = pic.json(&["tokens", "create", "all"]);
    assert_eq!((apps(&all), &all["role"]), (None, &serde_json::Value::Null));
    // It has the rights of its user, but is no session.
    let refused = with(all["token"].as_str().unwrap(), &["tokens", "create", "more"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("hint: unset PIC_TOKEN"), "{refused:?}");
    assert_eq!(pic.fails(&["tokens", "create", "ci", "--app", "nothing"]).0, 4);

    let listed = pic.ok(&["tokens", "list"]);
    let row = |name: &str| listed.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row(" ci ").contains("viewer") && row(" two ").contains("never"), "{listed}");
    assert!(row("(signed in), this one").contains("yours") && !listed.contains(token), "{listed}");
    let id = row(" ci ").split_whitespace().next().unwrap().to_owned();
    pic.ok(&["tokens", "delete", &id]);
    assert_eq!(code(token, &["scripts", "list", "--app", shop]), 3);
    let (code, told) = pic.fails(&["tokens", "delete", &id]);
    assert!(code == 4 && told.contains("no such token") && told.contains("pic tokens list"), "{code} {told}");
}

#[test]
fn a_changed_password_ends_other_sessions() {
    const ANOTHER: &str = "another horse";
    let (app, user) = (shared::app("shop"), shared::user("eve"));
    let (pic, elsewhere, name) = (pic_as(&user, &app), pic_no_env(), user.name.as_str());
    elsewhere.ok(&["login", &SERVER.manager, "--username", name]);
    let (code, told) = pic.fails(&["password"]);
    assert!(code == 2 && told.contains("PIC_NEW_PASSWORD"), "{code} {told}");
    let change = |old: &str, new: &str| {
        let mut command = pic.command(&["password"]);
        command.env("PIC_PASSWORD", old).env("PIC_NEW_PASSWORD", new).output().unwrap()
    };
    assert_eq!(change("not the password", ANOTHER).status.code(), Some(3));
    let short = change(PASSWORD, "short");
    assert!(short.status.code() == Some(5) && String::from_utf8_lossy(&short.stderr).contains("10"), "{short:?}");
    elsewhere.ok(&["whoami"]);
    assert!(change(PASSWORD, ANOTHER).status.success());
    pic.ok(&["whoami"]);
    assert_eq!(elsewhere.fails(&["whoami"]).0, 3);
    assert_eq!(elsewhere.fails(&["login", &SERVER.manager, "--username", name]).0, 3);
    let mut login = elsewhere.command(&["login", &SERVER.manager, "--username", name]);
    assert!(login.env("PIC_PASSWORD", ANOTHER).output().unwrap().status.success());
}

#[test]
fn who_changed_what_is_shown() {
    let app = shared::app("shop");
    let user = shared::member_user(&app, "editor");
    let (pic, shop, eve, name) = (&app.pic, app.slug.as_str(), pic_as(&user, &app), user.name.as_str());
    eve.ok(&["vars", "set", "REGION", "eu"]);
    let shown = pic.ok(&["audit"]);
    let lines: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["AT", "WHO", "FROM", "ACTION", "APP", "TO", "DETAIL"]);
    assert_eq!(lines[1][1..6], [name, "127.0.0.1", "set_var", shop, "REGION"]);
    assert_eq!(lines[2][1..6], ["admin", "127.0.0.1", "set_member", shop, name]);
    assert!(shown.contains(r#"{"role":"editor"}"#), "{shown}");
    let of = |arguments: &[&str]| {
        let page = pic.json(&[&["audit"], arguments].concat());
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&["--actor", name]), ["set_var"]);
    assert_eq!(of(&["--action", "create_app"]), ["create_app"]);
    assert_eq!(of(&["--server", "--actor", name]), ["set_var", "accept_invitation"]);
    let first = pic.json(&["audit", "--limit", "1"]);
    assert_eq!(of(&["--before", first["next"].as_str().unwrap()]), ["set_member", "create_app"]);
    // Editors of the app are not told, and owners not of the server.
    assert_eq!(eve.fails(&["audit"]).0, 3);
    assert_eq!(eve.fails(&["audit", "--server"]).0, 3);
    assert_eq!(pic.fails(&["audit", "--action", "put script"]).0, 5);
}
