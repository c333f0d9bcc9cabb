//! `http`: requests to other servers. Each address is checked where it is connected to: one that is written in the URL
//! here, one that a name has in the resolver. Redirects are followed here, so that each hop is checked.

mod lookups;
mod resolver;

use super::refuse;
use lookups::{Lookup, Lookups};
use picloud_abi::{
    http::may_send_header,
    outbound::{Request, Response},
    seam::{Refusal, RefusalCode},
};
use picloud_shared::{
    ids::AppId,
    outbound::{AllowedHosts, NOT_LISTED, NOT_PUBLIC, Reach, is_public},
};
use reqwest::{
    Client, Method, StatusCode, Url,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue,
        LOCATION,
    },
    redirect::Policy,
};
use resolver::{NotPublic, Resolver, SENDER};
use std::{
    error::Error,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use url::Host;

/// How long a request may take when it does not say: half of the wall time that an invocation has by default, so that the
/// script can still tell its caller.
const TIME: Duration = Duration::from_secs(5);
/// Redirects that are followed.
const REDIRECTS: u32 = 10;
/// How long a connection is kept for the next request to the same server, and how many of them.
const KEPT_FOR: Duration = Duration::from_secs(15);
const KEPT: usize = 8;
/// KiB of bodies that are being received, of all invocations together.
const RECEIVED_KIB: usize = 256 << 10;

/// Sends the requests of all apps.
pub(crate) struct Outbound {
    lookups: Arc<Lookups>,
    /// Made at the first request: it reads the system's certificates.
    clients: OnceLock<Option<Clients>>,
    room: Arc<Semaphore>,
}

/// Two of them, as connections are kept by name: one that an app may reach must not serve another that may not.
struct Clients {
    /// Connects names to public addresses only.
    public: Client,
    /// For hosts whose private addresses were opened.
    any: Client,
}

/// One request of the chain that redirects make.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Outbound {
    pub(crate) fn new() -> Self {
        Self::with_lookup(lookups::system())
    }

    fn with_lookup(lookup: Lookup) -> Self {
        let (lookups, room) = (Arc::new(Lookups::new(lookup)), Arc::new(Semaphore::new(RECEIVED_KIB)));
        Self { lookups, clients: OnceLock::new(), room }
    }

    /// As [`Outbound::send`], in a task of its own, which ends with this future. A script waits on a stack of its own, and
    /// all that sending has to call would lie there as long as it does.
    pub(crate) async fn send_apart(
        self: &Arc<Self>,
        app: AppId,
        allowed: &AllowedHosts,
        most: usize,
        request: Request,
    ) -> Result<Response, Refusal> {
        let (outbound, allowed) = (Arc::clone(self), allowed.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { outbound.send(app, &allowed, most, request).await });
        let answer = task.join_next().await.and_then(Result::ok);
        answer.unwrap_or_else(|| Err(refuse(RefusalCode::Unavailable, "the request was given up")))
    }

    /// Sends a request, and gives the response when all of it is there: a body of at most `most` bytes.
    async fn send(
        &self,
        app: AppId,
        allowed: &AllowedHosts,
        most: usize,
        request: Request,
    ) -> Result<Response, Refusal> {
        let time = request.timeout_ms.map_or(TIME, Duration::from_millis);
        let redirects = request.redirects.unwrap_or(REDIRECTS);
        if redirects > REDIRECTS {
            return Err(invalid(format!("at most {REDIRECTS} redirects are followed, not {redirects}")));
        }
        let hop = Hop::first(request)?;
        let late = |_| refuse(RefusalCode::Timeout, format!("there was no response within {} ms", time.as_millis()));
        let followed = SENDER.scope(app, self.follow(allowed, most, hop, redirects));
        tokio::time::timeout(time, followed).await.map_err(late)?
    }

    async fn follow(
        &self,
        allowed: &AllowedHosts,
        most: usize,
        mut hop: Hop,
        redirects: u32,
    ) -> Result<Response, Refusal> {
        let mut left = redirects;
        loop {
            let client = self.client_for(allowed, &hop.url)?;
            let mut request = client.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
            if let Some(body) = &hop.body {
                request = request.body(body.clone());
            }
            let response = request.send().await.map_err(|error| failed(&error, &hop.url))?;
            // Zero asks for the redirect itself.
            let next = if redirects == 0 { None } else { hop.redirected(response.status(), response.headers())? };
            match next {
                None => return self.receive(response, most).await,
                Some(_) if left == 0 => {
                    let message = format!("there are more than {redirects} redirects");
                    return Err(refuse(RefusalCode::Unreachable, message));
                }
                Some(next) => hop = next,
            }
            left -= 1;
        }
    }

    /// Who may connect to this address.
    fn client_for(&self, allowed: &AllowedHosts, url: &Url) -> Result<&Client, Refusal> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(invalid(format!("{url} has no host")));
        };
        let clients = self.clients.get_or_init(|| Clients::new(&self.lookups)).as_ref();
        let clients = clients.ok_or_else(|| refuse(RefusalCode::Unavailable, "no requests can be sent now"))?;
        match allowed.reach(&host, port) {
            Reach::Nowhere => {
                let message = format!("{host}:{port} {NOT_LISTED}");
                Err(refuse(RefusalCode::RefusedAddress, message))
            }
            Reach::Anywhere => Ok(&clients.any),
            // An address in the URL passes no resolver.
            Reach::Public if written(&host).is_some_and(|address| !is_public(address)) => Err(not_public(url)),
            Reach::Public => Ok(&clients.public),
        }
    }

    async fn receive(&self, mut response: reqwest::Response, most: usize) -> Result<Response, Refusal> {
        let too_large = || refuse(RefusalCode::TooLarge, format!("the response's body has more than {most} bytes"));
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let url = response.url().clone();
        let mut body = Vec::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error, &url))? {
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
            self.take_room(&mut room, body.capacity().div_ceil(1 << 10))?;
        }
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Ok(Response {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: body.into(),
            url: url.into(),
        })
    }

    /// Grows what is taken to so many KiB.
    fn take_room(&self, taken: &mut Option<OwnedSemaphorePermit>, kib: usize) -> Result<(), Refusal> {
        let have = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(kib.saturating_sub(have)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let Ok(more) = Arc::clone(&self.room).try_acquire_many_owned(more) else {
            return Err(refuse(RefusalCode::Unavailable, "too much is being received at once; try again in a moment"));
        };
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}

impl Clients {
    fn new(lookups: &Arc<Lookups>) -> Option<Self> {
        let client = |public_only| {
            Client::builder()
                .user_agent(concat!("PiCloud/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(Arc::new(Resolver { lookups: Arc::clone(lookups), public_only }))
                // A proxy would resolve names itself, behind the checks.
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                // What is compressed stays so: no response is larger than what was sent.
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .pool_idle_timeout(KEPT_FOR)
                .pool_max_idle_per_host(KEPT)
                .build()
        };
        let clients = client(true).and_then(|public| Ok(Self { public, any: client(false)? }));
        let failed = |error: &reqwest::Error| tracing::error!(error = root(error), "scripts cannot send HTTP requests");
        clients.inspect_err(failed).ok()
    }
}

impl Hop {
    fn first(request: Request) -> Result<Self, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            may_send_header(&name, &value).map_err(|why| invalid(format!("request header {name:?}: {why}")))?;
            let parts = (HeaderName::try_from(&name), HeaderValue::try_from(value));
            let (Ok(known), Ok(value)) = parts else {
                return Err(invalid(format!("request header {name:?} cannot be sent")));
            };
            headers.append(known, value);
        }
        let url = Url::parse(&request.url).map_err(|error| invalid(format!("{:?}: {error}", request.url)))?;
        Ok(Self {
            method: method(&request.method)?,
            url: checked(url)?,
            headers,
            body: request.body.map(|b| b.into_vec()),
        })
    }

    /// Where a response sends this request, if it does (RFC 9110, 15.4).
    fn redirected(&self, status: StatusCode, response: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let as_get = match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
            _ => return Ok(None),
        };
        let Some(location) = response.get(LOCATION) else { return Ok(None) };
        let text = String::from_utf8_lossy(location.as_bytes());
        let url = self.url.join(&text).map_err(|error| invalid(format!("a redirect to {text:?}: {error}")))?;
        let url = checked(url)?;
        let (mut headers, mut body, mut method) = (self.headers.clone(), self.body.clone(), self.method.clone());
        if as_get {
            (method, body) = (Method::GET, None);
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                headers.remove(name);
            }
        }
        if url.origin() != self.url.origin() {
            headers.remove(AUTHORIZATION);
            headers.remove(COOKIE);
        }
        Ok(Some(Self { method, url, headers, body }))
    }
}

fn method(name: &str) -> Result<Method, Refusal> {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let method = known.into_iter().find(|method| method.as_str() == name);
    method.ok_or_else(|| {
        invalid(format!("{name:?} is no method; there are GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    })
}

/// An address that requests are sent to, be it allowed or not.
fn checked(url: Url) -> Result<Url, Refusal> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("requests go to http and https, not {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("an address holds no user name and no password: send the header authorization"));
    }
    Ok(url)
}

/// The address that a URL's host is, if it is no name.
fn written(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    refuse(RefusalCode::Invalid, message)
}

fn not_public(url: &Url) -> Refusal {
    let host = url.host_str().unwrap_or_default();
    refuse(RefusalCode::RefusedAddress, format!("{host} {NOT_PUBLIC}"))
}

fn failed(error: &reqwest::Error, url: &Url) -> Refusal {
    if causes(error).any(|cause| cause.is::<NotPublic>()) {
        return not_public(url);
    }
    if error.is_builder() {
        return invalid(format!("this cannot be sent: {}", root(error)));
    }
    let host = url.host_str().unwrap_or_default();
    refuse(RefusalCode::Unreachable, format!("{host} gave no response: {}", root(error)))
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error as &'a (dyn Error + 'static)), |&error: &&'a (dyn Error + 'static)| error.source())
}

/// What the chain of an error's causes ends with.
fn root(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests;
