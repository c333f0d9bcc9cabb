//! From names to the addresses that are connected to: the check lies between the look-up and the connection, with
//! nothing that could look the name up again.

use picloud_shared::{executor::BoxFuture, outbound::is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{io, net::SocketAddr, sync::Arc};

/// Looks a name up.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// As the system does.
pub(super) fn system() -> Lookup {
    // The port is filled in by whoever connects.
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// None of a name's addresses is public.
#[derive(Debug, thiserror::Error)]
#[error("this name has no public address")]
pub(super) struct NotPublic;

/// For a client.
pub(super) struct Resolver {
    pub(super) lookup: Lookup,
    /// Whether addresses that are not public are left out.
    pub(super) public_only: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, public_only) = ((self.lookup)(name.as_str().to_owned()), self.public_only);
        Box::pin(async move {
            let mut addresses = found.await?;
            let there_are = !addresses.is_empty();
            addresses.retain(|address| !public_only || is_public(address.ip()));
            if there_are && addresses.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
