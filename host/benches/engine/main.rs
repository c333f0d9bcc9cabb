//! What an invocation costs beside native Rhai, script by script, in one interleaved run:
//!
//!     cargo xtask bench engine
//!
//! `cached` is native Rhai with its engine and AST kept; `naive` makes both anew for each call, as a host would that
//! isolates no better than it must; `picloud` is a whole invocation in a fresh instance: metered, capped, with its calls
//! through the seam. All three compute the same answer, which is checked.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod native;
mod picloud;
mod scripts;

use native::Native;
use picloud::PiCloud;
use std::time::{Duration, Instant};

/// Rounds of one script: enough for a median that repeats, within a bounded time.
const ROUNDS: usize = 2_000;
const ROUNDS_TIME: Duration = Duration::from_secs(4);
const WARM_UP: usize = 20;

fn main() {
    let picloud = PiCloud::start();
    println!(
        "{:<20} {:>10} {:>10} {:>10}   {:>9} {:>9}",
        "µs, median", "cached", "naive", "picloud", "/ cached", "/ naive"
    );
    let mut ratios = Vec::new();
    for script in scripts::all() {
        let native = Native::compile(&script.source);
        let program = picloud.program(&script.source);
        let expected = native.run();
        assert_eq!(native::run_naively(&script.source), expected, "{}", script.name);
        assert_eq!(picloud.run(&program), expected, "{}", script.name);

        let (mut cached, mut naive, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        let started = Instant::now();
        for round in 0..ROUNDS + WARM_UP {
            if round == WARM_UP {
                (cached, naive, whole) = Default::default();
            }
            if round > WARM_UP * 2 && started.elapsed() > ROUNDS_TIME {
                break;
            }
            cached.push(time(|| native.run()));
            naive.push(time(|| native::run_naively(&script.source)));
            whole.push(time(|| picloud.run(&program)));
        }
        let (cached, naive, whole) = (median(cached), median(naive), median(whole));
        let (to_cached, to_naive) = (whole / cached, whole / naive);
        println!("{:<20} {cached:>10.1} {naive:>10.1} {whole:>10.1}   {to_cached:>9.2} {to_naive:>9.2}", script.name);
        if script.cpu_bound {
            ratios.push(to_cached);
        }
    }
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    println!("\nCPU-bound scripts, geometric mean of picloud / cached: {mean:.2}");
}

/// Microseconds.
fn time<T>(run: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    let result = std::hint::black_box(run());
    let elapsed = started.elapsed();
    drop(result);
    elapsed.as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
