//! The way of a request: address → route → token, where it needs one → body → admission → executor → record → response.

use crate::{
    Recorder,
    address::{self, Address},
    cors::Asking,
    deployments::{Deployed, Deployments},
    domains::Domains,
    error::Refused,
    outlive::{Outlive, Panicked},
    request::{self, BodyError},
    response::{self, Cost},
    visitors::Visitors,
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts},
    response::Response,
};
use picloud_abi::invocation::{HttpRequest, Outcome, Trigger};
use picloud_shared::{
    activity::{Activity, InFlight},
    api,
    domains::AppsDomain,
    executor::{Executor, ExecutorError, Job},
    ids::InvocationId,
    limit_rules::LimitRules,
    proxies::TrustedProxies,
    route::METHODS,
    routes::Match,
    target::{self, InvalidPath},
    time::now_ms,
};
use picloud_store::{DeployedRoute, Finished, InvocationStart, Store};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};
use tokio::sync::oneshot;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the binary decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this machine, kept with the invocations that it runs.
    pub node: Arc<str>,
    /// The domain below which each app has a host name of its own.
    pub apps_domain: AppsDomain,
    /// Who is believed about where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// What an app's invocations may cost.
    pub limits: LimitRules,
}

/// The apps' front door.
pub struct Ingress {
    deployments: Deployments,
    visitors: Visitors,
    domains: Domains,
    executor: Arc<dyn Executor>,
    recorder: Recorder,
    activity: Arc<Activity>,
    settings: Settings,
}

impl Ingress {
    /// An ingress for every app of the store.
    pub fn new(
        store: Store,
        executor: Arc<dyn Executor>,
        recorder: Recorder,
        activity: Arc<Activity>,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            deployments: Deployments::new(store.clone(), settings.limits.clone(), Arc::clone(&activity)),
            visitors: Visitors::new(store.clone()),
            domains: Domains::new(store),
            executor,
            recorder,
            activity,
            settings,
        })
    }

    /// The same as a router, for who has others beside it or around it; needs the peer's address as `ConnectInfo<SocketAddr>`.
    pub fn router(self: &Arc<Self>) -> Router {
        let answer = |State(ingress): State<Arc<Self>>, ConnectInfo(peer), request| ingress.answer(peer, request);
        Router::new().fallback(answer).with_state(Arc::clone(self))
    }

    /// Answers any request.
    pub async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request) -> Response {
        let (id, began) = (InvocationId::new(), Instant::now());
        let mut response = self.respond(id, peer, request).await;
        self.activity.answered(began.elapsed());
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    async fn respond(&self, id: InvocationId, peer: SocketAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let method = &parts.method;
        if !METHODS.contains(&method.as_str()) && method != Method::HEAD && method != Method::OPTIONS {
            return Refused::NotImplemented.into_response(id);
        }
        let (deployed, segments) = match self.locate(&parts).await {
            Ok(located) => located,
            Err(refused) => return refused.into_response(id),
        };
        let asking = Asking::of(&parts);
        let answered = match segments {
            Ok(segments) => self.serve(id, peer, &deployed, &segments, parts, body).await,
            Err(error) => Err(Refused::InvalidPath(error.to_string())),
        };
        let mut response = match (answered, &deployed.cors) {
            // So that the page gets to ask, and sees what there is: nothing.
            (Err(Refused::NoRoute), Some(_)) if asking.preflight => allowed(METHODS.join(", ")),
            (answered, _) => answered.unwrap_or_else(|refused| refused.into_response(id)),
        };
        if let Some(cors) = &deployed.cors {
            cors.mark(&asking, &mut response);
        }
        response
    }

    /// The way from the route on, the app being known.
    async fn serve(
        &self,
        id: InvocationId,
        peer: SocketAddr,
        deployed: &Deployed,
        segments: &[String],
        mut parts: Parts,
        body: Body,
    ) -> Result<Response, Refused> {
        // A HEAD request is a GET request whose body is not sent; hyper leaves it out.
        let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
        let (route, params) = match deployed.routes.find(method.as_str(), segments) {
            // Only `ANY` has an answer to OPTIONS.
            Match::Found(..) if parts.method == Method::OPTIONS => return Ok(allowed(METHODS.join(", "))),
            Match::OtherMethods(methods) => {
                let methods = Vec::from_iter(methods).join(", ");
                if parts.method == Method::OPTIONS {
                    return Ok(allowed(methods));
                }
                return Err(Refused::MethodNotAllowed(methods));
            }
            Match::None => return Err(Refused::NoRoute),
            Match::Found(route, params) => (route, params),
        };
        // Before anything is asked, read or made for it, so that refusing costs little; it counts once it has arrived.
        deployed.activity.check(&deployed.limits, now_ms())?;
        let mut user = None;
        // Boxed, as most requests do not ask who comes, and need no room for it.
        if route.route.needs_token() {
            user = Some(Box::pin(self.visitors.member(&parts.headers, deployed.app)).await?.username.to_string());
        }
        let limit = deployed.limits.request_body;
        // Held until the answer: what was read is the script's from here on.
        let mut counted = self.activity.bodies.begin(deployed.slug.as_str());
        let body = request::read_body(body, limit, &mut counted).await.map_err(|error| match error {
            BodyError::TooLarge => Refused::BodyTooLarge(limit),
            BodyError::TooSlow => Refused::BodyTooSlow,
            BodyError::Broken => Refused::BodyBroken,
            BodyError::NoRoom(no_room) => Refused::NoRoom(no_room),
        })?;
        if user.is_some() {
            // A body may take its time, and a token that was revoked meanwhile is dead.
            if !body.is_empty() {
                Box::pin(self.visitors.member(&parts.headers, deployed.app)).await?;
            }
            // It opens the API too, and is not for the script.
            parts.headers.remove(header::AUTHORIZATION);
        }
        let told = deployed.debug || user.is_some();
        let ip = self.settings.trusted_proxies.client(peer.ip(), &parts.headers);
        let request = request::to_contract(id, method, &parts, segments, params, body, ip);
        let request = HttpRequest { user, ..request };
        // With it goes what was read of the connection, and the script may wait for long.
        drop(parts);
        self.run(id, deployed, route, Trigger::Http(request), told).await
    }

    /// The app, and the path within it.
    async fn locate(&self, parts: &Parts) -> Result<(Arc<Deployed>, Result<Vec<String>, InvalidPath>), Refused> {
        // A URL in the request line overrules the header (RFC 9112, 3.2.2); two headers could mean two things to two
        // servers.
        let mut hosts = parts.headers.get_all(header::HOST).iter();
        let (first, second) = (hosts.next(), hosts.next());
        if second.is_some() || (first.is_none() && parts.version == Version::HTTP_11) {
            return Err(Refused::InvalidHost);
        }
        let host = parts.uri.host().or_else(|| first.and_then(|host| host.to_str().ok()));
        let domains = self.domains.current().await.map_err(|error| {
            tracing::error!(%error, "the apps' domains cannot be read");
            Refused::Internal
        })?;
        let Address { app, path } =
            address::resolve(host, &self.settings.apps_domain, &domains, parts.uri.path()).ok_or(Refused::NoApp)?;
        let deployed = self.deployments.get(&app).await.map_err(|error| {
            tracing::error!(%error, %app, "an app's routes cannot be read");
            Refused::Internal
        })?;
        Ok((deployed.ok_or(Refused::NoApp)?, target::segments(path)))
    }

    /// `told`: whoever asks may know what went wrong where, and what it cost.
    async fn run(
        &self,
        id: InvocationId,
        deployed: &Deployed,
        route: &DeployedRoute,
        trigger: Trigger,
        told: bool,
    ) -> Result<Response, Refused> {
        let limits = Arc::clone(&deployed.limits);
        let started_at = now_ms();
        let admitted = deployed.activity.admit(&limits, started_at)?;
        let start = InvocationStart {
            id,
            app: deployed.app,
            script: route.script,
            version: route.version,
            trigger: api::Trigger::Http,
            request: match &trigger {
                // Without the query, which may carry what is not for the log.
                Trigger::Http(request) => Some(target::line(&request.method, &request.path)),
                Trigger::Event(_) => None,
            },
            fuel_limit: limits.fuel,
            started_at,
            node: Arc::clone(&self.settings.node),
        };
        let job = Job {
            id,
            app: deployed.app,
            version: route.version,
            script: route.name.clone(),
            trigger,
            depth: 0,
            limits,
            outbound: deployed.outbound.clone(),
        };
        let (outcome, cost) =
            self.run_and_record(admitted, start, job, deployed, told).await.map_err(|error| match error {
                ExecutorError::Overloaded => Refused::Overloaded,
                // The script was deleted between the look at its routes and now.
                ExecutorError::NoSuchVersion => Refused::NoRoute,
                ExecutorError::Internal(error) => {
                    tracing::error!(error, %id, script = %route.name, "an invocation could not be run");
                    Refused::Internal
                }
            })?;
        Ok(response::from_outcome(id, outcome, cost))
    }

    /// Runs the job so that it is recorded even when its caller goes away meanwhile, which ends the script but not this.
    async fn run_and_record(
        &self,
        admitted: InFlight,
        start: InvocationStart,
        job: Job,
        deployed: &Deployed,
        told: bool,
    ) -> Result<(Outcome, Option<Cost>), ExecutorError> {
        let (waiting, gone) = oneshot::channel::<Infallible>();
        let (executor, recorder) = (Arc::clone(&self.executor), self.recorder.clone());
        let (activity, of_app) = (Arc::clone(&self.activity), Arc::clone(&deployed.activity));
        let job = Outlive::new(async move {
            let cancelled = Box::pin(async move {
                let Err(_) = gone.await;
            });
            let report = executor.invoke(job, cancelled).await;
            drop(admitted);
            let report = report?;
            activity.ended(&of_app, &report, now_ms());
            let cost = told.then(|| Cost::of(&report));
            let Finished { record, called, outcome } = start.finished(report);
            recorder.submit(record);
            for record in called {
                recorder.submit(record);
            }
            Ok((outcome, cost))
        });
        let result = job.await;
        drop(waiting);
        result.unwrap_or_else(|Panicked| Err(ExecutorError::Internal("the invocation's task panicked".to_owned())))
    }
}

fn allowed(methods: String) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(methods) = HeaderValue::try_from(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}
