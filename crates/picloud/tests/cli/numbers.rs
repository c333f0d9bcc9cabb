//! `pic stats` and `pic usage`: what an app's invocations come to, and how much it uses.

use super::shared::{self, SERVER};
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn what_invocations_come_to_and_what_an_app_uses() {
    let app = shared::app("shop");
    let (pic, shop) = (&app.pic, app.slug.as_str());
    let row = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line[name.len()..].split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let quiet = pic.ok(&["stats"]);
    assert_eq!(
        (quiet.lines().count(), row(&quiet, "all")),
        (2, ["0", "0", "-", "-", "-", "0", "B", "0"].map(str::to_owned).to_vec())
    );

    pic.write("sell.rhai", "kv::set(`sold:${req.query.n}`, 1); if req.query.n == \"0\" { throw \"no stock\" }");
    pic.ok(&["scripts", "put", "sell.rhai"]);
    for n in 0..3 {
        SERVER.text(&format!("/{shop}/sell?n={n}")).await;
    }
    let stats = until("all to be counted", async || {
        let stats = pic.json(&["stats", "--range", "1h"]);
        (stats["total"]["requests"] == 3).then_some(stats)
    })
    .await;
    assert_eq!((&stats["total"]["errors"], &stats["scripts"][0]["script"]), (&1.into(), &"sell".into()));
    for range in [&[][..], &["--range", "1h"], &["--range", "7d"], &["--range", "30d"]] {
        let shown = pic.ok(&[&["stats"], range].concat());
        assert_eq!(row(&shown, "all")[..2], ["3", "1"], "{shown}");
        assert_eq!(row(&shown, "sell")[..2], ["3", "1"], "{shown}");
        assert!(shown.lines().nth(1).unwrap().starts_with("20"), "{shown}");
    }
    let of_script = pic.ok(&["stats", "--script", "sell"]);
    assert!(row(&of_script, "all")[..2] == ["3", "1"] && !of_script.contains("SCRIPT"), "{of_script}");
    assert_eq!(pic.fails(&["stats", "--script", "nothing"]).0, 4);
    let (code, told) = pic.fails(&["stats", "--range", "2h"]);
    assert!(code == 2 && told.contains("1h, 24h, 7d, 30d"), "{code} {told}");

    let usage = pic.ok(&["usage"]);
    assert_eq!(row(&usage, "scripts")[0], "1");
    assert_eq!(row(&usage, "keys ")[0], "3");
    assert!(usage.contains("MiB") && row(&usage, "fuel this minute")[1..] == ["no", "limit"], "{usage}");
    pic.ok(&["apps", "limits", shop, "kv_entries=1000"]);
    assert_eq!(pic.json(&["usage"])["kv_entries"], serde_json::json!({"used": 3, "limit": 1000}));
    assert_eq!(pic.fails(&["usage", "--app", "nothing"]).0, 4);
}
