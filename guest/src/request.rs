//! `req`: the HTTP request that a script answers.

use crate::json;
use picloud_abi::invocation::HttpRequest;
use rhai::{Blob, Dynamic, Engine, Map};
use std::cell::OnceCell;

thread_local! {
    /// The one that this invocation answers.
    static REQUEST: OnceCell<HttpRequest> = const { OnceCell::new() };
}

/// Stands for the request that the invocation answers: so `req` can be made before there is one.
#[derive(Clone)]
pub struct Req;

/// Has `req` stand for this one; an instance serves one invocation.
pub fn arrived(request: HttpRequest) {
    assert!(REQUEST.with(|one| one.set(request)).is_ok(), "this instance has answered a request");
}

fn look<T>(at: impl FnOnce(&HttpRequest) -> T) -> T {
    REQUEST.with(|request| at(request.get().expect("only who answers a request has `req`")))
}

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Req>("Request")
        .register_get("id", |_: &mut Req| look(|request| request.id.clone()))
        .register_get("method", |_: &mut Req| look(|request| request.method.clone()))
        .register_get("path", |_: &mut Req| look(|request| request.path.clone()))
        .register_get("ip", |_: &mut Req| look(|request| request.ip.clone()))
        .register_get("user", |_: &mut Req| look(|request| request.user.clone().map_or(Dynamic::UNIT, Dynamic::from)))
        .register_get("params", |_: &mut Req| look(|request| map(&request.params)))
        .register_get("query", |_: &mut Req| look(|request| map(&request.query)))
        .register_get("headers", |_: &mut Req| look(headers))
        .register_get("cookies", |_: &mut Req| look(cookies))
        .register_get("body", |_: &mut Req| -> Blob { look(|request| request.body.to_vec()) })
        .register_fn("text", |_: &mut Req| look(|request| text(request).map(str::to_owned)))
        .register_fn("json", |_: &mut Req| look(|request| json::parse(text(request)?)))
        .register_fn("form", |_: &mut Req| look(form));
}

/// Of a name that comes several times, the last value stays.
fn map(pairs: &[(String, String)]) -> Map {
    pairs.iter().map(|(name, value)| (name.as_str().into(), value.clone().into())).collect()
}

/// Of a name that comes several times, the values are joined as HTTP says (RFC 9110, 5.3; RFC 9113, 8.2.3).
fn headers(request: &HttpRequest) -> Map {
    let mut map = Map::new();
    for (name, value) in &request.headers {
        let separator = if name == "cookie" { "; " } else { ", " };
        map.entry(name.as_str().into())
            .and_modify(|known: &mut Dynamic| *known = format!("{known}{separator}{value}").into())
            .or_insert_with(|| value.clone().into());
    }
    map
}

fn cookies(request: &HttpRequest) -> Map {
    let lines = request.headers.iter().filter(|(name, _)| name == "cookie");
    lines
        .flat_map(|(_, line)| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.into(), value.trim_matches('"').to_owned().into()))
        .collect()
}

fn text(request: &HttpRequest) -> json::Result<&str> {
    std::str::from_utf8(&request.body).map_err(|error| format!("the request's body is not UTF-8: {error}").into())
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form(request: &HttpRequest) -> json::Result<Map> {
    let kind = request.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.as_str());
    if let Some(kind) = kind
        && !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM)
    {
        return Err(format!("the request's body is {kind}, not {FORM}").into());
    }
    Ok(form_urlencoded::parse(&request.body)
        .map(|(name, value)| (name.as_ref().into(), value.into_owned().into()))
        .collect())
}
