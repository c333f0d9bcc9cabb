//! What an invocation costs beside native Rhai, script by script, in one interleaved run:
//!
//!     cargo xtask bench engine
//!
//! `cached` is native Rhai with its engine and AST kept; `naive` makes both anew for each call, as a host would that
//! isolates no better than it must; `picloud` is a whole invocation, metered, capped, with its calls through the seam, in
//! an instance that is brought back to the script's image afterwards; `new` the same in a new instance each time
//! (`--new-instances`). All compute the same answer, which is checked.
//!
//! Each is run many times in a row, in turns with the others.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod native;
mod picloud;
mod scripts;

use native::Native;
use picloud::PiCloud;
use std::time::{Duration, Instant};

/// Rounds of one script: enough for a median that repeats, within a bounded time.
const ROUNDS: usize = 200;
const ROUNDS_TIME: Duration = Duration::from_secs(4);
const WARM_UP: usize = 2;
/// How long one contestant's turn is meant to take.
const TURN: Duration = Duration::from_millis(2);

fn main() {
    let (kept, new) = (PiCloud::start(false), PiCloud::start(true));
    println!(
        "{:<20} {:>10} {:>10} {:>10} {:>10}   {:>9} {:>9} {:>9}   runtime",
        "µs, median", "cached", "naive", "picloud", "new", "- cached", "/ cached", "/ naive"
    );
    let mut ratios = Vec::new();
    for script in scripts::all() {
        let native = Native::compile(&script.source);
        let (kept_image, new_image) = (kept.load(&script.source), new.load(&script.source));
        let runtime = kept_image.runtime();
        let expected = native.run();
        assert_eq!(native::run_naively(&script.source), expected, "{}", script.name);
        assert_eq!(kept.run(&kept_image, 2), expected, "{}", script.name);
        assert_eq!(new.run(&new_image, 2), expected, "{}", script.name);

        let mut contestants: [Contestant<'_>; 4] = [
            Contestant::new(|times| repeat(times, || native.run())),
            Contestant::new(|times| repeat(times, || native::run_naively(&script.source))),
            Contestant::new(|times| drop(kept.run(&kept_image, times))),
            Contestant::new(|times| drop(new.run(&new_image, times))),
        ];
        let started = Instant::now();
        for round in 0..ROUNDS + WARM_UP {
            if round > WARM_UP * 2 && started.elapsed() > ROUNDS_TIME {
                break;
            }
            for contestant in &mut contestants {
                contestant.turn(round >= WARM_UP);
            }
        }
        let [cached, naive, kept, new] = contestants.map(|contestant| median(contestant.microseconds));
        let (above, to_cached, to_naive) = (kept - cached, kept / cached, kept / naive);
        println!(
            "{:<20} {cached:>10.1} {naive:>10.1} {kept:>10.1} {new:>10.1}   {above:>9.1} {to_cached:>9.2} {to_naive:>9.2}   {runtime:?}",
            script.name
        );
        if script.cpu_bound {
            ratios.push(to_cached);
        }
    }
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    println!("\nCPU-bound scripts, geometric mean of picloud / cached: {mean:.2}");
}

/// One way to run a script, and how long a run took in each of its turns.
struct Contestant<'a> {
    run: Box<dyn Fn(usize) + 'a>,
    times: usize,
    microseconds: Vec<f64>,
}

impl<'a> Contestant<'a> {
    fn new(run: impl Fn(usize) + 'a) -> Self {
        let started = Instant::now();
        run(1);
        let times = (TURN.as_secs_f64() / started.elapsed().as_secs_f64()) as usize;
        Self { run: Box::new(run), times: times.max(1), microseconds: Vec::new() }
    }

    fn turn(&mut self, counts: bool) {
        let started = Instant::now();
        (self.run)(self.times);
        let elapsed = started.elapsed();
        if counts {
            self.microseconds.push(elapsed.as_secs_f64() * 1e6 / self.times as f64);
        }
    }
}

fn repeat<T>(times: usize, run: impl Fn() -> T) {
    for _ in 0..times {
        std::hint::black_box(run());
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
