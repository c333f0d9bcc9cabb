//! `req`: the HTTP request that a script answers.

use crate::json;
use picloud_abi::invocation::HttpRequest;
use rhai::{Blob, Dynamic, Engine, Map};
use std::rc::Rc;

/// Shared, so that reading one field of a large request does not copy the rest.
#[derive(Clone)]
pub struct Req(Rc<HttpRequest>);

impl From<HttpRequest> for Req {
    fn from(request: HttpRequest) -> Self {
        Self(Rc::new(request))
    }
}

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Req>("Request")
        .register_get("id", |req: &mut Req| req.0.id.clone())
        .register_get("method", |req: &mut Req| req.0.method.clone())
        .register_get("path", |req: &mut Req| req.0.path.clone())
        .register_get("ip", |req: &mut Req| req.0.ip.clone())
        .register_get("user", |req: &mut Req| req.0.user.clone().map_or(Dynamic::UNIT, Dynamic::from))
        .register_get("params", |req: &mut Req| map(&req.0.params))
        .register_get("query", |req: &mut Req| map(&req.0.query))
        .register_get("headers", |req: &mut Req| headers(&req.0))
        .register_get("cookies", |req: &mut Req| cookies(&req.0))
        .register_get("body", |req: &mut Req| -> Blob { req.0.body.to_vec() })
        .register_fn("text", |req: &mut Req| text(&req.0).map(str::to_owned))
        .register_fn("json", |req: &mut Req| json::parse(text(&req.0)?))
        .register_fn("form", |req: &mut Req| form(&req.0));
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
