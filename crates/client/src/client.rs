//! The server's address, the token, and the way of one request to its answer.

use crate::{Error, Result};
use picloud_shared::api::{ErrorBody, Page};
use reqwest::{
    Method, RequestBuilder, Response,
    header::{AUTHORIZATION, HeaderValue},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An invocation takes at most 30 s unless the server allows more; twice that leaves room for both.
const TIMEOUT: Duration = Duration::from_secs(60);

/// As many items as the API gives at once.
const LARGEST_PAGE: &str = "200";

/// Most bytes of an answer. A response of 8 MiB may take six times as many in JSON; its log comes on top.
const ANSWER_BYTES: usize = 64 << 20;

/// A client of one server, with or without a token. Cloning is cheap and shares connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<HeaderValue>,
}

impl Client {
    /// A client without a token, of the server at an address such as `http://127.0.0.1:7070`.
    pub fn new(url: &str) -> Result<Self> {
        let base = parse(url).map_err(|why| Error::Url { url: url.to_owned(), why })?;
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .read_timeout(TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("picloud-client/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // Plain HTTP needs no certificates, and a machine without any would fail to load them.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|error| Error::transport(&base, &error))?;
        Ok(Self { http, base, token: None })
    }

    /// The same client with a token.
    pub fn with_token(self, token: &str) -> Result<Self> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        Ok(Self { token: Some(value), ..self })
    }

    /// The server's address.
    pub fn url(&self) -> &Url {
        &self.base
    }

    /// The resource below `/api/v1` that the segments name; each is percent-encoded as one segment.
    pub(crate) fn endpoint(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(segments);
        }
        url
    }

    /// A request with the token, if there is one.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    /// Sends a request and reads the JSON of its answer.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = self.send(request).await?;
        let status = response.status();
        let body = self.read(response).await?;
        serde_json::from_slice(&body).map_err(|error| self.decode_error(status, &error))
    }

    /// One page of a list: what comes after one item, named as the list names that.
    pub(crate) async fn fetch_page<T: DeserializeOwned>(
        &self,
        list: &[&str],
        place: &str,
        from: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<T>> {
        let mut url = self.endpoint(list);
        if let Some(from) = from {
            url.query_pairs_mut().append_pair(place, from);
        }
        if let Some(limit) = limit {
            url.query_pairs_mut().append_pair("limit", &limit.to_string());
        }
        self.fetch(self.request(Method::GET, url)).await
    }

    /// All items of a list, page by page. `from` is how a page is told where it begins.
    pub(crate) async fn fetch_all<T: DeserializeOwned>(&self, segments: &[&str], from: &str) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut url = self.endpoint(segments);
            url.query_pairs_mut()
                .append_pair("limit", LARGEST_PAGE)
                .extend_pairs(next.as_ref().map(|next| (from, next)));
            let page: Page<T> = self.fetch(self.request(Method::GET, url)).await?;
            all.extend(page.items);
            match page.next {
                Some(more) => next = Some(more),
                None => return Ok(all),
            }
        }
    }

    /// Sends a request and gives the bytes of its answer.
    pub(crate) async fn fetch_bytes(&self, request: RequestBuilder) -> Result<Vec<u8>> {
        let response = self.send(request).await?;
        self.read(response).await
    }

    /// Sends a request whose answer holds nothing but its status.
    pub(crate) async fn execute(&self, request: RequestBuilder) -> Result<()> {
        self.send(request).await.map(drop)
    }

    /// Sends a request; an answer other than 2xx is an error.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| Error::transport(&self.base, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read(response).await?;
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => Error::Api { status, detail: body.error },
            Err(error) => self.decode_error(status, &error),
        })
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::transport(&self.base, &error))? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(
                    self.decode_error(response.status(), &format_args!("it is longer than {ANSWER_BYTES} bytes"))
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(crate) fn decode_error(&self, status: reqwest::StatusCode, why: &dyn std::fmt::Display) -> Error {
        Error::Decode { url: self.base.to_string(), status, why: why.to_string() }
    }
}

fn parse(text: &str) -> std::result::Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it starts with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds no user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it holds no '?' or '#'".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_percent_encoded() {
        let client = Client::new("http://127.0.0.1:7070").unwrap();
        let url = |segments: &[&str]| client.endpoint(segments).to_string();
        assert_eq!(url(&["apps", "demo"]), "http://127.0.0.1:7070/api/v1/apps/demo");
        assert_eq!(url(&["scripts", "lib/util"]), "http://127.0.0.1:7070/api/v1/scripts/lib%2Futil");
        assert_eq!(url(&["a?b#c%2Fd ä"]), "http://127.0.0.1:7070/api/v1/a%3Fb%23c%252Fd%20%C3%A4");
    }

    #[test]
    fn an_address_may_have_a_path() {
        for url in ["https://example.org/picloud", "https://example.org/picloud/"] {
            let client = Client::new(url).unwrap();
            assert_eq!(client.endpoint(&["apps"]).as_str(), "https://example.org/picloud/api/v1/apps");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "localhost:7070",
            "ftp://example.org",
            "http://",
            "http://a:b@example.org",
            "http://a/?x=1",
            "http://a/#x",
        ] {
            assert!(matches!(Client::new(bad), Err(Error::Url { .. })), "{bad}");
        }
    }

    #[test]
    fn a_token_that_is_no_header_is_refused_and_a_good_one_hidden() {
        let client = Client::new("http://127.0.0.1:7070").unwrap();
        assert!(matches!(client.clone().with_token("a\nb"), Err(Error::Token)));
        let client = client.with_token("pic_secret").unwrap();
        assert!(!format!("{client:?}").contains("pic_secret"));
    }
}
