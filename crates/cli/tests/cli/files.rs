//! Files that `pic` cannot use: sources, bodies, and its own profiles.

use crate::pic::{Home, stderr};

#[test]
fn a_source_that_is_no_script_is_refused_before_anything_is_sent() {
    let home = Home::signed_in();
    home.write("good.rhai", "1");
    home.write("latin1.rhai", b"let a = 1;\nlet b = \"\xe4\";\n");
    home.write("long.rhai", " ".repeat((256 << 10) + 1));
    for (file, why) in [
        ("missing.rhai", "cannot read missing.rhai: No such file or directory"),
        ("latin1.rhai", "latin1.rhai is not UTF-8: line 2 holds other bytes"),
        ("long.rhai", "long.rhai is longer than the 256.0 KiB that are allowed"),
    ] {
        for args in [&["scripts", "put", "good.rhai", file][..], &["scripts", "check", file]] {
            let said = stderr(&home.pic(args).code(5).stdout(""));
            assert!(said.starts_with(&format!("error: {why}")), "{args:?}: {said}");
        }
    }
}

#[test]
fn a_route_that_a_source_declares_wrongly_is_refused_unless_overruled() {
    let home = Home::signed_in();
    home.write("good.rhai", "// route: GET /good\n1");
    home.write("bad.rhai", "1\n// route: GET bad\n");
    let said = stderr(&home.pic(&["scripts", "put", "good.rhai", "bad.rhai"]).code(5).stdout(""));
    assert!(said.starts_with("error: bad.rhai: line 2: route \"GET bad\": the path starts with '/'"), "{said}");
    home.pic(&["scripts", "put", "bad.rhai", "--route", "GET /bad"]).code(6);
    home.pic(&["scripts", "put", "bad.rhai", "--no-routes"]).code(6);
}

#[test]
fn a_file_that_names_no_script_needs_a_name() {
    let home = Home::signed_in();
    home.write("my script.rhai", "1");
    let said = stderr(&home.pic(&["scripts", "put", "my script.rhai"]).code(2));
    assert!(said.contains("hint: give --name"), "{said}");
    home.pic(&["scripts", "put", "my script.rhai", "--name", "my-script"]).code(6);
}

#[test]
fn a_body_or_payload_that_cannot_be_read_is_refused() {
    let home = Home::signed_in();
    home.write("binary", b"\xff");
    for (args, code) in [
        (["--body", "@missing"], 5),
        (["--body", "@binary"], 5),
        (["--payload", "@missing"], 5),
        // What was typed is at fault, no file.
        (["--payload", "{"], 2),
    ] {
        home.pic(&[&["invoke", "greet"][..], &args].concat()).code(code).stdout("");
    }
}

#[test]
fn a_broken_profile_file_is_named() {
    let home = Home::new();
    home.write(".config/picloud/pic.toml", "not toml");
    let said = stderr(&home.pic(&["whoami"]).code(1));
    assert!(said.contains("cannot read the profiles in ") && said.contains("pic.toml"), "{said}");
    home.command(&["whoami"]).env("PIC_CONFIG", "other.toml").assert().code(3);
}

#[test]
fn names_in_messages_cannot_steer_the_terminal() {
    let home = Home::signed_in();
    let said = stderr(&home.pic(&["scripts", "put", "\u{1b}[2J.rhai", "--name", "a"]).code(5));
    assert!(said.contains(r"\u{1b}[2J.rhai") && !said.contains('\u{1b}'), "{said}");
}
