//! `picloud dev`: serves a directory of scripts, and goes on with what is saved.

mod live;
mod watch;

use crate::{
    check::counted,
    console::{self, Colour, Console},
    descriptors,
    engine::EngineArgs,
    front::{self, Front},
    routed,
    scratch::{self, Scratch},
    serve,
    sources::Sources,
    watched::{Ran, Watched},
};
use anyhow::{Context, Result, ensure};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use clap::Args as ClapArgs;
use live::{Live, Reloaded};
use picloud_executor_core::RealWorld;
use picloud_orchestrator_core::{DeliverySettings, Ingress, Settings as IngressSettings};
use picloud_project::Project;
use picloud_shared::{
    api::{ChangeKind, Changes as Deployed},
    ids::AppId,
    names::{AppSlug, ScriptName, SecretName, VarName},
    outbound::AllowedHost,
    time::now_ms,
};
use picloud_store::StoreError;
use picloud_terminal::sanitize;
use serde_json::json;
use std::{
    env,
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use watch::Changes;

/// Serve a directory of scripts, and what is saved in it from then on
///
/// Each file is a script, as `pic deploy` takes them, and picloud.toml counts. The app is called as it says there, or else as the
/// directory is, and answers at http://localhost:8080/APP/. What is saved is live at once; only what has changed
/// is compiled. A script that does not compile stays as it was until it does, and the others go on. Requests, logs, fuel and
/// errors are shown here. Topics and schedules work, and what scripts keep is thrown away at the end. There is no
/// sign-in, and so no address but this machine's own: routes for members answer nobody.
#[derive(ClapArgs)]
#[command(
    after_help = "Exit codes:\n  0  it was told to stop\n  2  the command line makes no sense\n  3  it could not be served, as where there is no such directory"
)]
pub(crate) struct Args {
    /// Holds the scripts, one a file such as hello.rhai, and picloud.toml if there is one
    directory: PathBuf,

    /// Where the app answers, on this machine; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    addr: SocketAddr,

    /// A variable that scripts read with vars::get; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::<VarName>)]
    var: Vec<(VarName, String)>,

    /// A secret that scripts read with secrets::get; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::<SecretName>)]
    secret: Vec<(SecretName, String)>,

    /// A server that scripts may send requests to, such as localhost:9000; may be given several times. Without it all public
    /// addresses, and no others
    #[arg(long, value_name = "HOST")]
    outbound: Vec<AllowedHost>,

    /// Print one line of JSON with the address first, once it accepts
    #[arg(long)]
    json_ready: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// How long to wait before what could not be reloaded is tried again.
const RETRY_TIME: Duration = Duration::from_secs(1);
/// Routes that are listed at once.
const ROUTES: usize = 20;

pub(crate) async fn run(args: Args) -> Result<()> {
    let directory = args.directory.clone();
    ensure!(directory.is_dir(), "there is no directory {}", directory.display());
    ensure!(args.addr.ip().is_loopback(), "without sign-in it answers this machine alone: --addr 127.0.0.1:PORT");
    let slug = scratch::slug_where_it_is_served(&Project::examine(&directory)?.0, &directory)?;
    let listener = serve::bind(args.addr, "--addr").await?;
    let address = listener.local_addr()?;
    let stop = serve::stop_signal()?;
    let console = Console::new(env::var_os("NO_COLOR").is_none());
    let (scratch, place) = Scratch::open(&args.engine, Arc::new(RealWorld::new())).await?;
    let app = scratch.make_app(&slug).await?;
    set(&scratch, app, &args).await?;

    // Heard from before the first look, so that nothing is missed.
    let mut changes = Changes::of(&directory);
    let mut live = Live::new(&directory, app, slug.clone());
    let began = Instant::now();
    let first = live.reload(&scratch).await;
    let took = began.elapsed();

    let sources = live.sources();
    let watched = watched(&scratch, &args, console.clone(), sources);
    let front = Front::new(
        scratch.store.clone(),
        watched,
        Arc::clone(&scratch.activity),
        IngressSettings {
            node: scratch::NODE.into(),
            apps_domain: scratch::apps_domain()?,
            trusted_proxies: Vec::new().into(),
            limits: scratch.limits.clone(),
        },
        DeliverySettings {
            node: scratch::NODE.into(),
            limits: scratch.limits.clone(),
            attempts: 3,
            backoff: Duration::from_secs(1),
        },
    )
    .await?;

    let url = format!("http://localhost:{}/{slug}", address.port());
    if args.json_ready {
        console
            .say(&json!({"ingress": format!("http://{address}"), "url": url, "pid": std::process::id()}).to_string());
    }
    console.say(&format!("{} of {} at {url}/\n", counted(live.count(), "script"), directory.display()));
    let mut routes = routes(&scratch, app, &url).await.context("listing the routes")?;
    list_routes(&routes, &console);
    if !routes.is_empty() {
        console.say("");
    }
    say_reloaded(&console, &first, took);

    let door = {
        let door = Arc::new(Door { console: console.clone(), slug, url: url.clone() });
        move |ingress: Arc<Ingress>| routed::by(ingress.router().layer(middleware::from_fn_with_state(door, tell)))
    };
    let front = front.serve(listener, descriptors::raise().ingress, stop.clone(), door);
    let reloading = async {
        let mut failed = first.failed.is_some();
        loop {
            tokio::select! {
                () = changes.next() => {}
                () = tokio::time::sleep(RETRY_TIME), if failed => {}
                () = front::told(&stop) => break,
            }
            let began = Instant::now();
            let reloaded = live.reload(&scratch).await;
            // Said once, however often it is tried.
            if !(failed && reloaded.failed.is_some()) {
                say_reloaded(&console, &reloaded, began.elapsed());
            }
            if reloaded.changes.is_some() {
                // What cannot be read now is listed with what changes next.
                if let Ok(now) = self::routes(&scratch, app, &url).await {
                    let new: Vec<String> = now.iter().filter(|route| !routes.contains(route)).cloned().collect();
                    list_routes(&new, &console);
                    routes = now;
                }
            }
            failed = reloaded.failed.is_some();
        }
    };
    let (served, ()) = tokio::join!(front, reloading);
    place.leave().await;
    served
}

fn watched(scratch: &Scratch, Args { outbound, .. }: &Args, console: Console, sources: Sources) -> Arc<Watched> {
    let outbound = (!outbound.is_empty()).then(|| outbound.clone().into());
    let tell = Box::new(move |ran: Ran| console.say(&console.ran(&ran, &sources)));
    Arc::new(Watched { executor: Arc::clone(&scratch.executor), outbound, tell })
}

/// Sets what scripts read of their app.
async fn set(scratch: &Scratch, app: AppId, Args { var, secret, .. }: &Args) -> Result<()> {
    for (name, value) in var {
        scratch.store.set_var(app, name, value, now_ms()).await??;
    }
    for (name, value) in secret {
        let sealed = scratch.vault.seal(app, name, value)?;
        scratch.store.set_secret(app, name, &sealed, now_ms()).await??;
    }
    Ok(())
}

fn setting<N: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(N, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.parse().map_err(|error: N::Err| error.to_string())?, value.to_owned()))
}

/// The routes that are live, a line each.
async fn routes(scratch: &Scratch, app: AppId, url: &str) -> Result<Vec<String>, StoreError> {
    let scripts = scratch.store.scripts(app).await?;
    let routes = scripts.iter().flat_map(|script| script.routes.iter().map(move |route| (script, route.to_string())));
    let lines = routes.filter_map(|(script, route)| {
        let (method, pattern) = route.split_once(' ')?;
        Some(format!("  {method:<6} {url}{pattern}  {}", script.name))
    });
    Ok(lines.collect())
}

fn list_routes(routes: &[String], console: &Console) {
    for route in routes.iter().take(ROUTES) {
        console.say(route);
    }
    if routes.len() > ROUTES {
        console.say(&format!("  and {}", counted(routes.len() - ROUTES, "other route")));
    }
}

/// Says what a look at the directory found; nothing where that is what was known.
fn say_reloaded(console: &Console, reloaded: &Reloaded, took: Duration) {
    let Reloaded { changes, problems, stale, missing, failed, renamed } = reloaded;
    let mut text = String::new();
    if let Some(changes) = changes {
        let _ =
            writeln!(text, "{} {} ({})", console.paint("reload", Colour::Green), told(changes), console::time(took));
    }
    for (problem, excerpt) in problems.iter().flatten() {
        let _ = writeln!(text, "{}  {}", console.paint("error", Colour::Red), sanitize::line(&problem.to_string()));
        if let Some(excerpt) = excerpt {
            let _ = writeln!(text, "{excerpt}");
        }
    }
    if let Some(failed) = failed {
        let failed = sanitize::line(failed);
        let _ = writeln!(text, "{}  nothing could be reloaded: {failed}", console.paint("error", Colour::Red));
        let _ = writeln!(text, "       what was live goes on; it is tried again");
    }
    match problems {
        Some(problems) if problems.is_empty() => {
            let _ = writeln!(text, "{}  nothing is wrong any more", console.paint("fixed", Colour::Green));
        }
        Some(_) => {
            if !stale.is_empty() {
                let _ = writeln!(text, "       not as in the directory, but as before: {}", console::names(stale));
            }
            if !missing.is_empty() {
                let _ =
                    writeln!(text, "       not there, as there is nothing from before: {}", console::names(missing));
            }
        }
        None => {}
    }
    if let Some(name) = renamed {
        let note = console.paint("note", Colour::Yellow);
        let _ = writeln!(
            text,
            "{note}   the app is called {name} now, and answers as before until picloud dev is started again"
        );
    }
    if !text.is_empty() {
        console.say(text.trim_end());
    }
}

/// `1 new (greet), 1 deleted (hello), 16 unchanged`.
fn told(Deployed { scripts, unchanged, limits }: &Deployed) -> String {
    let of = |kind, what: &str| {
        let some: Vec<ScriptName> =
            scripts.iter().filter(|change| change.change == kind).map(|change| change.script.clone()).collect();
        (!some.is_empty()).then(|| format!("{} {what} ({})", some.len(), console::names(&some)))
    };
    let kinds = [(ChangeKind::Created, "new"), (ChangeKind::Updated, "changed"), (ChangeKind::Deleted, "deleted")];
    let mut parts: Vec<String> = kinds.into_iter().filter_map(|(kind, what)| of(kind, what)).collect();
    parts.extend(limits.then(|| "limits changed".to_owned()));
    parts.push(format!("{unchanged} unchanged"));
    parts.join(", ")
}

/// What stands before the app.
struct Door {
    console: Console,
    slug: AppSlug,
    url: String,
}

/// What came of an invocation is told by whoever ran it; of the rest only this knows.
async fn tell(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let Door { console, slug, url } = &*door;
    let line = format!("{} {}", request.method(), request.uri().path());
    let for_app = is_for_app(&request, slug);
    let response = if is_for_this_machine(&request) {
        let response = next.run(request).await;
        if response.status() == StatusCode::NOT_FOUND && !for_app {
            (StatusCode::NOT_FOUND, format!("there is one app here, {slug}: {url}/\n")).into_response()
        } else {
            response
        }
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "picloud dev answers as localhost, and under no other name\n").into_response()
    };
    if !response.headers().contains_key("x-picloud-fuel") {
        console.say(&console.refused(&line, response.status().as_u16()));
    }
    response
}

/// Whether the one app that there is may be meant: by the name of the host, or by where the path begins.
fn is_for_app(request: &Request, slug: &AppSlug) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let label = host.split_once('.').map(|(label, _)| label.to_ascii_lowercase());
    let first = request.uri().path().split('/').nth(1);
    label.as_deref() == Some(slug.as_str()) || first == Some(slug.as_str())
}

/// Whether the host asked for is this machine. A page of anywhere may have its own name lead here, and what it then asks for
/// is to its browser no other origin.
fn is_for_this_machine(request: &Request) -> bool {
    let Some(host) = request.headers().get(header::HOST) else { return true };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}
