//! The half of the server that runs the apps: their front door, deliveries and schedules, the writing of records and their end.

use crate::serve::{self, Stop};
use anyhow::{Context, Result};
use axum::{extract::Request, response::Response};
use picloud_orchestrator_core::{
    DeliverySettings, Dispatcher, Ingress, Recorder, Retention, Settings as IngressSettings, Writer,
};
use picloud_shared::{activity::Activity, executor::Executor};
use picloud_store::Store;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// All of it, ready to serve.
pub(crate) struct Front {
    ingress: Arc<Ingress>,
    dispatcher: Dispatcher,
    retention: Retention,
    writer: Writer,
}

impl Front {
    /// Takes up the deliveries that an earlier process left.
    pub(crate) async fn new(
        store: Store,
        executor: Arc<dyn Executor>,
        activity: Arc<Activity>,
        ingress: IngressSettings,
        deliveries: DeliverySettings,
    ) -> Result<Self> {
        let (recorder, writer) = Recorder::start(store.clone(), Arc::clone(&activity));
        let dispatcher = Dispatcher::new(store.clone(), Arc::clone(&executor), Arc::clone(&activity), deliveries).await;
        let dispatcher = dispatcher.context("taking up deliveries")?;
        let retention = Retention::new(store.clone(), ingress.limits.clone()).await;
        let retention = retention.context("looking what deleted apps have left")?;
        let ingress = Ingress::new(store, executor, recorder, activity, ingress);
        Ok(Self { ingress, dispatcher, retention, writer })
    }

    /// Serves until told to stop, then until what has begun is over and recorded. `door` says how the ingress answers whom.
    pub(crate) async fn serve<D, F>(
        self,
        listener: TcpListener,
        places: usize,
        stop: Stop,
        door: impl FnOnce(Arc<Ingress>) -> D,
    ) -> Result<()>
    where
        D: Fn(SocketAddr, Request) -> F + Clone + Send + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let Self { ingress, dispatcher, retention, writer } = self;
        let door = serve::serve(listener, door(Arc::clone(&ingress)), places, stop.clone());
        let (deliveries, retention) = (dispatcher.run(told(&stop)), retention.run(told(&stop)));
        tokio::join!(door, deliveries, retention);
        // The writer ends once nothing can send to it any more, with everything written.
        drop(ingress);
        writer.await.context("the writer of invocations failed")
    }
}

/// Ends when the process is told to stop.
pub(crate) fn told(stop: &Stop) -> impl Future<Output = ()> + use<> {
    let mut stop = stop.clone();
    async move {
        // Nobody can tell it any more once the sender is gone.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Does it, unless the process is told to stop; then whoever called ends in order.
pub(crate) async fn unless_told<T>(stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = told(stop) => anyhow::bail!("it was told to stop"),
    }
}
