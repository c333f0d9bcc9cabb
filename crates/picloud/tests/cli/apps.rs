//! `pic apps` and `pic domains`.

use super::shared;

#[tokio::test(flavor = "multi_thread")]
async fn domains_are_added_and_removed() {
    let app = shared::app("shop");
    let (pic, shop) = (&app.pic, app.slug.as_str());
    let other = shared::app("blog");
    assert_eq!(pic.ok(&["domains", "list"]), "(none)\n");
    let added = pic.ok(&["domains", "add", "Bücher.Example."]);
    assert_eq!(added, format!("the app {shop} answers at xn--bcher-kva.example\n"));
    assert_eq!(pic.ok(&["domains", "add", "bücher.example"]), added);
    assert_eq!(pic.json(&["domains", "list"])[0]["domain"], "xn--bcher-kva.example");
    let (code, told) = pic.fails(&["domains", "add", "bücher.example", "--app", &other.slug]);
    assert!(code == 5 && told.contains("the domain xn--bcher-kva.example is taken") && !told.contains(shop), "{told}");
    let (code, told) = pic.fails(&["domains", "add", "*.example.com"]);
    assert!(code == 2 && told.contains("a domain has no wildcard"), "{told}");
    pic.ok(&["domains", "remove", "bücher.example"]);
    let (code, told) = pic.fails(&["domains", "remove", "bücher.example"]);
    assert!(code == 4 && told.contains("no such domain") && told.contains("pic domains list"), "{told}");
}
