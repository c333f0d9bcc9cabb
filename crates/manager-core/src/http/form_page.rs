//! The two pages that make a user, for setting up and for invitations: what they take, their HTML, and the headers that keep them from
//! loading, running or leaking anything.

use super::error::ApiError;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use picloud_shared::names::{InvalidName, Username};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const STYLE: &str = "\
body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}\
label{display:block;margin:1rem 0}\
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}\
button{font:inherit;padding:.4rem 1rem}\
[role=alert]{border-left:.25rem solid #c33;padding-left:.75rem}";

/// What the link of a page brings along.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    pub(super) token: String,
}

/// What is sent from a page.
#[derive(Deserialize)]
pub(super) struct Filled {
    pub(super) token: String,
    username: String,
    pub(super) password: String,
}

impl Filled {
    /// The name, if it can be one.
    pub(super) fn username(&self) -> Result<Username, ApiError> {
        self.username.parse().map_err(|rule: InvalidName| ApiError::Invalid(rule.to_string()))
    }
}

/// What a page shows.
enum Page<'a> {
    Form {
        token: &'a str,
        username: &'a str,
        problem: Option<String>,
    },
    Done {
        username: &'a str,
    },
    /// It was done before.
    Over,
    WrongLink,
}

/// What the two pages do not have in common.
pub(super) struct Texts {
    title: &'static str,
    /// Where the form goes.
    action: &'static str,
    question: &'static str,
    button: &'static str,
    /// After the user's name.
    done: &'static str,
    over: &'static str,
    wrong_link: &'static str,
}

pub(super) const SETUP: Texts = Texts {
    title: "Set up PiCloud",
    action: "/setup",
    question: "Who administers this server?",
    button: "Create the administrator",
    done: "administers this server.",
    over: "This server is set up already. Sign in from a terminal with <code>pic login</code>.",
    wrong_link: "This link is not valid. The server prints a new one each time it starts, until it is set up.",
};

pub(super) const INVITE: Texts = Texts {
    title: "Join PiCloud",
    action: "/invite",
    question: "You are invited. By which name do you want to sign in?",
    button: "Accept the invitation",
    done: "is a user of this server.",
    over: "This invitation was accepted already, or has expired. Whoever sent it can make another one.",
    wrong_link: "This link is not valid, or was revoked. Whoever sent it can make another one.",
};

/// The form, or why there is none.
pub(super) fn opened(texts: &Texts, token: &str, may: Result<(), ApiError>) -> Result<Response, ApiError> {
    match may {
        Ok(()) => Ok(render(StatusCode::OK, texts, &Page::Form { token, username: "", problem: None })),
        Err(error) => refuse(texts, error, token, ""),
    }
}

/// What came of what was filled in.
pub(super) fn sent(
    texts: &Texts,
    Filled { token, username, .. }: &Filled,
    made: Result<(), ApiError>,
) -> Result<Response, ApiError> {
    match made {
        Ok(()) => Ok(render(StatusCode::CREATED, texts, &Page::Done { username })),
        Err(error) => refuse(texts, error, token, username),
    }
}

/// What was wrong is told in the form, or without one where it could only fail again; a failure of the platform is not
/// told here.
fn refuse(texts: &Texts, error: ApiError, token: &str, username: &str) -> Result<Response, ApiError> {
    let status = error.status();
    let page = match error {
        error if status.is_server_error() => return Err(error),
        ApiError::AlreadySetUp | ApiError::InvitationOver => Page::Over,
        ApiError::WrongSetupToken | ApiError::NotFound(_) => Page::WrongLink,
        error => Page::Form { token, username, problem: Some(error.to_string()) },
    };
    Ok(render(status, texts, &page))
}

fn render(status: StatusCode, texts: &Texts, page: &Page<'_>) -> Response {
    let mut response = (status, Html(html(texts, page))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address holds the token. With `no-referrer` browsers would send `Origin: null` with the form.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
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

fn html(texts: &Texts, page: &Page<'_>) -> String {
    let Texts { title, action, question, button, done, over, wrong_link } = texts;
    let content = match page {
        Page::Form { token, username, problem } => {
            let problem = problem.as_deref().map(|text| format!("<p role=\"alert\">{}</p>\n", escape(text)));
            format!(
                "<p>{question}</p>\n{}\
                 <form method=\"post\" action=\"{action}\">\n\
                 <input type=\"hidden\" name=\"token\" value=\"{}\">\n\
                 <label>User name <input name=\"username\" value=\"{}\" autocomplete=\"username\" maxlength=\"64\" \
                 required autofocus></label>\n\
                 <label>Password, at least 10 characters <input name=\"password\" type=\"password\" \
                 autocomplete=\"new-password\" minlength=\"10\" required></label>\n\
                 <button>{button}</button>\n</form>",
                problem.unwrap_or_default(),
                escape(token),
                escape(username),
            )
        }
        Page::Done { username } => {
            format!("<p>Done: {} {done} Now sign in from a terminal with <code>pic login</code>.</p>", escape(username))
        }
        Page::Over => format!("<p>{over}</p>"),
        Page::WrongLink => format!("<p>{wrong_link}</p>"),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n{content}\n</html>\n"
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
        for texts in [SETUP, INVITE] {
            let html = html(&texts, &page) + &html(&texts, &Page::Done { username: hostile });
            assert!(!html.contains("<script") && !html.contains("\"'>"), "{html}");
            assert_eq!(html.matches("&#60;script&#62;").count(), 4);
        }
    }

    #[test]
    fn the_page_is_locked_down() {
        let response = render(StatusCode::OK, &INVITE, &Page::Done { username: "a" });
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        assert_eq!((header("referrer-policy"), header("cache-control")), ("same-origin".into(), "no-store".into()));
    }
}
