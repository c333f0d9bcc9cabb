//! Look-ups of names, so many at once. The system's function takes a thread until it returns, which is half a minute where
//! name servers do not answer, whether somebody still waits for it or not; and the threads are those that passwords are
//! hashed in.

use picloud_shared::ids::AppId;
use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

/// Look-ups of all apps, a quarter of the 512 threads that tokio has for what blocks.
pub(super) const ALL: usize = 128;
/// Those of one app.
pub(super) const EACH: usize = 16;
/// How long a place is waited for where no request's time ends that: a client goes on connecting when its request has got
/// another connection meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives the addresses of a name, and takes the thread until then.
pub(super) type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// As the system does.
pub(super) fn system() -> Lookup {
    // The port is filled in by whoever connects.
    Arc::new(|name| Ok((name, 0).to_socket_addrs()?.collect()))
}

/// The look-ups of one node.
pub(super) struct Lookups {
    lookup: Lookup,
    pub(super) all: Arc<Semaphore>,
    /// The shares of the apps that look up or wait.
    shares: Mutex<HashMap<AppId, Weak<Semaphore>>>,
}

/// Where a look-up runs. It goes with the look-up, not with whoever waits for it.
struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_app: OwnedSemaphorePermit,
}

impl Lookups {
    pub(super) fn new(lookup: Lookup) -> Self {
        Self { lookup, all: Arc::new(Semaphore::new(ALL)), shares: Mutex::default() }
    }

    /// The addresses of a name, once there is a place to look it up in.
    pub(super) async fn find(&self, app: AppId, name: &str) -> io::Result<Vec<SocketAddr>> {
        let too_many = |_| io::Error::other("too many names are being looked up");
        let place = timeout(PATIENCE, self.place(app)).await.map_err(too_many)??;
        let (lookup, name) = (Arc::clone(&self.lookup), name.to_owned());
        let found = spawn_blocking(move || {
            let _place = place;
            lookup(&name)
        });
        found.await.map_err(io::Error::other)?
    }

    /// The app's own first, so that no more of it wait for one of all than may have one.
    async fn place(&self, app: AppId) -> io::Result<Place> {
        let of_app = self.share(app).acquire_owned().await.map_err(io::Error::other)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(io::Error::other)?;
        Ok(Place { _of_all: of_all, _of_app: of_app })
    }

    fn share(&self, app: AppId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&app).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(EACH));
        shares.insert(app, Arc::downgrade(&share));
        share
    }
}
