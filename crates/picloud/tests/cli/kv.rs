//! `pic kv`: what people find there is what scripts find, and the other way round.

use super::shared::{self, SERVER};

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_set_to_delete() {
    let app = shared::app("shop");
    let (pic, shop) = (&app.pic, app.slug.as_str());
    pic.write("read.rhai", "let found = kv::get(req.query.key); [type_of(found), found]");
    pic.ok(&["scripts", "put", "read.rhai"]);
    assert_eq!(pic.ok(&["kv", "list"]), "(none)\n");
    pic.write("bytes", "\0\r\n");
    for set in [
        &["json", r#"{"b": [1, null], "a": 2.5}"#][..],
        &["null", "null"],
        &["minus", "-5"],
        &["text", "--text", "-7 cups\n"],
        &["a/b c?&%2F../\u{e4}", "--text", "odd"],
        &["blob", "--file", "bytes"],
    ] {
        pic.ok(&[&["kv", "set"], set].concat());
    }
    assert!(pic.run_with("piped\0", &["kv", "set", "piped", "--file", "-"]).status.success());
    for (key, shown) in [
        ("piped", "piped\0"),
        ("json", "{\"a\":2.5,\"b\":[1,null]}\n"),
        ("null", "null\n"),
        ("minus", "-5\n"),
        ("text", "-7 cups\n"),
        ("a/b c?&%2F../\u{e4}", "odd"),
        ("blob", "\0\r\n"),
    ] {
        assert_eq!(pic.ok(&["kv", "get", key]), shown, "{key}");
    }
    for (key, read) in [
        ("json", r#"["map",{"a":2.5,"b":[1,null]}]"#),
        ("minus", r#"["i64",-5]"#),
        ("text", r#"["string","-7 cups\n"]"#),
        ("blob", r#"["blob",[0,13,10]]"#),
    ] {
        assert_eq!(SERVER.text(&format!("/{shop}/read?key={key}")).await, (200, read.to_owned()), "{key}");
    }
    let listed = pic.ok(&["kv", "list"]);
    assert_eq!(listed, "a/b c?&%2F../\u{e4}\nblob\njson\nminus\nnull\npiped\ntext\n");
    assert_eq!(pic.ok(&["kv", "list", "n"]), "null\n");
    let page = pic.run(&["kv", "list", "--limit", "1", "--after", "blob"]);
    assert_eq!(String::from_utf8(page.stdout).unwrap(), "json\n");
    assert!(String::from_utf8(page.stderr).unwrap().contains("there are more: --after json"));

    assert_eq!(pic.json(&["kv", "get", "json"]).get("expires_at"), None);
    pic.ok(&["kv", "set", "json", "1", "--ttl", "3600"]);
    assert!(pic.json(&["kv", "get", "json"])["expires_at"].is_i64());
    pic.ok(&["kv", "delete", "json"]);
    for again in [&["kv", "delete", "json"][..], &["kv", "get", "json"]] {
        let (code, told) = pic.fails(again);
        assert!(code == 4 && told.contains("no such key") && told.contains("pic kv list"), "{code} {told}");
    }
    let (code, told) = pic.fails(&["kv", "set", "json", "cups"]);
    assert!(code == 2 && told.contains("not valid JSON") && told.contains("--text"), "{code} {told}");
    pic.write("large", &"x".repeat((256 << 10) + 1));
    let (code, told) = pic.fails(&["kv", "set", "json", "--file", "large"]);
    assert!(code == 5 && told.contains("256.0 KiB"), "{code} {told}");
}
