//! Functions that are called by their name alone: what a script answers, and text for pages.

use super::Result;
use crate::response::{Response, answer, redirection};
use rhai::{ImmutableString, Map, plugin::*};

/// Found, and not asked again with the same method (RFC 9110, 15.4.3).
const FOUND: i64 = 302;

#[export_module]
pub mod global {
    /// A response with this status, 200 to 599, and no body.
    ///
    /// Example: `respond(404).status` → `404`
    #[rhai_fn(return_raw)]
    pub fn respond(status: i64) -> Result<Response> {
        answer(status, Dynamic::UNIT, Map::new())
    }

    /// A response with this status and a body: a string, a blob, or what JSON can hold.
    ///
    /// Example: `respond(201, #{ id: 7 }).body` → `#{ id: 7 }`
    #[rhai_fn(name = "respond", return_raw)]
    pub fn respond_with(status: i64, body: Dynamic) -> Result<Response> {
        answer(status, body, Map::new())
    }

    /// A response with headers. One whose value is an array is sent several times.
    ///
    /// Example: `respond(200, "a,b", #{ "content-type": "text/csv" }).body` → `"a,b"`
    #[rhai_fn(name = "respond", return_raw)]
    pub fn respond_with_headers(status: i64, body: Dynamic, headers: Map) -> Result<Response> {
        answer(status, body, headers)
    }

    /// A page: status 200, and `text/html`.
    ///
    /// Example: `html("<h1>Hello</h1>").status` → `200`
    pub fn html(text: ImmutableString) -> Response {
        Response::page(text)
    }

    /// Sends the caller to another address, with status 302.
    ///
    /// Example: `redirect("guestbook").status` → `302`
    #[rhai_fn(return_raw)]
    pub fn redirect(url: &str) -> Result<Response> {
        redirection(url, FOUND)
    }

    /// Sends the caller to another address, with a status from 300 to 399.
    ///
    /// Example: `redirect("https://example.com/", 308).status` → `308`
    #[rhai_fn(name = "redirect", return_raw)]
    pub fn redirect_with(url: &str, status: i64) -> Result<Response> {
        redirection(url, status)
    }

    /// A text in which nothing is markup: `&`, `<`, `>`, `"` and `'` are escaped, for what stands between tags and in
    /// quoted attributes.
    ///
    /// Example: `html_escape("<b> & 'c'")` → `"&lt;b&gt; &amp; &#39;c&#39;"`
    pub fn html_escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                other => escaped.push(other),
            }
        }
        escaped
    }
}
