//! What the process says to whoever started it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where the process speaks")]

use crate::{config::Config, setup};
use anyhow::Result;
use picloud_manager_core::SetupToken;
use serde_json::json;
use tokio::net::TcpListener;

/// Where the two listeners are, as URLs.
pub(crate) struct Addresses {
    pub(crate) manager: String,
    ingress: String,
    ingress_port: u16,
}

impl Addresses {
    pub(crate) fn of(manager: &TcpListener, ingress: &TcpListener) -> Result<Self> {
        let ingress = ingress.local_addr()?;
        Ok(Self {
            manager: format!("http://{}", manager.local_addr()?),
            ingress: format!("http://{ingress}"),
            ingress_port: ingress.port(),
        })
    }
}

impl Addresses {
    /// What stands before an app's slug, as seen from this machine.
    pub(crate) fn apps(&self) -> String {
        format!("http://localhost:{}", self.ingress_port)
    }
}

/// Says that both listeners accept.
pub(crate) fn announce(config: &Config, addresses: &Addresses, setup_token: Option<&SetupToken>) {
    let Addresses { manager, ingress, ingress_port } = addresses;
    let apps = addresses.apps();
    if config.json_ready {
        println!("{}", json!({"manager": manager, "ingress": ingress, "pid": std::process::id()}));
        return;
    }
    println!("PiCloud is running.\n");
    println!("  API    {manager}  (in a browser: the dashboard)");
    println!("  apps   {apps}/{{app}}/…  and  http://{{app}}.{}:{ingress_port}/…", config.apps_domain);
    println!("  data   {}", config.data_dir.display());
    if config.demo.is_some() {
        println!("\nTry it:\n\n  curl '{apps}/demo/hello?name=Ada'");
    }
    if let Some(token) = setup_token {
        println!("\nNobody can sign in yet. Make the administrator, once, with this link or `pic setup LINK`:\n");
        println!("  {}", setup::link(token, manager));
    }
    println!();
}

/// Says why the process ends.
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("picloud: {error:#}");
}
