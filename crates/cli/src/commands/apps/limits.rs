//! `pic apps limits`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::{
    api::{App, UpdateApp},
    limit_rules::{LimitName, NoSuchLimit},
    names::AppSlug,
};

/// Show or set what the invocations of an app may cost
///
/// A name says the unit of its limit. What is set counts from the next request on; `default` takes a setting back. The
/// server bounds how far each limit goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    slug: AppSlug,
    /// What to set, such as fuel=1000000000 or kv_calls=default; without any, nothing changes
    #[arg(value_name = "NAME=VALUE", value_parser = change)]
    changes: Vec<(LimitName, Option<i64>)>,
}

pub(crate) async fn run(Args { slug, changes }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let app = if changes.is_empty() {
        client.app(&slug).await.doing(format!("show the limits of the app {slug}"))?
    } else {
        let update = UpdateApp { limits: changes.into_iter().collect(), ..UpdateApp::default() };
        client.update_app(&slug, &update).await.doing(format!("set the limits of the app {slug}"))?
    };
    context.output.result(&app, |app: &App| {
        let rows = LimitName::ALL.into_iter().map(|name| {
            let own = if app.limits.0.contains_key(&name) { "set" } else { "default" };
            let value =
                app.limits_in_force.0.get(&name).map_or_else(|| "none".to_owned(), |value| format::count(*value));
            vec![name.to_string(), value, own.to_owned()]
        });
        output::table(&["LIMIT", "VALUE", ""], rows)
    })
}

fn change(text: &str) -> Result<(LimitName, Option<i64>), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, or NAME=default")?;
    let name = name.parse().map_err(|error: NoSuchLimit| error.to_string())?;
    if value == "default" {
        return Ok((name, None));
    }
    let value = value.parse().map_err(|_| format!("{value:?} is neither a whole number nor `default`"))?;
    Ok((name, Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_number_or_the_default() {
        assert_eq!(change("fuel=5"), Ok((LimitName::Fuel, Some(5))));
        assert_eq!(change("log_lines=default"), Ok((LimitName::LogLines, None)));
        for bad in ["fuel", "fuel=", "fuel=1e9", "fuel=5=6", "fule=5", "=5"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }
}
