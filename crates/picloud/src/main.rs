//! PiCloud in one process: reads the configuration, wires the services together, serves, and stops in order.

mod admin;
mod check;
mod config;
mod console;
mod demo;
mod descriptors;
mod dev;
mod engine;
mod front;
mod linger;
mod problem;
mod ready;
mod routed;
mod scratch;
mod secret_key;
mod serve;
mod setup;
mod sources;
mod test;
mod watched;

use anyhow::{Context, Result};
use clap::Parser;
use config::{Command, Config};
use front::Front;
use mimalloc::MiMalloc;
use picloud_executor_core::{LocalExecutor, RealWorld};
use picloud_host::Settings as EngineSettings;
use picloud_manager_core::{Manager, ManagerHosts, Process, Settings as ManagerSettings};
use picloud_orchestrator_core::{DeliverySettings, Ingress, Settings as IngressSettings};
use picloud_shared::{activity::Activity, time::now_ms};
use picloud_store::Store;
use rustix::thread::disable_transparent_huge_pages;
use std::{io::IsTerminal, process::ExitCode, sync::Arc, time::Duration};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;

/// A request allocates some hundred times, which takes glibc's allocator a tenth of the whole.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Tasks that a thread runs before it looks for requests that have come. Tokio's 61 are meant for short ones, but a script
/// that computes has the thread for over a millisecond each time: beside four endless loops a small request took 88 ms in
/// the median with 61, and 8 ms with 8.
const TASKS_BETWEEN_LOOKS: u32 = 8;

fn main() -> ExitCode {
    match Builder::new_multi_thread().enable_all().event_interval(TASKS_BETWEEN_LOOKS).build() {
        Ok(runtime) => runtime.block_on(start()),
        Err(error) => {
            ready::complain(&anyhow::Error::new(error).context("starting threads"));
            ExitCode::FAILURE
        }
    }
}

async fn start() -> ExitCode {
    let mut config = Config::parse();
    let filter = match EnvFilter::try_new(config.log()) {
        Ok(filter) => filter,
        Err(error) => {
            ready::complain(&anyhow::Error::new(error).context(format!("--log {:?}", config.log())));
            return ExitCode::FAILURE;
        }
    };
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr).init();
    // The allocator asks for pages of 2 MiB: one block that is used then keeps 2 MiB, and of what thousands of invocations
    // had, half would stay.
    if let Err(error) = disable_transparent_huge_pages(true) {
        tracing::info!(%error, "huge pages stay allowed, and with them more memory is kept than used");
    }
    let (done, failure) = match config.command.take() {
        Some(Command::Admin(admin)) => (admin::run(config, admin).await.map(|()| ExitCode::SUCCESS), ExitCode::FAILURE),
        Some(Command::Check(check)) => (check::run(check).await, check::UNCHECKED.into()),
        Some(Command::Test(test)) => (test::run(test).await, check::UNCHECKED.into()),
        Some(Command::Dev(dev)) => (dev::run(dev).await.map(|()| ExitCode::SUCCESS), check::UNCHECKED.into()),
        None => (run(config).await.map(|()| ExitCode::SUCCESS), ExitCode::FAILURE),
    };
    done.unwrap_or_else(|error| {
        ready::complain(&error);
        failure
    })
}

/// From the root, as whoever reads it elsewhere knows nothing of where the process was started.
fn data_directory(config: &Config) -> String {
    let path = std::path::absolute(&config.data_dir);
    path.as_ref().unwrap_or(&config.data_dir).display().to_string()
}

async fn run(config: Config) -> Result<()> {
    let started_at = now_ms();
    let limits = config.limits()?;
    let data = config::data_directory(&config.data_dir)?;
    let _lock = config::lock(&data, &config.data_dir)?;
    // All that can be found wrong at once is, before the engine takes its time. Clients that come meanwhile wait.
    let demo = config.demo.as_deref().map(demo::read).transpose()?;
    let manager_listener = serve::bind(config.manager_addr, "--manager-addr").await?;
    let ingress_listener = serve::bind(config.ingress_addr, "--ingress-addr").await?;
    let addresses = ready::Addresses::of(&manager_listener, &ingress_listener)?;
    let store = Store::open(&config.database()?).await.context("opening the database")?;
    let vault = secret_key::vault(&store, &data, &config).await?;
    let engine = EngineSettings {
        cache: Some(config.data_dir.join("compiled")),
        slots: config.slots,
        target: config.target.into(),
        memory: limits.maxima().memory,
        new_instances: config.new_instances,
    };
    // The first start compiles the guest, which must not hold up the runtime.
    let executor = {
        let (store, vault) = (store.clone(), vault.clone());
        tokio::task::spawn_blocking(move || LocalExecutor::new(store, vault, &engine, Arc::new(RealWorld::new())))
            .await?
    };
    let executor = executor.context("setting up the engine")?;
    let setup_token = setup::first_user(&store, &data, config.admin_password.as_deref()).await?;
    let node = config.node();
    let activity = Arc::new(Activity::with_bodies(config.body_memory()?));
    let manager = Manager::new(
        store.clone(),
        executor.clone(),
        Arc::clone(&activity),
        ManagerSettings {
            node: Arc::clone(&node),
            manager_url: config.manager_url.clone().unwrap_or_else(|| addresses.manager.clone()),
            manager_hosts: ManagerHosts::from(config.manager_hosts()),
            trusted_proxies: config.trusted_proxy.clone().into(),
            apps_url: config.apps_url.clone().unwrap_or_else(|| addresses.apps()),
            apps_domain: config.apps_domain.clone(),
            limits: limits.clone(),
            vault,
            setup_token: setup_token.clone(),
            process: Process {
                started_at,
                data_directory: data_directory(&config),
                engine: config.target.name(),
                delivery_attempts: config.delivery_attempts,
                delivery_backoff_ms: config.delivery_backoff_ms,
            },
        },
    );
    if let Some(project) = demo {
        demo::deploy(&manager, &store, project).await?;
    }
    let deliveries = DeliverySettings {
        node: Arc::clone(&node),
        limits: limits.clone(),
        attempts: config.delivery_attempts,
        backoff: Duration::from_millis(config.delivery_backoff_ms.into()),
    };
    let ingress = IngressSettings {
        node,
        apps_domain: config.apps_domain.clone(),
        trusted_proxies: config.trusted_proxy.clone().into(),
        limits,
    };
    let front = Front::new(store.clone(), executor, activity, ingress, deliveries).await?;

    setup::publish_link(&data, setup_token.as_ref(), &addresses.manager)?;
    let stop = serve::stop_signal()?;
    let places = descriptors::raise();
    let api = serve::serve(manager_listener, routed::by(manager.router()), places.manager, stop.clone());
    let door = |ingress: Arc<Ingress>| move |peer, request| Arc::clone(&ingress).answer(peer, request);
    let front = front.serve(ingress_listener, places.ingress, stop.clone(), door);
    let streams = async {
        front::told(&stop).await;
        manager.stop();
    };
    ready::announce(&config, &addresses, setup_token.as_ref());
    let ((), front, ()) = tokio::join!(api, front, streams);
    front?;
    store.close().await;
    Ok(())
}
