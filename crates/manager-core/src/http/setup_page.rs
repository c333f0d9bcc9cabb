//! The set-up page's HTML, and the headers that keep it from loading, running or leaking anything.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const STYLE: &str = "\
body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}\
label{display:block;margin:1rem 0}\
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}\
button{font:inherit;padding:.4rem 1rem}\
[role=alert]{border-left:.25rem solid #c33;padding-left:.75rem}";

/// What the page shows.
pub(super) enum Page<'a> {
    Form { token: &'a str, username: &'a str, problem: Option<String> },
    Done { username: &'a str },
    AlreadySetUp,
    WrongLink,
}

pub(super) fn render(status: StatusCode, page: &Page<'_>) -> Response {
    let mut response = (status, Html(html(page))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Without this header the page is not shown at all.
    match HeaderValue::try_from(content_security_policy()) {
        Ok(policy) => headers.insert(header::CONTENT_SECURITY_POLICY, policy),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    response
}

/// Nothing but the page's own style, and a form that goes nowhere else.
fn content_security_policy() -> String {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
}

fn html(page: &Page<'_>) -> String {
    let content = match page {
        Page::Form { token, username, problem } => {
            let problem = problem.as_deref().map(|text| format!("<p role=\"alert\">{}</p>\n", escape(text)));
            format!(
                "<p>Who administers this server?</p>\n{}\
                 <form method=\"post\" action=\"/setup\">\n\
                 <input type=\"hidden\" name=\"token\" value=\"{}\">\n\
                 <label>User name <input name=\"username\" value=\"{}\" autocomplete=\"username\" maxlength=\"64\" \
                 required autofocus></label>\n\
                 <label>Password, at least 10 characters <input name=\"password\" type=\"password\" \
                 autocomplete=\"new-password\" minlength=\"10\" required></label>\n\
                 <button>Create the administrator</button>\n</form>",
                problem.unwrap_or_default(),
                escape(token),
                escape(username),
            )
        }
        Page::Done { username } => format!(
            "<p>Done: {} administers this server. Now sign in from a terminal with <code>pic login</code>.</p>",
            escape(username)
        ),
        Page::AlreadySetUp => "<p>This server is set up already. Sign in from a terminal with <code>pic login</code>.\
                               </p>"
            .to_owned(),
        Page::WrongLink => "<p>This link is not valid. The server prints a new one each time it starts, until it is \
                            set up.</p>"
            .to_owned(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Set up PiCloud</title>\n<style>{STYLE}</style>\n<h1>Set up PiCloud</h1>\n{content}\n</html>\n"
    )
}

/// Text that means itself in HTML, in quoted attributes too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing to a String does not fail.
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_never_markup() {
        let hostile = "\"'><script>alert(1)</script>&";
        let page = Page::Form { token: hostile, username: hostile, problem: Some(hostile.into()) };
        let html = html(&page) + &super::html(&Page::Done { username: hostile });
        assert!(!html.contains("<script") && !html.contains("\"'>"), "{html}");
        assert_eq!(html.matches("&#60;script&#62;").count(), 4);
    }

    #[test]
    fn the_page_is_locked_down() {
        let response = render(StatusCode::OK, &Page::Done { username: "a" });
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        assert_eq!((header("referrer-policy"), header("cache-control")), ("no-referrer".into(), "no-store".into()));
    }
}
