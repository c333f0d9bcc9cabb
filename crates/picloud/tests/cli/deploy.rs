//! `pic deploy`, `pic releases` and `pic rollback`: an app from a directory and back.

use super::shared::{self, SERVER};

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_becomes_an_app_and_goes_back() {
    // The directory says which app it is for, and that counts more than the one that was chosen.
    let (app, chosen) = (shared::app("shop"), shared::app("other"));
    let (pic, shop) = (&chosen.pic, app.slug.as_str());
    pic.write(
        "shop/picloud.toml",
        &format!("app = \"{shop}\"\n[limits]\nfuel = 2_000_000\n[scripts.greet]\nroutes = [\"GET /hi\"]\n"),
    );
    pic.write("shop/greet.rhai", "import \"lib/words\" as words;\nwords::hello()");
    pic.write("shop/lib/words.rhai", "fn hello() { \"hello\" }");
    let would = pic.ok(&["deploy", "shop", "--dry-run"]);
    assert_eq!(
        would,
        "  greet would be created: version 1\n  lib/words would be created: version 1\n  limits would be changed\n  0 unchanged\n"
    );
    assert_eq!(SERVER.text(&format!("/{shop}/hi")).await.0, 404);
    let done = pic.ok(&["deploy", "shop"]);
    assert!(done.starts_with(&format!("release 1 of the app {shop}\n  greet created: version 1\n")), "{done}");
    assert_eq!(SERVER.text(&format!("/{shop}/hi")).await, (200, "hello".into()));
    assert_eq!(pic.ok(&["deploy", "shop"]), format!("nothing to change: the app {shop} is as shop has it\n"));

    // What would not load leaves everything, and is shown where it is.
    pic.write("shop/lib/words.rhai", "fn hello() { \"hello\" ");
    let (exit, told) = pic.fails(&["deploy", "shop"]);
    assert_eq!(exit, 5, "{told}");
    assert!(
        told.contains("shop/lib/words.rhai:1:") && told.contains("^") && told.contains("nothing was changed"),
        "{told}"
    );
    assert_eq!(SERVER.text(&format!("/{shop}/hi")).await, (200, "hello".into()));

    // A deletion is asked about, and nobody is there to answer.
    pic.write("shop/lib/words.rhai", "fn hello() { \"good day\" }");
    pic.write("shop/bye.rhai", "\"bye\"");
    pic.ok(&["scripts", "put", "shop/bye.rhai", "--name", "by-hand", "--app", shop]);
    let (exit, told) = pic.fails(&["deploy", "shop"]);
    assert!(exit == 2 && told.contains("--yes"), "{exit}: {told}");
    let diff = pic.run(&["deploy", "shop", "--yes", "--diff", "-o", "json"]);
    let (shown, told) = (String::from_utf8(diff.stderr).unwrap(), String::from_utf8(diff.stdout).unwrap());
    assert!(diff.status.success(), "{shown}");
    assert!(shown.contains("-fn hello() { \"hello\" }") && shown.contains("+fn hello() { \"good day\" }"), "{shown}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["release"], told["scripts"].as_array().unwrap().len()), (&2.into(), 3));
    assert_eq!(SERVER.text(&format!("/{shop}/hi")).await, (200, "good day".into()));

    let releases = pic.ok(&["releases", "--app", shop]);
    assert!(releases.contains("1 new, 1 changed, 1 deleted"), "{releases}");
    let back = pic.ok(&["rollback", "--app", shop, "--yes"]);
    assert!(back.starts_with(&format!("release 3 of the app {shop}\n")) && back.contains("  bye deleted\n"), "{back}");
    assert_eq!(SERVER.text(&format!("/{shop}/hi")).await, (200, "hello".into()));
    let (exit, told) = pic.fails(&["rollback", "77", "--app", shop]);
    assert!(exit == 4 && told.contains("no such release") && told.contains("pic releases"), "{exit}: {told}");
    for (file, text, wrong) in [
        ("shop/picloud.toml", "[script.greet]", "shop/picloud.toml:1: unknown field"),
        ("shop/picloud.toml", "[scripts.none]", "there is no file none.rhai"),
    ] {
        pic.write(file, text);
        let (exit, told) = pic.fails(&["deploy", "shop", "--app", shop]);
        assert!(exit == 5 && told.contains(wrong), "{exit}: {told}");
    }
}
