//! `http`: requests to other servers. What comes back has `status`, `headers` (a map with names in lower case; of a name
//! that came several times, an array), `body` (a blob), `url`, `text()` and `json()`; a status of 400 or more is no error.
//! Public addresses can be reached, or what the app's owner allows.

use super::{Result, at, call, unexpected};
use crate::{
    json,
    response::{content_type, encode},
};
use picloud_abi::{
    outbound::{Request, Response},
    seam,
};
use rhai::{Array, Blob, Engine, Map, plugin::*};
use std::rc::Rc;

/// What another server answered. Shared, so that reading one part of it does not copy the rest.
#[derive(Clone)]
pub struct HttpResponse(Rc<Response>);

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<HttpResponse>("HttpResponse")
        .register_get("status", |response: &mut HttpResponse| i64::from(response.0.status))
        .register_get("headers", |response: &mut HttpResponse| headers(&response.0))
        .register_get("body", |response: &mut HttpResponse| -> Blob { response.0.body.to_vec() })
        .register_get("url", |response: &mut HttpResponse| response.0.url.clone())
        .register_fn("text", |response: &mut HttpResponse| text(&response.0).map(str::to_owned))
        .register_fn("json", |response: &mut HttpResponse| json::parse(text(&response.0)?));
}

fn headers(response: &Response) -> Map {
    let mut map = Map::new();
    for (name, value) in &response.headers {
        map.entry(name.as_str().into())
            .and_modify(|known: &mut Dynamic| append(known, value))
            .or_insert_with(|| value.clone().into());
    }
    map
}

/// Makes an array of a value that is not alone.
fn append(known: &mut Dynamic, value: &str) {
    let mut values = match known.take().try_cast_result::<Array>() {
        Ok(values) => values,
        Err(first) => vec![first],
    };
    values.push(value.into());
    *known = values.into();
}

fn text(response: &Response) -> json::Result<&str> {
    std::str::from_utf8(&response.body).map_err(|error| format!("the response's body is not UTF-8: {error}").into())
}

fn send(request: Request) -> Result<HttpResponse> {
    match call(&seam::Request::Http(request))? {
        seam::Answer::Http(response) => Ok(HttpResponse(response.into())),
        _ => unexpected(),
    }
}

fn empty(method: &str, url: &str) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        timeout_ms: None,
        redirects: None,
    }
}

/// The body, and its type where the headers do not tell one.
fn put_body(request: &mut Request, body: Dynamic) -> Result<()> {
    if body.is_unit() {
        return Ok(());
    }
    let (kind, body) = encode(body)?;
    if let Some(kind) = kind
        && !request.headers.iter().any(|(name, _)| name == "content-type")
    {
        request.headers.push(content_type(kind));
    }
    request.body = Some(body.into());
    Ok(())
}

fn put_headers(request: &mut Request, headers: Map) {
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        match value.try_cast_result::<Array>() {
            Ok(values) => request.headers.extend(values.into_iter().map(|value| (name.clone(), value.to_string()))),
            Err(value) => request.headers.push((name, value.to_string())),
        }
    }
}

/// A part of a request of the type that it has to have.
fn typed<T: Clone + 'static>(name: &str, value: Dynamic, kind: &str) -> Result<T> {
    value
        .try_cast_result()
        .map_err(|value| format!("{name:?} of a request is {kind}, not {}", value.type_name()).into())
}

fn count<T: TryFrom<i64>>(name: &str, value: Dynamic) -> Result<T> {
    let number = typed::<i64>(name, value, "a whole number")?;
    number.try_into().map_err(|_| format!("{name:?} of a request cannot be {number}").into())
}

fn described(parts: Map) -> Result<Request> {
    let mut request = empty("GET", "");
    let mut body = Dynamic::UNIT;
    for (name, value) in parts {
        match name.as_str() {
            _ if value.is_unit() => {}
            "method" => request.method = typed::<ImmutableString>(&name, value, "a string")?.to_ascii_uppercase(),
            "url" => request.url = typed::<ImmutableString>(&name, value, "a string")?.into(),
            "headers" => put_headers(&mut request, typed(&name, value, "a map")?),
            "body" => body = value,
            "timeout_ms" => request.timeout_ms = Some(count(&name, value)?),
            "redirects" => request.redirects = Some(count(&name, value)?),
            _ => {
                let known = "method, url, headers, body, timeout_ms and redirects";
                return Err(format!("a request has no {name:?}; it has {known}").into());
            }
        }
    }
    if request.url.is_empty() {
        return Err("a request needs its url".into());
    }
    put_body(&mut request, body)?;
    Ok(request)
}

#[export_module]
pub mod http {
    /// Fetches an address. Redirects are followed, at most 10.
    ///
    /// Example: `let code = (); try { http::get("http://192.168.0.1/"); } catch (refused) { code = refused.code; } code` →
    /// `"refused_address"`
    #[rhai_fn(return_raw)]
    pub fn get(context: NativeCallContext, url: &str) -> Result<HttpResponse> {
        at(&context, || send(empty("GET", url)))
    }

    /// Sends a body: a string as text, a blob as it is, anything else as JSON.
    ///
    /// Example: `let code = (); try { http::post("ftp://example.com/", #{ a: 1 }); } catch (refused) { code = refused.code; }
    /// code` → `"invalid"`
    #[rhai_fn(return_raw)]
    pub fn post(context: NativeCallContext, url: &str, body: Dynamic) -> Result<HttpResponse> {
        at(&context, || {
            let mut request = empty("POST", url);
            put_body(&mut request, body)?;
            send(request)
        })
    }

    /// Sends any request: a map with `url`, and, where wanted, `method` (`"GET"`), `headers` (a map; a value may be an
    /// array), `body` (as for `post`), `timeout_ms` (5,000, for all of it) and `redirects` (10; 0 gives the redirect itself).
    ///
    /// Example: `let code = (); try { http::request(#{ method: "PUT", url: "http://[::1]/", body: "x", timeout_ms: 500 }); }
    /// catch (refused) { code = refused.code; } code` → `"refused_address"`
    #[rhai_fn(return_raw)]
    pub fn request(context: NativeCallContext, parts: Map) -> Result<HttpResponse> {
        at(&context, || send(described(parts)?))
    }
}
