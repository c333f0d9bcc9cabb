//! Nothing acknowledged is lost.

use crate::support::{Backend, TestApp, on_both, script_name};
use picloud_shared::api::{Deploy, DeployScript};
use std::time::{Duration, Instant};

on_both!(
    a_power_cut_after_the_answer_loses_nothing,
    a_deploy_cut_short_leaves_the_old_release_or_the_new_one,
    stopping_answers_what_is_in_flight_and_records_it,
);

async fn a_power_cut_after_the_answer_loses_nothing(backend: Backend) {
    let mut picloud = TestApp::start(backend).await;
    let app = picloud.create_app("safe").await;
    for round in 1..=50 {
        let source = format!("let r = {round}; r");
        let stored = picloud.put(&app, "kept", &source, &[]).await;
        assert_eq!(stored.version.number, round);
        picloud = picloud.kill_and_restart().await;
        let script = picloud.client.script(&app, &script_name("kept")).await.unwrap();
        assert_eq!((script.version.number, script.source.as_deref()), (round, Some(source.as_str())));
        assert_eq!(picloud.text("/safe/kept").await, (200, round.to_string()));
    }
    // A manual run is recorded before it is answered.
    let run = picloud.invoke(&app, "kept").await;
    picloud = picloud.kill_and_restart().await;
    let found = picloud.client.invocation(&app, run.summary.id).await.unwrap();
    assert_eq!(found.summary, run.summary);
}

async fn a_deploy_cut_short_leaves_the_old_release_or_the_new_one(backend: Backend) {
    const SCRIPTS: usize = 12;
    let mut picloud = TestApp::start(backend).await;
    let app = picloud.create_app("whole").await;
    let deploy = |round: i32| {
        let script = |i: usize| DeployScript {
            name: script_name(&format!("s{i}")),
            source: format!("{round}"),
            routes: None,
            topics: Vec::new(),
            schedules: Vec::new(),
        };
        Deploy { scripts: (0..SCRIPTS).map(script).collect(), ..Deploy::default() }
    };
    let mut last = 0;
    let begun = Instant::now();
    assert_eq!(picloud.client.deploy(&app, &deploy(last)).await.unwrap().release, Some(1));
    let taken = begun.elapsed();
    for round in 1..=20 {
        let (client, app_of, next) = (picloud.client.clone(), app.clone(), deploy(round));
        let deployed = tokio::spawn(async move { client.deploy(&app_of, &next).await.is_ok() });
        // At moments from before the request arrives until after it has been answered.
        tokio::time::sleep(taken.mul_f64(f64::from(round) / 10.0)).await;
        picloud = picloud.kill_and_restart().await;
        let acknowledged = deployed.await.unwrap();
        let mut found = Vec::new();
        for script in 0..SCRIPTS {
            found.push(picloud.text(&format!("/whole/s{script}")).await.1);
        }
        found.dedup();
        assert_eq!(found.len(), 1, "a mixture of releases: {found:?}");
        let there: i32 = found[0].parse().unwrap();
        assert!(there == round || there == last && !acknowledged, "{there} after {last}, acknowledged: {acknowledged}");
        let number = picloud.client.releases(&app).await.unwrap()[0].number;
        assert_eq!(number > 1, there > 0);
        last = there;
    }
    assert!(last > 0, "no deploy came through");
}

async fn stopping_answers_what_is_in_flight_and_records_it(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("drain").await;
    picloud.put(&app, "busy", "kv::incr(\"begun\"); for i in 0..300000 {} \"done\"", &[]).await;
    picloud.put(&app, "begun", "kv::get(\"begun\")", &[]).await;
    let in_flight = (0..8).map(|_| {
        let request = picloud.http.get(format!("{}/drain/busy", picloud.ingress)).send();
        tokio::spawn(async move { request.await.unwrap().text().await.unwrap() })
    });
    let in_flight: Vec<_> = in_flight.collect();
    let picloud_text = async || picloud.text("/drain/begun").await.1;
    crate::support::until("all to have begun", async || (picloud_text().await == "8").then_some(())).await;
    let started = Instant::now();
    let (status, setup) = tokio::task::spawn_blocking(move || picloud.stop()).await.unwrap();
    assert!(status.success());
    assert!(started.elapsed() < Duration::from_secs(30));
    for answer in in_flight {
        assert_eq!(answer.await.unwrap(), "done");
    }
    let picloud = setup.start().await;
    let script = picloud.client.script(&app, &script_name("busy")).await.unwrap();
    assert_eq!((script.totals.invocations, script.totals.failures, script.totals.dropped_records), (8, 0, 0));
}
