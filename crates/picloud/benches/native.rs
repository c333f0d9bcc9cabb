//! What `cargo xtask bench http` measures PiCloud against: a bare axum handler, and native Rhai with its engine and AST
//! kept, without isolation, metering or records. Both are served by PiCloud's own code.
//!
//! `native bare` or `native rhai` prints one line of JSON with its port and serves until it is told to stop.

#[path = "../src/linger.rs"]
mod linger;
#[path = "../src/serve.rs"]
mod serve;

use anyhow::{Result, anyhow, bail};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use rhai::{AST, Dynamic, Engine, Map, Scope};
use serde_json::json;
use std::{cell::RefCell, env, io::Write};
use tower::ServiceExt;

/// The script that PiCloud runs.
const SCRIPT: &str = include_str!("hello.rhai");
/// As many connections as any load has.
const PLACES: usize = 10_000;

struct Native {
    engine: Engine,
    ast: AST,
}

thread_local! {
    /// Rhai is faster without thread safety, so each thread of the server has its own.
    static NATIVE: RefCell<Option<Native>> = const { RefCell::new(None) };
}

#[tokio::main]
async fn main() -> Result<()> {
    let kind = env::args().nth(1);
    let router = match kind.as_deref() {
        Some("bare") => Router::new().route("/bench/hello/{n}", get(bare)),
        Some("rhai") => Router::new().route("/bench/hello/{n}", get(scripted)),
        _ => bail!("usage: native bare|rhai"),
    };
    let listener = serve::bind("127.0.0.1:0".parse()?, "no flag").await?;
    writeln!(std::io::stdout(), "{}", json!({"port": listener.local_addr()?.port()}))?;
    let answer = move |_, request| {
        router.clone().oneshot(request).map(|answered| answered.unwrap_or_else(|never| match never {}))
    };
    serve::serve(listener, answer, PLACES, serve::stop_signal()?).await;
    Ok(())
}

async fn bare(Path(n): Path<String>) -> String {
    format!("hello {n}")
}

/// The request as a script of PiCloud sees it, and the value that becomes the response.
async fn scripted(
    method: Method,
    uri: Uri,
    Path(n): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().into(), String::from_utf8_lossy(value.as_bytes()).into_owned().into()));
    let request: Map = [
        ("method".into(), method.as_str().into()),
        ("path".into(), uri.path().into()),
        ("params".into(), Map::from([("n".into(), n.into())]).into()),
        ("query".into(), query.unwrap_or_default().into()),
        ("headers".into(), headers.collect::<Map>().into()),
        ("body".into(), Dynamic::from_blob(body.to_vec())),
    ]
    .into();
    match NATIVE.with_borrow_mut(|native| run(native, request)) {
        Ok(text) => Response::new(Body::from(text)),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn run(native: &mut Option<Native>, request: Map) -> Result<String> {
    let Native { engine, ast } = match native {
        Some(native) => native,
        None => native.insert(Native::compile()?),
    };
    let mut scope = Scope::new();
    scope.push_constant("req", request);
    // Rhai's errors cannot leave their thread as they are.
    engine.eval_ast_with_scope(&mut scope, ast).map_err(|error| anyhow!("{error}"))
}

impl Native {
    fn compile() -> Result<Self> {
        let mut engine = Engine::new();
        engine.set_max_call_levels(64).set_max_expr_depths(64, 64);
        let ast = engine.compile(SCRIPT)?;
        Ok(Self { engine, ast })
    }
}
