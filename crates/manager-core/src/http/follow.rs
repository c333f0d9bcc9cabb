//! Following an app's logs, as an event stream: first the place where it begins, then one event for each line, whose id is the
//! place behind it, so that who comes back with `Last-Event-ID` misses nothing and gets nothing twice. Each stream reads no further than its reader has read, and
//! ends when its token or the role is gone, and when the server stops.

use super::{access::Viewer, error::ApiError, logs::seen};
use crate::Manager;
use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::StreamExt as _;
use picloud_shared::{
    api::LogEntry,
    ids::{AppId, UserId},
};
use picloud_store::{LogPlace, LogsHeard, StoreError, TailFilter};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Streams at once, of one app, and of one user, who may have many apps.
const FOLLOWERS: usize = 200;
const FOLLOWERS_OF_APP: usize = 20;
const FOLLOWERS_OF_USER: usize = 40;
/// How often a stream looks whether its reader may still read.
const CHECK_TIME: Duration = Duration::from_secs(5);
/// How often it looks for lines that other processes have recorded.
const POLL_TIME: Duration = Duration::from_secs(1);
/// A comment is sent when nothing else was for so long.
const HEARTBEAT: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: &str = "last-event-id";

/// Who follows what now.
type Seats = Arc<Mutex<Vec<(AppId, UserId)>>>;

/// Who follows now, and how they are told that the server stops.
#[derive(Clone, Debug)]
pub(crate) struct Followers {
    seats: Seats,
    stop: watch::Sender<bool>,
}

/// One of them.
struct Seat {
    taken: (AppId, UserId),
    seats: Seats,
}

impl Followers {
    pub(crate) fn new() -> Self {
        Self { seats: Arc::default(), stop: watch::Sender::new(false) }
    }

    /// Ends all streams, and those that begin later.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn seat(&self, app: AppId, user: UserId) -> Option<Seat> {
        // Each change is one of them.
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let of_app = seats.iter().filter(|(of, _)| *of == app).count();
        let of_user = seats.iter().filter(|(_, by)| *by == user).count();
        if of_app >= FOLLOWERS_OF_APP || of_user >= FOLLOWERS_OF_USER || seats.len() >= FOLLOWERS {
            return None;
        }
        seats.push((app, user));
        Some(Seat { taken: (app, user), seats: Arc::clone(&self.seats) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = seats.iter().position(|taken| *taken == self.taken) {
            seats.swap_remove(place);
        }
    }
}

struct Follow {
    manager: Manager,
    /// Of the request that began it, to ask again what it may.
    parts: Parts,
    app: AppId,
    filter: TailFilter,
    place: LogPlace,
    lines: VecDeque<(LogPlace, LogEntry)>,
    heard: LogsHeard,
    stop: watch::Receiver<bool>,
    check_at: Instant,
    /// Of the store, when it was looked whether the reader may read: tokens and roles that end move it.
    revision: u64,
    _seat: Seat,
}

/// Lines from now on, or from behind the one that the request names.
pub(super) async fn follow(
    manager: &Manager,
    parts: Parts,
    app: AppId,
    user: UserId,
    filter: TailFilter,
) -> Result<Response, ApiError> {
    let revision = manager.store.revision();
    let seat = manager.followers.seat(app, user).ok_or(ApiError::TooManyFollowers)?;
    // Before the end is looked for: what is recorded then is heard of.
    let heard = manager.store.hear_logs(app);
    let place = match parts.headers.get(LAST_EVENT_ID) {
        Some(id) => {
            let place = id.to_str().ok().and_then(|id| id.parse().ok());
            place.ok_or_else(|| ApiError::Invalid("last-event-id is the id of no event of a log".to_owned()))?
        }
        None => manager.store.end_of_logs(app).await?,
    };
    let follow = Follow {
        manager: manager.clone(),
        parts,
        app,
        filter,
        place,
        lines: VecDeque::new(),
        heard,
        stop: manager.followers.stop.subscribe(),
        check_at: Instant::now() + CHECK_TIME,
        revision,
        _seat: seat,
    };
    // So that whoever is cut off before the first line misses none either.
    let begin = Event::default().id(place.to_string());
    let lines = futures_util::stream::unfold(follow, async |mut follow| {
        let event = follow.next().await?;
        Some((Ok::<_, Infallible>(event), follow))
    });
    let events = futures_util::stream::iter([Ok(begin)]).chain(lines);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

impl Follow {
    /// `None` when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.stop.borrow() || !self.may_go_on().await {
                return None;
            }
            if let Some((place, line)) = self.lines.pop_front() {
                return Event::default().id(place.to_string()).json_data(line).ok();
            }
            match self.look().await {
                Ok(true) => {}
                Ok(false) => self.wait().await,
                Err(error) => {
                    tracing::error!(%error, "a log cannot be followed any more");
                    return None;
                }
            }
        }
    }

    /// Whether the reader may still read, which is asked again when anything has changed, and now and then, for tokens end by
    /// themselves too, and what another process changes may be heard of late.
    async fn may_go_on(&mut self) -> bool {
        let revision = self.manager.store.revision();
        if Instant::now() < self.check_at && revision == self.revision {
            return true;
        }
        self.revision = revision;
        self.check_at = Instant::now() + CHECK_TIME;
        let asked = Viewer::from_request_parts(&mut self.parts.clone(), &self.manager).await;
        match asked {
            // Not another app that has got its name.
            Ok(Viewer(access)) => access.app.id == self.app,
            // The database may be there again when it is asked next.
            Err(ApiError::Internal(error)) => {
                tracing::error!(error, "whether a log may be followed cannot be asked");
                true
            }
            Err(_) => false,
        }
    }

    /// Whether there was anything to look at.
    async fn look(&mut self) -> Result<bool, StoreError> {
        let found = self.manager.store.lines_after(self.app, self.place, &self.filter).await?;
        self.place = found.place;
        self.lines.extend(found.lines.into_iter().map(|(place, line)| (place, seen(line))));
        Ok(found.more || !self.lines.is_empty())
    }

    async fn wait(&mut self) {
        let poll = self.manager.store.is_shared().then(|| Instant::now() + POLL_TIME);
        let again = poll.map_or(self.check_at, |poll| poll.min(self.check_at));
        tokio::select! {
            () = self.heard.heard() => {}
            () = sleep_until(again) => {}
            _ = self.stop.changed() => {}
        }
    }
}
