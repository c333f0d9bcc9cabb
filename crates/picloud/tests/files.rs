//! Files against a real server: scripts, the API and `kill -9` see the same ones.

use crate::support::{Backend, TestApp, error_of, on_both, script_name};
use picloud_client::FileFilter;
use picloud_shared::{
    api::Invoke,
    limits::{APP_FILE_BYTES, FILE_BYTES},
    names::FilePath,
};
use serde_json::json;

on_both! {
    scripts_and_the_api_see_the_same_files,
    what_is_full_says_so,
}

fn path(path: &str) -> FilePath {
    path.parse().unwrap()
}

async fn scripts_and_the_api_see_the_same_files(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "write", r#"files::write("out/" + req.query.name, req.body); files::list("out/")"#, &[]).await;
    picloud.put(&app, "read", r#"files::read(req.query.name)"#, &[]).await;
    let send = async |name: &str, body: Vec<u8>| {
        let request = picloud.http.post(format!("{}/shop/write?name={name}", picloud.ingress)).body(body);
        request.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(send("b.bin", vec![0, 255]).await, r#"["out/b.bin"]"#);
    assert_eq!(send("a%C3%BC.txt", b"text".to_vec()).await, "[\"out/aü.txt\",\"out/b.bin\"]");
    assert_eq!(picloud.client.read_file(&app, &path("out/b.bin")).await.unwrap(), [0, 255]);

    let largest: Vec<u8> = (0..FILE_BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let written = picloud.client.write_file(&app, &path("in/large ?#%2F.bin"), largest.clone()).await.unwrap();
    assert_eq!(usize::try_from(written.size).unwrap(), FILE_BYTES);
    picloud.client.write_file(&app, &path("in/small"), b"small".to_vec()).await.unwrap();
    assert_eq!(picloud.text("/shop/read?name=in/small").await, (200, "small".to_owned()));
    assert_eq!(picloud.text("/shop/read?name=none").await.0, 204);

    let filter = FileFilter { limit: Some(3), ..FileFilter::default() };
    let first = picloud.client.files(&app, &filter).await.unwrap();
    let second = picloud.client.files(&app, &FileFilter { after: first.next, ..filter }).await.unwrap();
    let listed: Vec<_> = first.items.iter().chain(&second.items).map(|file| file.path.as_str()).collect();
    assert_eq!(listed, ["in/large ?#%2F.bin", "in/small", "out/aü.txt", "out/b.bin"]);
    assert_eq!(second.next, None);
    let filter = FileFilter { prefix: Some("out/".to_owned()), ..FileFilter::default() };
    assert_eq!(picloud.client.files(&app, &filter).await.unwrap().items.len(), 2);

    // What was acknowledged is there after a power cut.
    let picloud = picloud.kill_and_restart().await;
    assert_eq!(picloud.client.read_file(&app, &written.path).await.unwrap(), largest);
    picloud.client.delete_file(&app, &written.path).await.unwrap();
    let gone = picloud.client.read_file(&app, &written.path).await.unwrap_err();
    assert_eq!(gone.status().unwrap().as_u16(), 404);
    let gone = picloud.client.delete_file(&app, &written.path).await.unwrap_err();
    assert_eq!(gone.status().unwrap().as_u16(), 404);
}

async fn what_is_full_says_so(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let write =
        async |path: &str, bytes: usize| picloud.api("PUT", &format!("/apps/shop/files/{path}"), vec![7; bytes]).await;
    for bytes in [FILE_BYTES + 1, FILE_BYTES + 2] {
        let (status, code, _) = error_of(write("a", bytes).await).await;
        assert!(status == 413 && ["too_large", "body_too_large"].contains(&code.as_str()), "{code}");
    }
    for bad in ["a%2F..%2Fb", "a//b", "%00", &"x".repeat(513)] {
        let (status, code, _) = error_of(write(bad, 1).await).await;
        assert_eq!((status, code.as_str()), (422, "invalid_request"), "{bad}");
    }
    let most = usize::try_from(APP_FILE_BYTES).unwrap() / FILE_BYTES;
    for number in 0..most {
        assert_eq!(write(&number.to_string(), FILE_BYTES).await.status().as_u16(), 200);
    }
    let (status, code, _) = error_of(write("more", FILE_BYTES).await).await;
    assert_eq!((status, code.as_str()), (413, "storage_full"));
    let source = r#"
        let data = "";
        data.pad(1024 * 1024, 'x');
        let codes = [];
        for number in 0..8 {
            try { files::write(`script/${number}`, data); } catch (refused) { codes.push(refused.code); }
        }
        codes"#;
    picloud.put(&app, "fill", source, &[]).await;
    assert_eq!(picloud.text("/shop/fill").await.1, r#"["storage_full","storage_full"]"#);
    let source = r#"fn code(path) { try { files::read(path) } catch (refused) { return refused.code; } "" }
        let long = ""; long.pad(513, 'x');
        ["../a", "", "/a", long].map(|path| code(path))"#;
    picloud.put(&app, "paths", source, &[]).await;
    assert_eq!(picloud.text("/shop/paths").await.1, r#"["invalid","invalid","invalid","too_large"]"#);
    picloud.put(&app, "uncaught", r#"files::write("more", `${files::read("0").len()}`)"#, &[]).await;
    let run = picloud.client.invoke(&app, &script_name("uncaught"), &Invoke::default()).await.unwrap();
    assert_eq!(run.summary.outcome, "storage_full");
    // The largest file fits the memory that an invocation has by default.
    picloud.put(&app, "largest", r#"files::read("0").len()"#, &[]).await;
    assert_eq!(picloud.text("/shop/largest").await.1, FILE_BYTES.to_string());
}

#[tokio::test]
async fn calls_about_files_are_counted_and_timed() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("shop").await;
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"file_calls": 5}}).to_string()).await;
    let source = r#"
        files::write("a", "1"); files::read("a"); files::info("a"); files::list(""); files::delete("a");
        try { files::exists("a") } catch (refused) { return refused.code; }"#;
    picloud.put(&app, "count", source, &[]).await;
    let run = picloud.client.invoke(&app, &script_name("count"), &Invoke::default()).await.unwrap();
    assert_eq!(run.response.unwrap().body.as_deref(), Some("quota"));
    let names: Vec<_> = run.calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["files.write", "files.read", "files.info", "files.list", "files.delete"]);
}
