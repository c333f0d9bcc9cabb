//! `pic roles`: what each role lets somebody do.

use super::shared::{self, SERVER};

#[test]
fn each_role_does_what_it_says_and_no_more() {
    let app = shared::app("roles");
    app.pic.write("hello.rhai", "\"hello\"");
    app.pic.ok(&["scripts", "put", "hello.rhai"]);
    for (role, invokes, limits) in [("viewer", 3, 3), ("editor", 0, 3), ("owner", 0, 0)] {
        let user = shared::member_user(&app, role);
        let pic = shared::pic_as(&user, &app);
        assert!(pic.ok(&["scripts", "list"]).contains("hello"), "{role}");
        assert_eq!(pic.run(&["invoke", "hello"]).status.code(), Some(invokes), "{role}");
        let limit = pic.run(&["apps", "limits", &app.slug, "kv_calls=7"]);
        assert_eq!(limit.status.code(), Some(limits), "{role}");
        if limits == 3 {
            let told = String::from_utf8(limit.stderr).unwrap();
            assert!(told.contains("this needs the role owner") && told.contains("ask an owner of the app"), "{told}");
        }
        // Anybody may leave.
        pic.ok(&["roles", "revoke", &user.name]);
        assert_eq!(pic.fails(&["scripts", "list"]).0, 4, "{role}");
    }
}

#[test]
fn a_role_is_changed_by_granting_another() {
    let app = shared::app("roles");
    let eve = shared::user("eve");
    assert_eq!(shared::pic_as(&eve, &app).fails(&["logs"]).0, 4, "to a stranger there is no such app");
    shared::grant_membership(&app, &eve, "viewer");
    shared::grant_membership(&app, &eve, "editor");
    let listed = app.pic.json(&["roles", "list"]);
    let role = |name: &str| {
        listed["items"].as_array().unwrap().iter().find(|one| one["username"] == name).unwrap()["role"].clone()
    };
    assert_eq!((role(&eve.name), role("admin")), ("editor".into(), "owner".into()));

    // What a token for one app gives would outlive it.
    let token = app.pic.json(&["tokens", "create", "ci", "--app", &app.slug])["token"].as_str().unwrap().to_owned();
    let ci = app.pic.command(&["roles", "grant", &eve.name, "owner"]).env("PIC_TOKEN", &token).output().unwrap();
    let told = String::from_utf8(ci.stderr).unwrap();
    assert_eq!(ci.status.code(), Some(3), "{told}");
    assert!(told.contains("this token is for apps") && !told.contains(&token), "{told}");
    assert!(SERVER.admin(&app.slug).json(&["roles", "list"])["items"].as_array().unwrap().len() == 2);
}
