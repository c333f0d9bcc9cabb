//! The load of `cargo xtask bench overload`. wrk sends the next request when the last is answered, so a slow server is
//! asked less; here requests leave when their time has come, and what they had to wait counts as latency.
//!
//!     load closed SECONDS CONNECTIONS URL
//!     load open SECONDS RATE URL [RATE URL]…
//!
//! prints one line of JSON for each URL.

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, StatusCode, Url};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::{
    env,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinSet,
};

/// How long answers are awaited once the last request has left.
const PATIENCE: Duration = Duration::from_secs(30);

/// One answer: the status, or none where the connection failed, and the time since the request was due.
struct Answer {
    stream: usize,
    status: Option<StatusCode>,
    latency: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let client = Client::builder().pool_max_idle_per_host(usize::MAX).timeout(PATIENCE).build()?;
    let (kind, seconds, rest) = match words[..] {
        [kind, seconds, ref rest @ ..] => (kind, seconds.parse().context("SECONDS")?, rest),
        _ => bail!("usage: load closed|open SECONDS …"),
    };
    let time = Duration::from_secs(seconds);
    match (kind, rest) {
        ("closed", [connections, url]) => {
            let answers = closed(&client, time, connections.parse().context("CONNECTIONS")?, url.parse()?).await;
            report(1, &answers, time)
        }
        ("open", streams) => {
            let (pairs, odd) = streams.as_chunks::<2>();
            ensure!(odd.is_empty() && !pairs.is_empty(), "each stream has a RATE and a URL");
            let streams = pairs.iter().map(|[rate, url]| Ok((rate.parse().context("RATE")?, url.parse()?)));
            let streams = streams.collect::<Result<Vec<(f64, Url)>>>()?;
            report(streams.len(), &open(&client, time, streams).await, time)
        }
        _ => bail!("usage: load closed SECONDS CONNECTIONS URL, or load open SECONDS RATE URL [RATE URL]…"),
    }
}

/// Each connection asks as soon as it is answered.
async fn closed(client: &Client, time: Duration, connections: usize, url: Url) -> Vec<Answer> {
    let end = Instant::now() + time;
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let (client, url) = (client.clone(), url.clone());
        asking.spawn(async move {
            let mut answers = Vec::new();
            while Instant::now() < end {
                answers.push(ask(&client, url.clone(), 0, Instant::now()).await);
            }
            answers
        });
    }
    asking.join_all().await.into_iter().flatten().collect()
}

/// Requests of each stream leave at even distances, whatever has become of those before.
async fn open(client: &Client, time: Duration, streams: Vec<(f64, Url)>) -> Vec<Answer> {
    let (answered, mut answers) = unbounded_channel();
    let begin = Instant::now();
    for (stream, (rate, url)) in streams.into_iter().enumerate() {
        tokio::spawn(send(client.clone(), stream, rate, url, begin, time, answered.clone()));
    }
    drop(answered);
    let mut all = Vec::new();
    // Ends when the last request has.
    while let Some(answer) = answers.recv().await {
        all.push(answer);
    }
    all
}

async fn send(
    client: Client,
    stream: usize,
    rate: f64,
    url: Url,
    begin: Instant,
    time: Duration,
    answered: UnboundedSender<Answer>,
) {
    let url = Arc::new(url);
    for number in 0..=u32::MAX {
        let due = Duration::from_secs_f64(f64::from(number) / rate);
        if due >= time {
            break;
        }
        let due = begin + due;
        // Behind its time it sends without a pause, but still lets the others run.
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        } else {
            tokio::task::yield_now().await;
        }
        let (client, url, answered) = (client.clone(), Arc::clone(&url), answered.clone());
        tokio::spawn(async move {
            let answer = ask(&client, Url::clone(&url), stream, due).await;
            // The receiver waits until every sender is gone.
            answered.send(answer).ok();
        });
    }
}

async fn ask(client: &Client, url: Url, stream: usize, due: Instant) -> Answer {
    let status = async {
        let response = client.get(url).send().await?;
        let status = response.status();
        response.bytes().await?;
        Ok::<_, reqwest::Error>(status)
    };
    let status = status.await.ok();
    Answer { stream, status, latency: due.elapsed() }
}

fn report(streams: usize, answers: &[Answer], time: Duration) -> Result<()> {
    for stream in 0..streams {
        let of_stream = || answers.iter().filter(|answer| answer.stream == stream);
        let count = |wanted: Option<u16>| of_stream().filter(|a| a.status.map(|s| s.as_u16()) == wanted).count();
        let good = of_stream().filter(|answer| answer.status.is_some_and(|status| status.is_success()));
        let mut latencies: Vec<f64> = good.map(|answer| answer.latency.as_secs_f64() * 1e3).collect();
        latencies.sort_by(f64::total_cmp);
        let percentile = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied();
        let line = json!({
            "sent": of_stream().count(),
            "good": latencies.len(),
            "good_per_second": latencies.len() as f64 / time.as_secs_f64(),
            "too_many": count(Some(429)),
            "overloaded": count(Some(503)),
            "broken": count(None),
            "p50_ms": percentile(0.5),
            "p99_ms": percentile(0.99),
        });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
