//! Following logs: an event stream, read line by line.

use crate::{Client, Error, Result};
use picloud_shared::{
    api::{LogEntry, LogLevel, StatusFilter},
    ids::InvocationId,
    names::{AppSlug, ScriptName},
};
use reqwest::{Method, Response};
use std::time::Duration;

/// As long as anybody follows. The server says something every quarter of a minute; who hears nothing for a whole one gives up.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Most bytes of one event: a line has a mebibyte at most, which may take six times as many in JSON.
const EVENT_BYTES: usize = 16 << 20;

/// Which lines to follow; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct FollowFilter {
    /// Only this script's.
    pub script: Option<ScriptName>,
    /// Only this invocation's.
    pub invocation: Option<InvocationId>,
    /// Only those of invocations that ended so.
    pub status: Option<StatusFilter>,
    /// Only those that are at least so important.
    pub level: Option<LogLevel>,
    /// Only those that have this in their text.
    pub text: Option<String>,
    /// From behind this one on: [`Followed::id`]. From now on when absent.
    pub after: Option<String>,
}

/// A line that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// What to give to go on behind it.
    pub id: String,
    /// The line.
    pub entry: LogEntry,
}

/// Lines as they are recorded.
#[derive(Debug)]
pub struct LogStream {
    client: Client,
    response: Response,
    events: Events,
    place: Option<String>,
}

impl Client {
    /// Follows an app's log.
    pub async fn follow_logs(&self, app: &AppSlug, filter: &FollowFilter) -> Result<LogStream> {
        let mut url = self.endpoint(&["apps", app.as_str(), "logs"]);
        let FollowFilter { script, invocation, status, level, text, after } = filter;
        url.query_pairs_mut()
            .append_pair("follow", "true")
            .extend_pairs(script.as_ref().map(|script| ("script", script.as_str())))
            .extend_pairs(invocation.map(|invocation| ("invocation", invocation.to_string())))
            .extend_pairs(status.map(|status| ("status", String::from(status))))
            .extend_pairs(level.map(|level| ("level", level.as_str())))
            .extend_pairs(text.as_ref().map(|text| ("text", text)));
        let mut request = self.request(Method::GET, url).timeout(ENDLESS);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = self.send(request).await?;
        Ok(LogStream { client: self.clone(), response, events: Events::default(), place: None })
    }
}

impl LogStream {
    /// What to give to go on behind all that has come, if anything has: a stream tells at once where it begins.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The next line; waits for it. `None` when the server has ended the stream: it stops, or the token or the role is gone.
    pub async fn next(&mut self) -> Result<Option<Followed>> {
        loop {
            if let Some((id, data)) = self.events.next() {
                self.place = Some(id.clone());
                // The place where the stream begins comes without a line.
                if data.is_empty() {
                    continue;
                }
                let entry = serde_json::from_slice(&data);
                let entry = entry.map_err(|error| self.client.decode_error(self.response.status(), &error))?;
                return Ok(Some(Followed { id, entry }));
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.events.push(&chunk),
                Ok(None) => return Ok(None),
                Err(error) => return Err(Error::transport(self.client.url(), &error)),
            }
            if self.events.waiting.len() > EVENT_BYTES {
                let why = format_args!("an event is longer than {EVENT_BYTES} bytes");
                return Err(self.client.decode_error(self.response.status(), &why));
            }
        }
    }
}

/// The events of a stream, of which pieces come in.
#[derive(Debug, Default)]
struct Events {
    waiting: Vec<u8>,
    /// Bytes in which no end of an event is.
    looked_at: usize,
}

impl Events {
    fn push(&mut self, piece: &[u8]) {
        self.waiting.extend_from_slice(piece);
    }

    /// Id and data of the next event that has come whole. What has neither, such as a comment, is none.
    fn next(&mut self) -> Option<(String, Vec<u8>)> {
        loop {
            let from = self.looked_at.saturating_sub(1);
            let Some(end) = self.waiting[from..].windows(2).position(|pair| pair == b"\n\n") else {
                self.looked_at = self.waiting.len();
                return None;
            };
            let event: Vec<u8> = self.waiting.drain(..from + end + 2).collect();
            self.looked_at = 0;
            let (mut id, mut data) = (None, None::<Vec<u8>>);
            for line in event.split(|&byte| byte == b'\n') {
                if let Some(value) = field(line, b"id") {
                    id = Some(String::from_utf8_lossy(value).into_owned());
                } else if let Some(value) = field(line, b"data") {
                    let before = data.take().map(|data| [&data[..], b"\n"].concat()).unwrap_or_default();
                    data = Some([&before[..], value].concat());
                }
            }
            if id.is_some() || data.is_some() {
                return Some((id.unwrap_or_default(), data.unwrap_or_default()));
            }
        }
    }
}

/// What stands behind a field's name.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_however_they_are_cut() {
        let stream =
            b":\n\nid: 0.0\n\nid: 1.0\ndata: {\"a\":1}\n\n: beat\n\ndata:x\ndata: y\nid:2\nevent: odd\n\n\n\nid: 3\ndata: cut";
        let expected = [
            ("0.0".to_owned(), Vec::new()),
            ("1.0".to_owned(), b"{\"a\":1}".to_vec()),
            ("2".to_owned(), b"x\ny".to_vec()),
        ];
        for size in 1..=stream.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                events.push(piece);
                found.extend(std::iter::from_fn(|| events.next()));
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
