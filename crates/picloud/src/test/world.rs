//! The world of a test: the time stands still, chance is foretold, and other servers answer what the test says.

use picloud_abi::{
    outbound::{Request, Response},
    seam::{Refusal, RefusalCode},
};
use picloud_executor_core::World;
use picloud_shared::{executor::BoxFuture, ids::AppId, outbound::AllowedHosts, time::TimestampMs};
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// When every test begins: 2026-01-01T00:00:00Z.
const BEGINNING: TimestampMs = 1_767_225_600_000;

/// One world, which each test has anew.
pub(crate) struct TestWorld(Mutex<State>);

struct State {
    now: TimestampMs,
    seed: u64,
    /// Blocks of bytes that were drawn.
    drawn: u64,
    upstreams: Vec<Upstream>,
    sent: Vec<Request>,
}

/// A server that is not there.
struct Upstream {
    method: String,
    /// As a whole, or its beginning with `*` at the end.
    url: String,
    /// The next first; the last one stays.
    answers: VecDeque<Response>,
}

impl Default for State {
    fn default() -> Self {
        Self { now: BEGINNING, seed: 0, drawn: 0, upstreams: Vec::new(), sent: Vec::new() }
    }
}

impl TestWorld {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As every test finds it.
    pub(crate) fn reset(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn set_time(&self, now: TimestampMs) {
        self.state().now = now;
    }

    /// Gives the new time.
    pub(crate) fn advance(&self, milliseconds: i64) -> TimestampMs {
        let mut state = self.state();
        state.now = state.now.saturating_add(milliseconds);
        state.now
    }

    pub(crate) fn seed(&self, seed: i64) {
        let mut state = self.state();
        (state.seed, state.drawn) = (seed.cast_unsigned(), 0);
    }

    /// Has a server answer; what is said again for the same is the answer to the next request.
    pub(crate) fn upstream(&self, method: String, url: String, answer: Response) {
        let mut state = self.state();
        match state.upstreams.iter_mut().find(|upstream| upstream.method == method && upstream.url == url) {
            Some(upstream) => upstream.answers.push_back(answer),
            None => state.upstreams.push(Upstream { method, url, answers: VecDeque::from([answer]) }),
        }
    }

    /// The requests that were sent since this was asked last.
    pub(crate) fn take_sent(&self) -> Vec<Request> {
        mem::take(&mut self.state().sent)
    }

    fn answer(&self, most: usize, request: Request) -> Result<Response, Refusal> {
        let mut state = self.state();
        let answer = state.upstreams.iter_mut().find(|upstream| upstream.is_for(&request)).and_then(Upstream::next);
        let missing = || {
            let message = format!(
                "no test has other servers, and this one says nothing of {method} {url}: test::upstream(\"{method}\", \"{url}\", answer)",
                method = request.method,
                url = request.url
            );
            Refusal { code: RefusalCode::Unreachable, message }
        };
        let answer = answer.ok_or_else(missing);
        let url = request.url.clone();
        state.sent.push(request);
        let answer = answer?;
        if answer.body.len() > most {
            let message = format!("the response's body has more than {most} bytes");
            return Err(Refusal { code: RefusalCode::TooLarge, message });
        }
        Ok(Response { url, ..answer })
    }
}

impl Upstream {
    fn is_for(&self, request: &Request) -> bool {
        let url = match self.url.strip_suffix('*') {
            Some(beginning) => request.url.starts_with(beginning),
            None => request.url == self.url,
        };
        url && self.method == request.method
    }

    fn next(&mut self) -> Option<Response> {
        if self.answers.len() > 1 { self.answers.pop_front() } else { self.answers.front().cloned() }
    }
}

impl World for TestWorld {
    fn now(&self) -> TimestampMs {
        self.state().now
    }

    fn draw(&self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let mut state = self.state();
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::new().chain_update(state.seed.to_le_bytes()).chain_update(state.drawn.to_le_bytes());
            chunk.copy_from_slice(&block.finalize()[..chunk.len()]);
            state.drawn += 1;
        }
        Ok(())
    }

    fn send<'a>(
        &'a self,
        _: AppId,
        _: &'a AllowedHosts,
        most: usize,
        request: Request,
    ) -> BoxFuture<'a, Result<Response, Refusal>> {
        Box::pin(async move { self.answer(most, request) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str) -> Request {
        Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout_ms: None,
            redirects: None,
        }
    }

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.as_bytes().to_vec().into(), url: String::new() }
    }

    #[test]
    fn answers_come_in_turn_and_the_last_one_stays() {
        let world = TestWorld::new();
        world.upstream("GET".into(), "https://a.test/*".into(), response(500, ""));
        world.upstream("GET".into(), "https://a.test/*".into(), response(200, "abc"));
        let ask = |method: &str, url: &str| world.answer(3, request(method, url)).map(|answer| answer.status);
        assert_eq!([ask("GET", "https://a.test/x"), ask("GET", "https://a.test/y")], [Ok(500), Ok(200)]);
        assert_eq!(ask("GET", "https://a.test/"), Ok(200));
        assert!(ask("POST", "https://a.test/x").unwrap_err().message.contains("test::upstream(\"POST\""));
        assert_eq!(world.answer(2, request("GET", "https://a.test/")).unwrap_err().code, RefusalCode::TooLarge);
        assert_eq!((world.take_sent().len(), world.take_sent().len()), (5, 0));
    }

    #[test]
    fn chance_is_the_same_each_time() {
        let drawn = |world: &TestWorld| {
            let mut bytes = [0; 40];
            world.draw(&mut bytes).unwrap();
            bytes
        };
        let (one, other) = (TestWorld::new(), TestWorld::new());
        let first = drawn(&one);
        assert_eq!(first, drawn(&other));
        assert_ne!(first, drawn(&one));
        one.seed(7);
        assert_ne!(first, drawn(&one));
        one.reset();
        assert_eq!((first, one.now()), (drawn(&one), BEGINNING));
    }
}
