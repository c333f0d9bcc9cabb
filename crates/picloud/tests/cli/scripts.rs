//! `pic scripts`: from upload to rollback, and libraries.

use super::shared::{self, SERVER};

#[tokio::test(flavor = "multi_thread")]
async fn a_script_from_upload_to_rollback() {
    let app = shared::app("shop");
    let (pic, shop) = (&app.pic, app.slug.as_str());
    assert_eq!(pic.json(&["whoami"])["username"], "admin");
    pic.ok(&["apps", "limits", shop, "kv_calls=5"]);
    let limits = pic.ok(&["apps", "limits", shop]);
    let row =
        |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!((row("kv_calls"), row("fuel")), (vec!["kv_calls", "5", "set"], vec!["fuel", "500,000,000", "default"]));
    assert_eq!(pic.json(&["apps", "limits", shop, "kv_calls=default"])["limits"], serde_json::json!({}));
    let (code, told) = pic.fails(&["apps", "limits", shop, "fuel=1"]);
    assert!(code == 5 && told.contains("the limit fuel is 1000000 to 10000000000, not 1"), "{code} {told}");
    assert_eq!(pic.fails(&["apps", "limits", shop, "fule=1"]).0, 2);
    assert_eq!(pic.ok(&["apps", "outbound", shop]), "every public address\n");
    pic.ok(&["apps", "outbound", shop, "*.Example.com", "10.0.0.7:9000"]);
    assert_eq!(pic.ok(&["apps", "outbound", shop]), "*.example.com\n10.0.0.7:9000\n");
    assert_eq!(pic.json(&["apps", "outbound", shop, "--public"])["outbound"], serde_json::json!([]));
    assert_eq!(pic.fails(&["apps", "outbound", shop, "http://example.com"]).0, 2);
    assert_eq!(pic.ok(&["apps", "cors", shop]), "what the scripts' own headers say\n");
    pic.ok(&["apps", "cors", shop, "https://Shop.example", "--header", "x-a", "--header", "x-b", "--credentials"]);
    let cors = pic.ok(&["apps", "cors", shop]);
    for line in ["origins      https://shop.example", "headers      x-a, x-b", "credentials  yes", "max age      600 s"]
    {
        assert!(cors.contains(line), "{cors}");
    }
    for bad in [&["https://shop.example/"][..], &["*", "--credentials"], &["--max-age", "5"], &["*", "--off"]] {
        assert_eq!(pic.fails(&[&["apps", "cors", shop], bad].concat()).0, 2, "{bad:?}");
    }
    assert!(pic.ok(&["apps", "cors", shop]).contains("https://shop.example"), "a refused change left something");
    assert_eq!(pic.json(&["apps", "cors", shop, "--off"])["cors"], serde_json::Value::Null);
    pic.write("price.rhai", "log::info(\"asked\");\n#{price: 10}");
    let put = pic.ok(&["scripts", "put", "price.rhai"]);
    let port = SERVER.ingress.rsplit_once(':').unwrap().1;
    assert_eq!(put, format!("price: version 1 answers ANY http://localhost:{port}/{shop}/price\n"));
    assert_eq!(SERVER.text(&format!("/{shop}/price")).await, (200, "{\"price\":10}".into()));
    assert_eq!(pic.ok(&["scripts", "put", "price.rhai"]), format!("{} (unchanged)\n", put.trim_end()));
    let (code, told) = pic.fails(&["scripts", "rollback", "price"]);
    assert_eq!(code, 4);
    assert!(told.contains("there is no version to go back to"), "{told}");

    pic.write("price.rhai", "#{price: 12}");
    assert_eq!(pic.json(&["scripts", "put", "price.rhai"])["version"]["number"], 2);
    assert_eq!(SERVER.text(&format!("/{shop}/price")).await, (200, "{\"price\":12}".into()));
    let versions = pic.json(&["scripts", "versions", "price"]);
    assert_eq!(versions.as_array().unwrap().len(), 2);
    assert_eq!((&versions[0]["number"], &versions[0]["active"]), (&2.into(), &true.into()));
    assert_eq!(pic.ok(&["scripts", "rollback", "price"]), put);
    assert_eq!(SERVER.text(&format!("/{shop}/price")).await, (200, "{\"price\":10}".into()));

    assert_eq!(pic.json(&["scripts", "list"])[0]["name"], "price");
    assert!(pic.ok(&["scripts", "list"]).contains("price"));
    assert_eq!(pic.ok(&["scripts", "show", "price", "--source"]).trim_end(), "log::info(\"asked\");\n#{price: 10}");

    let output = pic.run(&["invoke", "price"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "{\"price\":10}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("200") && told.contains("fuel") && told.contains("asked"), "{told}");
    let run = pic.json(&["invoke", "price"]);
    let id = run["id"].as_str().unwrap();
    assert_eq!(pic.json(&["invocations", "show", id])["fuel"], run["fuel"]);
    assert!(pic.ok(&["logs", "--script", "price"]).contains("asked"));
    assert_eq!(pic.json(&["logs"])["items"][0]["message"], "asked");
    pic.write("order.rhai", "log::info(\"placed\", #{item: \"a cup\", count: 2});\nscripts::invoke(\"price\")");
    pic.ok(&["scripts", "put", "order.rhai"]);
    let order = pic.json(&["invoke", "order"]);
    assert!(pic.ok(&["logs", "--script", "order"]).ends_with("order: placed count=2 item=\"a cup\"\n"));
    assert_eq!(pic.json(&["logs", "--script", "order"])["items"][0]["fields"]["count"], 2);
    let called = pic.json(&["invocations", "list"])["items"][0].clone();
    assert_eq!((&called["trigger"], &called["parent"]), (&"invoke".into(), &order["id"]));
    let shown = pic.ok(&["invocations", "show", called["id"].as_str().unwrap()]);
    assert!(shown.contains(&format!("caller   {}\n", order["id"].as_str().unwrap())), "{shown}");

    pic.ok(&["scripts", "delete", "price", "--yes"]);
    assert_eq!(SERVER.text(&format!("/{shop}/price")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_go_before_the_scripts_that_import_them() {
    let app = shared::app("shop");
    let pic = &app.pic;
    pic.write("price.rhai", "import \"lib/tax\" as tax;\ntax::gross(100)");
    pic.write("lib/tax.rhai", "import \"lib/rates\" as rates;\nfn gross(net) { net + rates::of(net) }");
    pic.write("lib/rates.rhai", "fn of(net) { net / 5 }");
    let files = ["scripts", "put", "price.rhai", "lib/tax.rhai", "lib/rates.rhai"];
    let put = pic.ok(&files);
    let order: Vec<_> = put.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(order, ["lib/rates", "lib/tax", "price"]);
    assert_eq!(pic.ok(&["invoke", "price"]).trim_end(), "120");
    assert!(pic.ok(&["scripts", "show", "price"]).contains("lib/tax"));

    // An error is shown where it is, in whichever file that is.
    pic.write("lib/rates.rhai", "fn of(net) { net / 0 }\nkv::get(\"a\");");
    let (code, told) = pic.fails(&files);
    assert_eq!(code, 5);
    assert!(told.contains("lib/rates.rhai:2:5: ") && told.contains("2 | kv::get"), "{told}");
    pic.write("lib/rates.rhai", "fn of(net) {\n    net / 0\n}");
    pic.ok(&files);
    let (code, told) = pic.fails(&["invoke", "price"]);
    assert_eq!(code, 1);
    assert!(told.contains("lib/rates:2:9: "), "{told}");
    let (code, told) = pic.fails(&["scripts", "delete", "lib/rates", "--yes"]);
    assert!(code == 5 && told.contains("it is imported by lib/tax"), "{code} {told}");
}
