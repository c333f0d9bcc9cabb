//! `pic apps cors`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    format, output,
};
use picloud_shared::{
    api::{App, UpdateApp},
    cors::{Allowed, Cors, CorsSetting, HeaderName, Origin},
    names::AppSlug,
};

/// Show or set which pages of other origins may use an app from their visitors' browsers
///
/// Given origins, the platform answers their browsers for every route of the app, in place of what its scripts say about
/// it. What is set replaces all that was set before, and counts from the next request on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    slug: AppSlug,
    /// Whose pages: https://shop.example, http://localhost:5173, or '*' for all; without any, nothing changes
    #[arg(value_name = "ORIGIN")]
    origins: Vec<Allowed<Origin>>,
    /// A header that they may send, or '*'; may be given several times [default: authorization and content-type]
    #[arg(long = "header", value_name = "NAME", requires = "origins")]
    headers: Option<Vec<Allowed<HeaderName>>>,
    /// A header that they may read, or '*'; may be given several times [default: x-request-id]
    #[arg(long, value_name = "NAME", requires = "origins")]
    expose: Option<Vec<Allowed<HeaderName>>>,
    /// Let their requests carry the visitor's cookies for the app
    #[arg(long, requires = "origins")]
    credentials: bool,
    /// For how long a browser need not ask again whether it may send something
    #[arg(long, value_name = "SECONDS", default_value_t = Cors::default_max_age(), requires = "origins")]
    max_age: u32,
    /// Take it back: what the scripts' own headers say counts again
    #[arg(long, conflicts_with = "origins")]
    off: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let Args { slug, origins, headers, expose, credentials, max_age, off } = args;
    let client = context.client()?;
    let app = if origins.is_empty() && !off {
        client.app(&slug).await.doing(format!("show what other origins may do with the app {slug}"))?
    } else {
        let cors = (!off).then(|| {
            let unsaid = Cors::of(origins);
            Cors {
                headers: headers.unwrap_or(unsaid.headers),
                expose: expose.unwrap_or(unsaid.expose),
                origins: unsaid.origins,
                credentials,
                max_age,
            }
        });
        if let Some(cors) = &cors {
            cors.check().map_err(|error| CommandError::new(Exit::Usage, error.to_string()))?;
        }
        let update = UpdateApp { cors: Some(CorsSetting(cors)), ..UpdateApp::default() };
        client.update_app(&slug, &update).await.doing(format!("set what other origins may do with the app {slug}"))?
    };
    context.output.result(&app, |app: &App| describe(&app.cors))
}

fn describe(CorsSetting(cors): &CorsSetting) -> String {
    let Some(cors) = cors else { return "what the scripts' own headers say\n".to_owned() };
    output::fields(&[
        ("origins", format::list(&cors.origins)),
        ("headers", format::list(&cors.headers)),
        ("expose", format::list(&cors.expose)),
        ("credentials", format::yes(cors.credentials).to_owned()),
        ("max age", format!("{} s", cors.max_age)),
    ])
}
