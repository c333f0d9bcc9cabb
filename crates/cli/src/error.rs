//! Why a command failed, for people: what happened and why, where in their source, and what to do next.

use crate::exit::Exit;
use picloud_client::Error as ClientError;
use picloud_shared::api::ErrorDetail;
use std::fmt::Display;

/// How the API says that a role in the app would do; what else it forbids no owner of an app can give.
const NEEDS_ROLE: &str = "this needs the role ";

/// What follows where the token is for less than its user may: that one is no owner's to give either.
const OF_TOKEN: &str = ", and this token is for ";

/// What a command gives.
pub(crate) type CommandResult = Result<Exit, CommandError>;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit: Exit,
    message: String,
    excerpt: Option<String>,
    hint: Option<String>,
    /// Whether it is the token that is no good.
    of_token: bool,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), excerpt: None, hint: None, of_token: false }
    }

    /// What to do next.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Lines of a source, ready to print.
    pub(crate) fn excerpt(self, excerpt: Option<String>) -> Self {
        Self { excerpt, ..self }
    }

    /// With what was being done; `what` completes "cannot".
    pub(crate) fn doing(self, what: impl Display) -> Self {
        Self { message: format!("cannot {what}: {}", self.message), ..self }
    }

    /// As one of the token, which another token would not have.
    fn of_token(self) -> Self {
        Self { of_token: true, ..self }
    }

    /// Whether it is the token that is no good.
    pub(crate) fn is_of_token(&self) -> bool {
        self.of_token
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// One line; may hold any character.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The lines of the excerpt, if there is one.
    pub(crate) fn excerpt_text(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }

    /// What to do next, if it is known.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Says what was being done when something failed.
pub(crate) trait Doing<T> {
    /// `what` completes "cannot".
    fn doing(self, what: impl Display) -> Result<T, CommandError>;
}

impl<T, E: Into<CommandError>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Display) -> Result<T, CommandError> {
        self.map_err(|error| error.into().doing(what))
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Url { .. } => {
                Self::new(Exit::Usage, message).hint("an address looks like http://127.0.0.1:7070")
            }
            ClientError::Token => {
                Self::new(Exit::NotAllowed, message).hint("sign in again with `pic login`").of_token()
            }
            ClientError::Connect { .. } => Self::new(Exit::Unavailable, message)
                .hint("is the server running? Its address is the one it prints at its start; name another with --url"),
            ClientError::NoAnswer { .. } => Self::new(Exit::Unavailable, message)
                .hint("whether the request took effect is not known; look before you repeat it"),
            ClientError::Decode { .. } => Self::new(Exit::Unavailable, message)
                .hint("name the address of the manager (port 7070 by default), not the one where apps answer"),
            ClientError::Api { status, detail } => of_api(status.as_u16(), &detail),
        }
    }
}

fn of_api(status: u16, detail: &ErrorDetail) -> CommandError {
    let error = |exit| CommandError::new(exit, detail.message.clone());
    match (status, detail.code.as_str()) {
        (401, "wrong_credentials") => error(Exit::NotAllowed),
        (401, _) => error(Exit::NotAllowed).hint("sign in with `pic login`").of_token(),
        (403, "wrong_setup_token") => error(Exit::NotAllowed).hint("take the link from the server's latest start"),
        (403, "session_needed") => error(Exit::NotAllowed).hint("unset PIC_TOKEN, and sign in with `pic login`"),
        (403, "forbidden") if detail.message.starts_with(NEEDS_ROLE) => error(Exit::NotAllowed).hint(
            needs_of_token(&detail.message).unwrap_or_else(|| "ask an owner of the app for that role".to_owned()),
        ),
        (403, _) => error(Exit::NotAllowed),
        (404, _) => CommandError { hint: where_to_look(&detail.message).map(str::to_owned), ..error(Exit::NotFound) },
        (409, "already_set_up") => error(Exit::Refused).hint("sign in with `pic login`"),
        (412, "changed") => error(Exit::Refused).hint("somebody else was first: look at what is there, then try again"),
        (429 | 503, _) => error(Exit::Unavailable).hint("try again in a moment"),
        (500.., _) => {
            error(Exit::Unavailable).hint(format!("the server's log has the request id {}", detail.request_id))
        }
        _ => error(Exit::Refused),
    }
}

/// Which token would do, where it is for this one's sake that something is forbidden.
fn needs_of_token(message: &str) -> Option<String> {
    let (role, _) = message.strip_prefix(NEEDS_ROLE)?.split_once(OF_TOKEN)?;
    Some(format!(
        "use another token than this one, which is PIC_TOKEN or the profile's: `pic tokens create NAME --role {role}` makes \
         one, and `pic login` signs in with all that you may"
    ))
}

/// What shows that which is there. The API names the missing kind in its message alone.
fn where_to_look(message: &str) -> Option<&'static str> {
    Some(match message.strip_prefix("no such ")? {
        "app" => "`pic apps list` shows what there is; choose with `pic apps use SLUG` or --app",
        "release" => "`pic releases` shows what there is",
        "script" => "`pic scripts list` shows what there is; --app names another app",
        "version" => "`pic scripts versions NAME` shows what there is",
        "user" => {
            "`pic roles list` shows who has a role in the app; administrators see all users with `pic users list`"
        }
        "invitation" => "`pic invitations list` shows those that are open, and with --server those to the server",
        "token" => "`pic tokens list` shows what there is",
        "variable" => "`pic vars list` shows what there is; --app names another app",
        "secret" => "`pic secrets list` shows what there is; --app names another app",
        "file" => "`pic files list` shows what there is; --app names another app",
        "dead letter" => "`pic topics dead` shows what there is; --app names another app",
        "schedule" => "`pic schedules list` shows what there is; --app names another app",
        "key" => "`pic kv list` shows what there is; --app names another app",
        "domain" => "`pic domains list` shows what there is; --app names another app",
        "invocation" => "`pic invocations list` shows what there is; --app names another app",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_exit_code() {
        let cases = [
            (400, Exit::Refused),
            (401, Exit::NotAllowed),
            (403, Exit::NotAllowed),
            (404, Exit::NotFound),
            (409, Exit::Refused),
            (413, Exit::Refused),
            (422, Exit::Refused),
            (429, Exit::Unavailable),
            (500, Exit::Unavailable),
            (503, Exit::Unavailable),
        ];
        for (status, exit) in cases {
            let detail = ErrorDetail {
                code: "some_code".to_owned(),
                message: "why".to_owned(),
                request_id: "id".to_owned(),
                script: None,
                line: None,
                column: None,
            };
            assert_eq!(of_api(status, &detail).exit(), exit, "{status}");
        }
    }

    #[test]
    fn what_is_missing_is_looked_for_in_its_own_list() {
        for (message, command) in [
            ("no such app", Some("pic apps list")),
            ("no such script", Some("pic scripts list")),
            ("no such version", Some("pic scripts versions")),
            ("no such invocation", Some("pic invocations list")),
            ("no such domain", Some("pic domains list")),
            ("no such user", Some("pic roles list")),
            ("no such invitation", Some("pic invitations list")),
            ("no such token", Some("pic tokens list")),
            ("no such key", Some("pic kv list")),
            ("no such variable", Some("pic vars list")),
            ("no such secret", Some("pic secrets list")),
            ("no such file", Some("pic files list")),
            ("no such dead letter", Some("pic topics dead")),
            ("no such schedule", Some("pic schedules list")),
            ("no such endpoint", None),
            ("there is no version to go back to", None),
        ] {
            let hint = where_to_look(message);
            assert_eq!(hint.is_some(), command.is_some(), "{message}");
            assert!(hint.unwrap_or_default().contains(command.unwrap_or_default()), "{message}: {hint:?}");
        }
    }

    #[test]
    fn a_token_that_is_for_less_is_not_an_owners_matter() {
        let hint = needs_of_token("this needs the role editor, and this token is for the role viewer at most").unwrap();
        assert!(hint.contains("`pic tokens create NAME --role editor`"), "{hint}");
        assert_eq!(needs_of_token("this needs the role editor"), None);
    }

    #[test]
    fn what_was_being_done_comes_first_and_the_hint_stays() {
        let failed: Result<(), _> = Err(CommandError::new(Exit::NotFound, "no such app").hint("look"));
        let error = failed.doing("delete the app demo").unwrap_err();
        assert_eq!(error.message(), "cannot delete the app demo: no such app");
        assert_eq!((error.exit(), error.hint_text()), (Exit::NotFound, Some("look")));
    }
}
