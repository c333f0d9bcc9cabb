//! What the process is told: flags, then the environment, then defaults. Nothing else reads the environment, but `engine`, which
//! looks where this user keeps caches.

use crate::{admin::Admin, check, dev, test};
use anyhow::{Context, Result, bail, ensure};
use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt},
};
use clap::{Parser, Subcommand, ValueEnum};
use picloud_host::Target;
use picloud_shared::{
    domains::{AppsDomain, HostName},
    limit_rules::{LimitName, LimitRules, LimitValues, NoSuchLimit},
    limits::{DEPLOY_BYTES, FILE_BYTES},
    proxies::TrustedProxy,
};
use picloud_store::Database;
use std::{
    fs::{self, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What the server logs unless told otherwise.
const SERVER_LOG: &str = "info,sqlx=warn";

/// What commands that people wait for log unless told otherwise.
const QUIET_LOG: &str = "warn,picloud_host::compiled=info";

/// PiCloud in one process: upload a Rhai script, get an HTTP endpoint.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Config {
    /// Serves, unless it is told to do something else
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Where the API listens; port 0 picks a free one
    #[arg(long, env = "PICLOUD_MANAGER_ADDR", default_value = "127.0.0.1:7070", value_name = "ADDR")]
    pub(crate) manager_addr: SocketAddr,

    /// Where the apps answer; port 0 picks a free one
    #[arg(long, env = "PICLOUD_INGRESS_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) ingress_addr: SocketAddr,

    /// The database file, the compiled engine and the set-up link live here
    #[arg(long, env = "PICLOUD_DATA_DIR", default_value = "./data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// A PostgreSQL database, postgres://…; SQLite in the data directory when absent
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,

    /// The domain below which each app has a host name of its own
    #[arg(long, env = "PICLOUD_APPS_DOMAIN", default_value = "localhost", value_name = "DOMAIN")]
    pub(crate) apps_domain: AppsDomain,

    /// What stands before an app's slug to reach it from outside, as behind a proxy; http://localhost:PORT when absent
    #[arg(long, env = "PICLOUD_APPS_URL", value_name = "URL")]
    pub(crate) apps_url: Option<String>,

    /// The API's address as others reach it, as behind a proxy, for links that are sent to people; http://ADDR when absent
    #[arg(long, env = "PICLOUD_MANAGER_URL", value_name = "URL", value_parser = manager_url)]
    pub(crate) manager_url: Option<String>,

    /// Names that the API is reached by, beside localhost, addresses, and the host of --manager-url; others are refused,
    /// so that no page can lead its own name here; may be given several times
    #[arg(long, env = "PICLOUD_MANAGER_HOSTS", value_name = "NAME", value_delimiter = ',')]
    manager_host: Vec<HostName>,

    /// Proxies that are believed about where a request comes from (X-Forwarded-For): an address or a network such as
    /// 10.0.0.0/8; may be given several times
    #[arg(long, env = "PICLOUD_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub(crate) trusted_proxy: Vec<TrustedProxy>,

    /// On the first start, deploy the scripts of this directory into an app `demo`
    #[arg(long, value_name = "DIR")]
    pub(crate) demo: Option<PathBuf>,

    /// Print one line of JSON with the addresses once they accept, and nothing else
    #[arg(long)]
    pub(crate) json_ready: bool,

    /// Instances at once; by the machine's memory when absent
    #[arg(long, env = "PICLOUD_SLOTS", value_name = "N")]
    pub(crate) slots: Option<u32>,

    /// MiB of request bodies at once, those of apps and of the API together; no app has more of it than is left for others
    #[arg(long, env = "PICLOUD_BODY_MEMORY", default_value = "256", value_name = "MIB")]
    body_memory: u32,

    /// The most that an app may have of a limit, such as memory_bytes=67108864; may be given several times
    #[arg(long, env = "PICLOUD_MAX_LIMITS", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = limit)]
    max_limit: Vec<(LimitName, i64)>,

    /// How often a delivery of an event is tried before it is a dead letter
    #[arg(long, env = "PICLOUD_DELIVERY_ATTEMPTS", default_value = "5", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) delivery_attempts: u32,

    /// Milliseconds until a failed delivery is tried again for the first time; each further wait is four times as long
    #[arg(long, env = "PICLOUD_DELIVERY_BACKOFF_MS", default_value = "1000", value_name = "MS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3_600_000))]
    pub(crate) delivery_backoff_ms: u32,

    /// What the engine compiles to; fuel is the same for all
    #[arg(long, env = "PICLOUD_TARGET", default_value = "native", value_name = "TARGET")]
    pub(crate) target: EngineTarget,

    /// Give each invocation a new instance, which takes longer, in place of one that was brought back to its version's image
    #[arg(long, env = "PICLOUD_NEW_INSTANCES")]
    pub(crate) new_instances: bool,

    /// What is logged, as tracing filters: info, debug, picloud_host=debug … When absent, info and what is worse by the server,
    /// and by other commands what is worse alone
    #[arg(long, env = "PICLOUD_LOG", value_name = "FILTER", global = true)]
    log: Option<String>,

    /// The name of this machine, kept with each invocation; the host name when absent
    #[arg(long, env = "PICLOUD_NODE", value_name = "NAME")]
    node: Option<String>,

    /// The key that seals secrets, in hexadecimal or base64; a file in the data directory when absent
    #[arg(long, env = "PICLOUD_SECRET_KEY", hide = true, hide_env_values = true)]
    pub(crate) secret_key: Option<String>,

    /// The key before it: what it sealed is sealed anew at the start
    #[arg(long, env = "PICLOUD_PREVIOUS_SECRET_KEY", hide = true, hide_env_values = true)]
    pub(crate) previous_secret_key: Option<String>,

    /// On the first start, make the user `admin` with this password
    #[arg(long, env = "PICLOUD_ADMIN_PASSWORD", hide = true, hide_env_values = true)]
    pub(crate) admin_password: Option<String>,
}

/// What to do instead of serving.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Administer PiCloud at its own machine
    #[command(subcommand)]
    Admin(Admin),
    Check(check::Args),
    Dev(dev::Args),
    Test(test::Args),
}

/// [`Target`] as people write it.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum EngineTarget {
    /// All instructions of this CPU
    Native,
    /// Only the instructions that every CPU of this kind has
    Baseline,
    /// A portable interpreter, slow
    Pulley,
}

impl EngineTarget {
    /// As it is written.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl From<EngineTarget> for Target {
    fn from(target: EngineTarget) -> Self {
        match target {
            EngineTarget::Native => Self::Native,
            EngineTarget::Baseline => Self::Baseline,
            EngineTarget::Pulley => Self::Pulley,
        }
    }
}

impl Config {
    /// A URL for another database, as it may lie about in the environment, is refused and not shown: it may hold a password.
    pub(crate) fn database(&self) -> Result<Database> {
        let Some(url) = &self.database_url else { return Ok(Database::Sqlite(self.data_dir.clone())) };
        ensure!(
            ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)),
            "--database-url, or DATABASE_URL, names no PostgreSQL database, postgres://…; leave it out for SQLite in the \
             data directory"
        );
        Ok(Database::Postgres(url.clone()))
    }

    /// What is logged, as tracing filters.
    pub(crate) fn log(&self) -> &str {
        let default = if self.command.is_some() { QUIET_LOG } else { SERVER_LOG };
        self.log.as_deref().unwrap_or(default)
    }

    /// The names that the API is reached by.
    pub(crate) fn manager_hosts(&self) -> Vec<HostName> {
        let of_url = self.manager_url.as_deref().and_then(HostName::of_url);
        self.manager_host.iter().cloned().chain(of_url).collect()
    }

    /// Bytes of request bodies at once: enough for the largest, where nobody else sends any.
    pub(crate) fn body_memory(&self) -> Result<usize> {
        let bytes = usize::try_from(u64::from(self.body_memory) << 20)?;
        let largest = self.limits()?.maxima().request_body.max(DEPLOY_BYTES).max(FILE_BYTES);
        ensure!(
            bytes / 2 >= largest,
            "--body-memory {} is too little: a request may have {} MiB, and it takes twice as much to read one",
            self.body_memory,
            largest.div_ceil(1 << 20)
        );
        Ok(bytes)
    }

    pub(crate) fn limits(&self) -> Result<LimitRules> {
        let maxima = LimitValues(self.max_limit.iter().copied().collect());
        LimitRules::with_maxima(&maxima).context("the flag --max-limit")
    }

    pub(crate) fn node(&self) -> Arc<str> {
        let host_name = || fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        self.node.clone().or_else(host_name).unwrap_or_else(|| "local".to_owned()).into()
    }
}

/// An `http` or `https` URL, without a `/` at its end.
fn manager_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']));
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { Err("write https://picloud.example.com".to_owned()) }
}

fn limit(text: &str) -> Result<(LimitName, i64), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as kv_calls=5000")?;
    let name = name.parse().map_err(|error: NoSuchLimit| error.to_string())?;
    Ok((name, value.parse().map_err(|_| format!("{value:?} is no whole number"))?))
}

/// The database's file in the data directory.
pub(crate) const SQLITE_FILE: &str = "picloud.sqlite3";

/// Held for as long as this process uses its data directory.
const LOCK_FILE: &str = "picloud.lock";

/// Keeps a second process out of the data directory until the file is dropped: each would serve what it had read
/// before the other changed it.
pub(crate) fn lock(data: &Dir, path: &Path) -> Result<std::fs::File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = data.open_with(LOCK_FILE, options);
    let file =
        file.with_context(|| format!("opening {}, to have the data directory alone", path.join(LOCK_FILE).display()))?;
    let file = file.into_std();
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another PiCloud uses the data directory {} (choose another with --data-dir)", path.display())
        }
        Err(TryLockError::Error(error)) => Err(error).context("locking the data directory"),
    }
}

/// Opens the data directory; makes it, for this user alone, when it is missing.
pub(crate) fn data_directory(path: &Path) -> Result<Dir> {
    let what = || format!("opening the data directory {} (choose another with --data-dir)", path.display());
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Dir::create_ambient_dir_all(parent, ambient_authority()).with_context(what)?;
    if let Some(name) = path.file_name() {
        let parent = Dir::open_ambient_dir(parent, ambient_authority()).with_context(what)?;
        let mut private = DirBuilder::new();
        private.mode(0o700);
        match parent.create_dir_with(name, &private) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error).with_context(what),
            _ => {}
        }
    }
    Dir::open_ambient_dir(path, ambient_authority()).with_context(what)
}
