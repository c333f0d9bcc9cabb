//! How many connections the process may hold: as many as the system gives it descriptors for, less what it needs itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for the database, the engine, files and the listeners.
const OWN: u64 = 64;
/// More connections than any machine that PiCloud is for will hold.
const MOST: u64 = 100_000;

/// Connections of each listener.
pub(crate) struct Connections {
    pub(crate) manager: usize,
    pub(crate) ingress: usize,
}

/// Asks for as many descriptors as may be had, and divides them: an eighth for the manager, so that a crowd at the apps'
/// door never keeps the operator out, and of the rest one half for that crowd, and one for what their scripts connect to.
pub(crate) fn raise() -> Connections {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the number of open files stays at {:?}", limit.current);
    }
    divide(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

fn divide(descriptors: u64) -> Connections {
    let free = descriptors.saturating_sub(OWN).clamp(16, MOST);
    let manager = (free / 8).max(1);
    let count = |connections| usize::try_from(connections).unwrap_or(usize::MAX);
    Connections { manager: count(manager), ingress: count((free - manager).div_ceil(2)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_listeners_have_room_however_few_there_are() {
        for descriptors in [0, 1, 64, 256, 1_024, u64::MAX] {
            let connections = divide(descriptors);
            assert!(connections.manager >= 1 && connections.ingress > connections.manager, "{descriptors}");
        }
        let connections = divide(1_024);
        assert_eq!((connections.manager, connections.ingress), (120, 420));
    }
}
