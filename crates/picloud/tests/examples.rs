//! Every script of `examples/`, deployed by `--demo` and called as its users would call it.

mod events;

use crate::support::{
    Backend, Setup, TestApp, on_both,
    upstream::{Reply, Upstream},
};
use events::{orders, orders_charge, orders_ship, report, report_latest};
use picloud_shared::api::{SetSecret, UpdateApp};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

on_both!(every_example_does_what_it_says);

/// Runs one function per example, and fails for an example that has none.
macro_rules! exercise {
    ($picloud:expr, $($example:ident),* $(,)?) => {
        let exercised = BTreeSet::from([$(stringify!($example).to_owned()),*]);
        assert_eq!(exercised, examples(), "each example has its function here");
        $($example($picloud).await;)*
    };
}

async fn every_example_does_what_it_says(backend: Backend) {
    let picloud = Setup::new(backend).with(&["--demo", DIRECTORY, "--delivery-backoff-ms", "10"]).start().await;
    exercise!(
        &picloud,
        flags,
        guestbook,
        hello,
        notes,
        notify,
        orders,
        orders_charge,
        orders_ship,
        passwords,
        report,
        report_latest,
        secrets,
        shortener,
        todos,
        visits,
        webhooks,
    );
}

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

fn examples() -> BTreeSet<String> {
    let mut files = files(Path::new(DIRECTORY));
    assert!(files.remove("lib"), "there are libraries");
    files.into_iter().map(|file| file.strip_suffix(".rhai").expect("examples are Rhai").to_owned()).collect()
}

fn files(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("the examples");
    let file = |entry: std::io::Result<fs::DirEntry>| entry.expect("a file").file_name().into_string().expect("text");
    // Their own tests are run in `testing`.
    entries.map(file).filter(|name| !name.ends_with(".test.rhai")).collect()
}

/// Each library is used by two examples at least, and so called with them.
#[test]
fn libraries_are_used() {
    let source =
        |name: &String| fs::read_to_string(Path::new(DIRECTORY).join(format!("{name}.rhai"))).expect("a source");
    let sources: Vec<String> = examples().iter().map(source).collect();
    for library in files(&Path::new(DIRECTORY).join("lib")) {
        let name = library.strip_suffix(".rhai").expect("libraries are Rhai");
        let import = format!("import \"lib/{name}\" as");
        assert!(sources.iter().filter(|source| source.contains(&import)).count() > 1, "{name}");
    }
}

/// An answer of the app `demo`.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
    }
}

async fn call(picloud: &TestApp, request: &str, body: &str) -> Answer {
    call_with(picloud, request, &[], body).await
}

/// `request` is a method, a space and the path within the app.
async fn call_with(picloud: &TestApp, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let url = format!("{}/demo{path}", picloud.ingress);
    let mut call = picloud.http.request(method.parse().expect("a method"), url).body(body.to_owned());
    for &(name, value) in headers {
        call = call.header(name, value);
    }
    let response = call.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.expect("text") }
}

/// Expects an error that the script threw on purpose.
async fn refuses(picloud: &TestApp, request: &str, body: &str, status: u16) {
    let answer = call(picloud, request, body).await;
    assert_eq!(answer.status, status, "{request}: {}", answer.text);
    assert_eq!(answer.json()["error"]["code"], "thrown", "{request}: {}", answer.text);
}

async fn hello(picloud: &TestApp) {
    let answer = call(picloud, "GET /hello?name=Ada%20L", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "Hello, Ada L!\n"));
    assert_eq!(call(picloud, "GET /hello", "").await.text, "Hello, world!\n");
}

async fn notes(picloud: &TestApp) {
    const HTML: &str = "text/html; charset=utf-8";
    let post = async |cookie: &str, body: &str| {
        let headers = [("cookie", cookie), ("content-type", "application/x-www-form-urlencoded")];
        call_with(picloud, "POST /notes", &headers, body).await
    };
    let page = async |cookie: &str| call_with(picloud, "GET /notes", &[("cookie", cookie)], "").await;
    let session = |answer: &Answer| {
        assert_eq!((answer.status, answer.header("location")), (303, "notes"), "{}", answer.text);
        let cookie = answer.header("set-cookie").to_owned();
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
        cookie.split(';').next().expect("a value").to_owned()
    };
    let empty = page("").await;
    assert_eq!((empty.status, empty.header("content-type"), empty.header("set-cookie")), (200, HTML, ""));
    let ada = session(&post("", "note=buy+%3Cmilk%3E").await);
    assert_eq!(session(&post(&format!("theme=dark; {ada}"), "note=call+Bob").await), ada, "the session goes on");
    let eve = session(&post("notes_session=chosen", "note=mine").await);
    assert!(eve != ada && !eve.ends_with("chosen"), "{eve}");
    let shown = page(&ada).await;
    assert!(shown.text.contains("<li>call Bob</li>\n<li>buy &lt;milk&gt;</li>"), "{}", shown.text);
    assert_eq!(shown.header("cache-control"), "no-store");
    assert!(!page(&eve).await.text.contains("milk") && !page("").await.text.contains("<li>"));
    let refused = post(&ada, "note=").await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("thrown")), "{}", refused.text);
    let forgotten = post(&ada, "forget=yes").await;
    assert!(forgotten.header("set-cookie").starts_with("notes_session=; Max-Age=0;"), "{}", forgotten.text);
    assert!(!page(&ada).await.text.contains("milk"));
    assert!(page(&eve).await.text.contains("<li>mine</li>"));
}

async fn notify(picloud: &TestApp) {
    let event = r#"{"action": "opened", "issue": {"number": 7, "title": "It \"rains\" in"}}"#;
    refuses(picloud, "POST /notify", event, 409).await;
    let chat = Upstream::start(|path| match path {
        "/hook" => Reply::with("200 OK", "", "ok"),
        _ => Reply::with("503 Busy", "", ""),
    })
    .await;
    let aim = async |path: &str| {
        let target = format!("http://{}{path}", chat.address);
        assert_eq!(call(picloud, "PUT /notify/target", &target).await.status, 204);
    };
    aim("/hook").await;
    // The chat is on this machine, which is closed until it is opened on purpose.
    refuses(picloud, "POST /notify", event, 502).await;
    assert!(chat.received().is_empty());
    let open = UpdateApp {
        outbound: Some(vec![chat.address.to_string().parse().expect("a host")].into()),
        ..UpdateApp::default()
    };
    picloud.client.update_app(&"demo".parse().expect("a slug"), &open).await.expect("it is opened");
    assert_eq!(call(picloud, "POST /notify", event).await.status, 202);
    let sent = chat.received().concat();
    assert!(
        sent.starts_with("POST /hook HTTP/1.1\r\n") && sent.contains("content-type: application/json\r\n"),
        "{sent}"
    );
    assert!(sent.ends_with(r#"{"text":"opened: #7 It \"rains\" in"}"#), "{sent}");
    aim("/busy").await;
    refuses(picloud, "POST /notify", event, 502).await;
    for bad in ["", "{}", "[]", r#"{"issue": 1}"#] {
        refuses(picloud, "POST /notify", bad, 400).await;
    }
    refuses(picloud, "PUT /notify/target", "file:///etc/passwd", 400).await;
}

async fn visits(picloud: &TestApp) {
    let none = call(picloud, "GET /visits/blog/first", "").await;
    assert_eq!(none.json(), json!({"page": "blog/first", "visits": 0}));
    assert_eq!(none.header("access-control-allow-origin"), "*");
    call(picloud, "POST /visits/blog/first", "").await;
    assert_eq!(call(picloud, "POST /visits/blog/first", "").await.json()["visits"], 2);
    assert_eq!(call(picloud, "GET /visits/blog/first", "").await.json()["visits"], 2);
    assert_eq!(call(picloud, "GET /visits/blog", "").await.json()["visits"], 0);
    refuses(picloud, &format!("POST /visits/{}", "x".repeat(121)), "", 400).await;
    // The longest name that passes fits a key, whatever its characters.
    assert_eq!(call(picloud, &format!("POST /visits/{}", "%F0%9F%A6%80".repeat(120)), "").await.status, 200);
}

async fn shortener(picloud: &TestApp) {
    let made = call(picloud, "POST /s", "url=https%3A%2F%2Fexample.org%2F%3Fa%3D1%26b").await;
    assert_eq!(made.status, 201, "{}", made.text);
    let slug = made.json()["slug"].as_str().expect("a slug").to_owned();
    assert_eq!(made.header("location"), format!("s/{slug}"));
    let followed = call(picloud, &format!("GET /s/{slug}"), "").await;
    assert_eq!((followed.status, followed.header("location")), (302, "https://example.org/?a=1&b"));
    for bad in ["", "url=", "url=javascript:alert(1)", "url=https://a%0Ab", "url=https://%C3%A4"] {
        refuses(picloud, "POST /s", bad, 400).await;
    }
    refuses(picloud, "GET /s/00000000", "", 404).await;
    refuses(picloud, &format!("GET /s/{}", "x".repeat(600)), "", 404).await;
}

async fn guestbook(picloud: &TestApp) {
    let empty = call(picloud, "GET /guestbook", "").await;
    assert_eq!((empty.status, empty.header("content-type")), (200, "text/html; charset=utf-8"));
    for entry in 0..52 {
        let signed =
            call(picloud, "POST /guestbook", &format!("name=Visitor{entry}&message=%3Cscript%3E%26'%22")).await;
        assert_eq!((signed.status, signed.header("location")), (303, "guestbook"), "{}", signed.text);
    }
    let page = call(picloud, "GET /guestbook", "").await.text;
    assert!(page.contains("<li><b>Visitor51</b>: &lt;script&gt;&amp;&#39;&quot;</li>"), "{page}");
    assert!(!page.contains("<script>"), "what visitors typed is escaped");
    assert_eq!(page.matches("<li>").count(), 50);
    let place = |name: &str| page.find(&format!("<b>{name}</b>"));
    assert!(place("Visitor51") < place("Visitor50") && place("Visitor1").is_none(), "the latest come first");
    for bad in ["", "name=Ada", "name=+&message=x", &format!("name=Ada&message={}", "x".repeat(501))] {
        refuses(picloud, "POST /guestbook", bad, 400).await;
    }
}

async fn todos(picloud: &TestApp) {
    assert_eq!(call(picloud, "GET /todos", "").await.json(), json!({"todos": [], "next": null}));
    let made = call(picloud, "POST /todos", r#"{"title": "water the plants"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.json(), json!({"id": id, "title": "water the plants", "done": false}));
    let done = call(picloud, &format!("PATCH /todos/{id}"), r#"{"done": true}"#).await;
    assert_eq!(done.json(), json!({"id": id, "title": "water the plants", "done": true}));
    assert_eq!(call(picloud, &format!("GET /todos/{id}"), "").await.json(), done.json());
    for bad in ["", "[]", "{}", r#"{"title": ""}"#, r#"{"title": 1}"#, r#"{"title": "a", "id": "b"}"#] {
        refuses(picloud, "POST /todos", bad, 400).await;
    }
    refuses(picloud, &format!("PATCH /todos/{id}"), r#"{"done": 1}"#, 400).await;
    refuses(picloud, "DELETE /todos", "", 405).await;
    refuses(picloud, &format!("POST /todos/{id}"), "", 405).await;

    for title in 0..60 {
        assert_eq!(call(picloud, "POST /todos", &json!({"title": title.to_string()}).to_string()).await.status, 201);
    }
    let first = call(picloud, "GET /todos", "").await.json();
    let next = first["next"].as_str().expect("there are more");
    let second = call(picloud, &format!("GET /todos?after={next}"), "").await.json();
    let count = |page: &Value| page["todos"].as_array().map_or(0, Vec::len);
    assert_eq!((count(&first), count(&second), &second["next"]), (50, 11, &Value::Null));
    assert_eq!((&first["todos"][1]["title"], &second["todos"][10]["title"]), (&json!("0"), &json!("59")));

    assert_eq!(call(picloud, &format!("DELETE /todos/{id}"), "").await.status, 204);
    for gone in ["GET", "DELETE"] {
        refuses(picloud, &format!("{gone} /todos/{id}"), "", 404).await;
    }
    refuses(picloud, &format!("PATCH /todos/{id}"), "{}", 404).await;
    refuses(picloud, &format!("GET /todos/{}", "x".repeat(600)), "", 404).await;
}

async fn webhooks(picloud: &TestApp) {
    refuses(picloud, "GET /hooks/inbox", "", 404).await;
    let json_type = [("content-type", "application/json")];
    assert_eq!(call_with(picloud, "POST /hooks/inbox", &json_type, r#"{"event": "push"}"#).await.status, 202);
    assert_eq!(call(picloud, "POST /hooks/inbox", "plain").await.status, 202);
    let shown = call(picloud, "GET /hooks/inbox", "").await.json();
    assert_eq!((&shown["received"], &shown["latest"][0]["payload"]), (&json!(2), &json!("plain")));
    let first = &shown["latest"][1];
    assert_eq!((&first["payload"], &first["content_type"]), (&json!({"event": "push"}), &json!("application/json")));
    for number in 3..=25 {
        call(picloud, "POST /hooks/inbox", &number.to_string()).await;
    }
    let shown = call(picloud, "GET /hooks/inbox", "").await.json();
    let payloads: Vec<_> = shown["latest"].as_array().expect("a list").iter().map(|kept| &kept["payload"]).collect();
    assert_eq!(payloads, (6..=25).rev().map(Value::from).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    refuses(picloud, "POST /hooks/inbox", &"x".repeat((32 << 10) + 1), 413).await;
    // The largest body that passes fits a value, whatever its characters.
    assert_eq!(call(picloud, "POST /hooks/large", &"\u{1}".repeat(32 << 10)).await.status, 202);
    refuses(picloud, &format!("POST /hooks/{}", "x".repeat(101)), "", 400).await;
    // The key, body and signature that GitHub documents.
    let (body, key) = ("Hello, World!", SetSecret { value: "It's a Secret to Everybody".into() });
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let (demo, name) = ("demo".parse().expect("a slug"), "WEBHOOK_KEY".parse().expect("a name"));
    picloud.client.set_secret(&demo, &name, &key).await.expect("it is set");
    refuses(picloud, "POST /hooks/inbox", body, 401).await;
    for (sent, body, status) in [(signature, body, 202), (signature, "Hello, world!", 401), ("sha256=", body, 401)] {
        let answer = call_with(picloud, "POST /hooks/signed", &[("x-hub-signature-256", sent)], body).await;
        assert_eq!(answer.status, status, "{sent} {body}");
    }
    picloud.client.delete_secret(&demo, &name).await.expect("it is deleted");
}

async fn passwords(picloud: &TestApp) {
    for bad in ["7", "65", "many", ""] {
        refuses(picloud, &format!("GET /passwords?length={bad}"), "", 400).await;
    }
    let mut made = BTreeSet::new();
    for _ in 0..10 {
        let answer = call(picloud, "GET /passwords?length=20", "").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let password = answer.json()["password"].as_str().expect("a password").to_owned();
        assert!(password.len() == 20 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
        made.insert(password);
    }
    assert_eq!(made.len(), 10);
    let limited = call(picloud, "GET /passwords", "").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "60"));
}

async fn secrets(picloud: &TestApp) {
    let kept = call(picloud, "POST /secrets", "secret=correct+horse").await;
    assert_eq!(kept.status, 201, "{}", kept.text);
    let link = format!("/{}", kept.header("location"));
    // Looking at the page uses nothing up.
    for _ in 0..2 {
        let page = call(picloud, &format!("GET {link}"), "").await;
        assert!(page.status == 200 && page.text.contains("<button>") && !page.text.contains("horse"), "{}", page.text);
    }
    let post = format!("POST {link}");
    let (one, other) = tokio::join!(call(picloud, &post, ""), call(picloud, &post, ""));
    let (read, refused) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!((read.status, read.text.as_str(), refused.status), (200, "correct horse", 404), "{}", refused.text);
    refuses(picloud, &post, "", 404).await;
    refuses(picloud, &format!("GET {link}"), "", 404).await;
    refuses(picloud, "POST /secrets", "", 400).await;
}

async fn flags(picloud: &TestApp) {
    refuses(picloud, "GET /flags/checkout", "", 404).await;
    let claimed = call(picloud, "POST /flags", "").await;
    let key = format!("Bearer {}", claimed.json()["key"].as_str().expect("a key"));
    refuses(picloud, "POST /flags", "", 409).await;
    for wrong in ["", "Bearer ", "Bearer 0", &key[7..]] {
        let answer = call_with(picloud, "PUT /flags/checkout", &[("authorization", wrong)], r#"{"percent": 1}"#).await;
        assert_eq!(answer.status, 401, "{wrong}: {}", answer.text);
    }
    let put =
        async |body: &str| call_with(picloud, "PUT /flags/checkout", &[("authorization", &key)], body).await.status;
    for bad in ["", "[]", "{}", r#"{"percent": 101}"#, r#"{"percent": "all"}"#] {
        assert_eq!(put(bad).await, 400, "{bad}");
    }
    let on_for = async || {
        let mut users = BTreeSet::new();
        for user in 0..100 {
            let answer = call(picloud, &format!("GET /flags/checkout?user=user{user}"), "").await.json();
            if answer["on"].as_bool().unwrap_or_else(|| panic!("{answer}")) {
                users.insert(user);
            }
        }
        users
    };
    assert_eq!(put(r#"{"percent": 25}"#).await, 200);
    let quarter = on_for().await;
    assert!((10..40).contains(&quarter.len()), "{quarter:?}");
    assert_eq!(put(r#"{"percent": 50}"#).await, 200);
    assert!(on_for().await.is_superset(&quarter), "who had it keeps it");
    assert_eq!(put(r#"{"percent": 100}"#).await, 200);
    assert_eq!(on_for().await.len(), 100);
    assert_eq!(put(r#"{"percent": 0}"#).await, 200);
    assert_eq!(on_for().await.len(), 0);
}
