//! Signing in and out, and what is kept of it.

use super::shared::{self, SERVER, WRONG_TOKEN};

#[test]
fn failures_say_what_and_where_and_have_their_codes() {
    let app = shared::app("bad");
    let (pic, bad) = (&app.pic, app.slug.as_str());
    assert_eq!(pic.fails(&["apps", "create", bad]).0, 5);
    let nobody = "01980000-0000-7000-8000-000000000000";
    for (arguments, said, hint) in [
        (&["scripts", "show", "nothing"][..], format!("of the app {bad}: no such script"), "`pic scripts list`"),
        (&["invocations", "show", nobody], format!("of the app {bad}: no such invocation"), "`pic invocations list`"),
        (&["--app", "nobody", "invoke", "nothing"], "of the app nobody: no such app".to_owned(), "`pic apps list`"),
        (&["--app", "nobody", "scripts", "list"], "of the app nobody: no such app".to_owned(), "`pic apps use"),
    ] {
        let (code, told) = pic.fails(arguments);
        assert_eq!(code, 4, "{told}");
        assert!(told.contains(&said) && told.contains(hint), "{told}");
    }

    pic.write("typo.rhai", "let a = 1;\nlet b = ;\n");
    let (code, told) = pic.fails(&["scripts", "put", "typo.rhai"]);
    assert_eq!(code, 5);
    assert!(told.contains("typo.rhai:2:9") && told.contains("let b = ;"), "{told}");
    let (_, told) = pic.fails(&["scripts", "put", "typo.rhai", "typo.rhai"]);
    assert!(told.starts_with("uploaded: none; failed: typo.rhai; not tried: typo.rhai\n"), "{told}");
    assert_eq!(pic.fails(&["scripts", "check", "typo.rhai"]).0, 1);
    assert_eq!(pic.json(&["scripts", "list"]), serde_json::json!([]));

    pic.write("oops.rhai", "let a = [];\na[3]");
    pic.ok(&["scripts", "put", "oops.rhai"]);
    let (code, told) = pic.fails(&["invoke", "oops"]);
    assert_eq!(code, 1);
    assert!(told.contains(":2:"), "{told}");
    assert_eq!(pic.run(&["invoke", "oops", "--payload", "null"]).status.code(), Some(1));
}

#[test]
fn the_app_to_work_in_is_told_and_forgotten_when_it_is_gone() {
    let pic = shared::pic_no_env();
    pic.sign_in();
    let (one, two) = (shared::unique("one"), shared::unique("two"));
    let told = |arguments: &[&str]| String::from_utf8(pic.run(arguments).stderr).unwrap();
    assert!(told(&["apps", "create", &one]).contains(&format!("commands now work in the app {one}")));
    let still = format!("commands still work in the app {one}; `pic apps use {two}`");
    assert!(told(&["apps", "create", &two]).contains(&still));
    pic.sign_in();
    assert_eq!(pic.json(&["scripts", "list"]), serde_json::json!([]));

    let elsewhere = shared::pic_no_env();
    elsewhere.sign_in();
    elsewhere.ok(&["apps", "delete", &one, "--yes"]);
    assert!(pic.fails(&["logs"]).1.contains(&format!("of the app {one}: no such app")));
    pic.sign_in();
    assert_eq!(pic.fails(&["logs"]).0, 2);
    assert_eq!(pic.ok(&["--app", &two, "logs"]), "(none)\n");
    elsewhere.ok(&["apps", "delete", &two, "--yes"]);
}

#[test]
fn a_token_is_the_profiles_or_the_environments() {
    let app = shared::app("auth");
    let eve = shared::member_user(&app, "viewer");
    let pic = shared::pic_as(&eve, &app);
    assert_eq!(pic.json(&["whoami"])["username"], eve.name.as_str());
    assert!(!pic.ok(&["whoami"]).contains(&pic.token()), "tokens are not shown");
    let of_environment = |token: &str| pic.command(&["whoami"]).env("PIC_TOKEN", token).output().unwrap();
    assert_eq!(of_environment(WRONG_TOKEN).status.code(), Some(3));
    assert!(of_environment(&app.pic.token()).status.success());

    let nobody = shared::pic_no_env();
    let (code, told) = nobody.fails(&["whoami", "--url", &SERVER.manager]);
    assert!(code == 3 && told.contains("you are not signed in to") && told.contains("pic login"), "{code} {told}");
    let wrong = nobody
        .command(&["login", &SERVER.manager, "--username", &eve.name])
        .env("PIC_PASSWORD", "not it at all")
        .output();
    let wrong = wrong.unwrap();
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(3), "{told}");
    assert!(told.contains("wrong user name or password"), "{told}");

    pic.ok(&["logout"]);
    assert_eq!(pic.fails(&["whoami"]).0, 3);
    let (code, told) = shared::pic_as(&eve, &app).fails(&["whoami"]);
    assert!(code == 3 && told.contains("sign in with `pic login`"), "the token is dead: {code} {told}");
}
