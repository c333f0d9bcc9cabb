//! Every limit ends a script with its own code, and leaves the pool as it was.

use crate::support::{InMemory, SLOTS, fail, host, load, request, respond, run, run_with};
use picloud_abi::invocation::{FailureCode, Outcome, Trigger};
use picloud_host::{Host, Settings};
use picloud_shared::limits::Limits;
use std::{future::pending, time::Duration};

#[tokio::test]
async fn endless_loops_end_at_their_fuel_with_the_line() {
    for (source, line) in
        [("let a = 1;\nloop {}", 2), ("\n\nwhile true { let x = 1; }", 3), ("fn f() {\n loop { 1 + 1; } }\nf()", 2)]
    {
        let failure = fail(source).await;
        assert_eq!(
            (failure.code, failure.position.map(|at| at.line)),
            (FailureCode::OutOfFuel, Some(line)),
            "{source}"
        );
    }
}

/// One call to a native function, and all the work in what it calls back.
#[tokio::test]
async fn fuel_that_ends_in_a_callback_ends_with_the_line() {
    let limits = Limits { fuel: 4_000_000, ..Limits::default() };
    for callback in ["map(|x| x + 1)", "filter(|x| x > 1)", "for_each(|| this += 1)", "sort(|a, b| b - a)"] {
        let run = run_with(&format!("let a = []; a.pad(2000, 1);\n\na.{callback}"), &limits).await;
        let Outcome::Failure(failure) = run.outcome else { panic!("{callback}") };
        let line = failure.position.map(|at| at.line);
        assert_eq!((failure.code, line), (FailureCode::OutOfFuel, Some(3)), "{callback}");
    }
}

/// However cheap they are for the script, they are not for the host.
#[tokio::test]
async fn random_bytes_cost_fuel_by_their_number() {
    let mut burnt = Vec::new();
    for count in ["00000", "00001", "10000", "60000"] {
        let source = format!("let n = \"{count}\".parse_int(); random::bytes(n); 1");
        let (first, again) = (run_with(&source, &Limits::default()).await, run_with(&source, &Limits::default()).await);
        assert_eq!(first.fuel, again.fuel, "{count}");
        burnt.push(first.fuel);
    }
    let each = |from: usize, to: usize, bytes: u64| (burnt[to] - burnt[from]) / bytes;
    assert!((30..35).contains(&each(2, 3, 50_000)), "{burnt:?}");
    assert!(burnt[1] - burnt[0] < 1_000, "{burnt:?}");
    // Who has no fuel for them is told the line.
    for fuel in [1_000_000, 30_000_000] {
        let limits = Limits { fuel, ..Limits::default() };
        let run = run_with("let a = 1;\nloop { a = random::bytes(65536); }", &limits).await;
        let Outcome::Failure(failure) = run.outcome else { panic!("{fuel}") };
        let line = failure.position.map(|at| at.line);
        assert_eq!((failure.code, line), (FailureCode::OutOfFuel, Some(2)), "{fuel}");
        assert!(run.fuel <= fuel && run.fuel > fuel / 2, "{} of {fuel}", run.fuel);
    }
}

/// The platform here would take it: what is refused is refused before anything of it is decoded.
#[tokio::test]
async fn no_call_takes_more_than_the_largest_file() {
    let limits = Limits { memory: 128 << 20, ..Limits::default() };
    let settings = Settings { slots: Some(1), memory: limits.memory, ..Settings::default() };
    let host = Host::<InMemory>::new(&settings).unwrap();
    let source = "try { kv::set(\"k\", blob(11_000_000)); } catch (refused) { return `${refused.code}: ${refused.message}`; } \"stored\"";
    let (image, trigger) = (load(&host, source).await, Trigger::Http(request()));
    let run = host.invoke(&image, &trigger, InMemory::default(), &limits, pending()).await.unwrap();
    let Outcome::Response(response) = run.outcome else { panic!("{:?}", run.outcome) };
    assert_eq!(String::from_utf8(response.body.into_vec()).unwrap(), "too_large: a call takes at most 10551296 bytes");
}

#[tokio::test]
async fn fuel_is_never_passed_however_small_the_limit() {
    for fuel in [1, 100, 10_000, 50_000, 100_000, 1_000_000] {
        let limits = Limits { fuel, ..Limits::default() };
        let run = run_with("loop {}", &limits).await;
        let Outcome::Failure(failure) = run.outcome else { panic!() };
        assert_eq!(failure.code, FailureCode::OutOfFuel);
        assert!(run.fuel <= fuel, "{} of {fuel}", run.fuel);
    }
}

#[tokio::test]
async fn catching_does_not_outlive_the_fuel() {
    assert_eq!(fail("loop { try { loop {} } catch { } }").await.code, FailureCode::OutOfFuel);
}

#[tokio::test]
async fn recursion_ends_with_the_line() {
    let failure = fail("fn f(n) {\n  f(n + 1)\n}\nf(0)").await;
    assert_eq!((failure.code, failure.position.map(|at| at.line)), (FailureCode::TooDeep, Some(2)));
    let mutual = "fn a(n) { b(n) } fn b(n) { [1].map(|x| a(x)); }\na(0)";
    assert_eq!(fail(mutual).await.code, FailureCode::TooDeep);
    // The deepest calls with the deepest expressions in each.
    let deep = format!("fn f(n) {{ {}f(n + 1){} }}\nf(0)", "1 + (".repeat(28), ")".repeat(28));
    let failure = fail(&deep).await;
    assert_eq!((failure.code, failure.position.is_some()), (FailureCode::TooDeep, true), "{failure:?}");
}

#[tokio::test]
async fn memory_bombs_end_out_of_memory() {
    for source in [
        "let s = \"x\"; loop { s += s; }",
        "let a = [0]; loop { a += a; }",
        "let b = blob(1000000000);",
        "let b = blob(1000000000, 1); b.len()",
        "let s = \"\"; s.pad(1000000000, 'x'); s.len()",
        "let a = []; a.pad(1000000000, 0);",
        "let m = #{}; let s = \"x\"; for i in 0..100000000 { m[s + i] = blob(1000); }",
        "let s = blob(1000000); let a = []; loop { a.push(s); }",
    ] {
        let failure = fail(source).await;
        let bounded = [FailureCode::OutOfMemory, FailureCode::OutOfFuel];
        assert!(bounded.contains(&failure.code), "{source}: {failure:?}");
    }
    assert_eq!(fail("blob(1000000000)").await.code, FailureCode::OutOfMemory);
    assert_eq!(fail("let s = \"x\"; loop { s += s; }").await.code, FailureCode::OutOfMemory);
    assert_eq!(fail("let s = \"x\"; s.pad(1000000000, ' ');").await.code, FailureCode::OutOfMemory);
    assert_eq!(fail("blob(9223372036854775807)").await.code, FailureCode::OutOfMemory);
}

/// Loading takes more memory than the guest has set aside, and so does each invocation.
#[tokio::test]
async fn a_program_that_grows_the_memory_runs_again() {
    let functions: String = (0..1_000).map(|n| format!("fn f{n}(x) {{ let y = x * {n}; y + 1 }}\n")).collect();
    let image = load(host(), &(functions + "let text = \"x\"; text.pad(3000000, 'x'); f999(text.len)")).await;
    for _ in 0..3 {
        let trigger = Trigger::Http(request());
        let run = host().invoke(&image, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
        let Outcome::Response(response) = run.outcome else { panic!("{:?}", run.outcome) };
        assert_eq!(response.body, b"2997000001");
    }
}

#[tokio::test]
async fn values_nested_without_end_are_bounded() {
    let failure = fail("let a = []; loop { a = [a]; }").await;
    assert!(
        [FailureCode::OutOfMemory, FailureCode::OutOfFuel, FailureCode::TooDeep].contains(&failure.code),
        "{failure:?}"
    );
    // Depths around what the stack holds: an answer or a failure of the script's, never a crash of the guest.
    for depth in [200, 1_000, 2_000] {
        let run = run(&format!("let a = []; for i in 0..{depth} {{ a = [a]; }} a")).await;
        assert!(
            !matches!(run.outcome, Outcome::Failure(ref failure) if failure.code == FailureCode::Crashed),
            "{depth}"
        );
    }
}

#[tokio::test]
async fn a_waiting_script_ends_at_its_wall_time() {
    let limits = Limits { wall_time: Duration::from_millis(50), ..Limits::default() };
    let platform = InMemory { stall: Duration::from_secs(3600), ..InMemory::default() };
    let (image, trigger) = (load(host(), "kv::get(\"x\")").await, Trigger::Http(request()));
    let run = host().invoke(&image, &trigger, platform, &limits, pending()).await.unwrap();
    let Outcome::Failure(failure) = run.outcome else { panic!() };
    assert_eq!(failure.code, FailureCode::Timeout);
    assert!(run.fuel > 0 && run.fuel < limits.fuel);
}

#[tokio::test]
async fn a_computing_script_ends_at_its_wall_time() {
    let limits = Limits { wall_time: Duration::from_millis(50), fuel: u64::MAX >> 1, ..Limits::default() };
    let run = run_with("let x = 1;\nloop {}", &limits).await;
    let Outcome::Failure(failure) = run.outcome else { panic!() };
    assert_eq!((failure.code, failure.position.map(|at| at.line)), (FailureCode::Timeout, Some(2)));
}

#[tokio::test]
async fn responses_and_calls_are_bounded() {
    assert_eq!(fail("blob(5000000)").await.code, FailureCode::ResponseTooLarge);
    let limits = Limits { kv_calls: 10, ..Limits::default() };
    let run = run_with("for i in 0..11 { kv::get(\"k\"); }", &limits).await;
    let Outcome::Failure(failure) = run.outcome else { panic!() };
    assert_eq!((failure.code, failure.position.is_some()), (FailureCode::Quota, true));
    let caught = "for i in 0..1000 { kv::get(\"k\"); } let r = (); try { kv::get(\"k\"); } catch (err) { r = [err.code, err.message]; } r";
    assert_eq!(respond(caught).await.body, br#"["quota","an invocation may call the key-value store 1000 times"]"#);
    // What names many keys counts as many calls.
    for (source, fits) in [
        ("kv::get_many([\"a\", \"b\", \"c\"]); for i in 0..7 { kv::get(\"k\"); }", true),
        ("kv::get_many([\"a\", \"b\", \"c\"]); for i in 0..8 { kv::get(\"k\"); }", false),
        ("kv::set_many(#{ a: 1, b: 2 }); kv::get_many([]); kv::entries(\"\"); for i in 0..6 { kv::ttl(\"k\"); }", true),
        (
            "kv::set_many(#{ a: 1, b: 2 }); kv::get_many([]); kv::entries(\"\"); for i in 0..7 { kv::ttl(\"k\"); }",
            false,
        ),
    ] {
        let run = run_with(source, &limits).await;
        assert_eq!(matches!(run.outcome, Outcome::Response(_)), fits, "{source}: {:?}", run.outcome);
    }
}

#[tokio::test]
async fn a_thousand_bombs_leave_the_pool_as_it_was() {
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    let limits = Limits { fuel: 20_000_000, ..Limits::default() };
    let bombs = [
        "loop {}",
        "fn f() { f() } f()",
        "let s = \"x\"; loop { s += s; }",
        "blob(1000000000)",
        "throw 1",
        "let s = \"\"; s.pad(1000000000, 'x')",
    ];
    let round = async |count: usize| {
        for bomb in bombs.iter().cycle().take(count) {
            let run = run_with(bomb, &limits).await;
            assert!(matches!(run.outcome, Outcome::Failure(_)), "{bomb}");
        }
    };
    round(100).await;
    let before = resident();
    round(1_000).await;
    let after = resident();
    assert!(after < before + (64 << 20), "resident memory went from {before} to {after} bytes");
    assert!(respond("\"well\"").await.body == b"well");
}

#[tokio::test]
async fn a_full_pool_says_so_and_recovers() {
    let host = crate::support::host_for(picloud_host::Target::Native);
    let waiting = InMemory::default;
    let image = load(&host, "kv::get(\"x\")").await;
    let (trigger, limits) = (Trigger::Http(request()), Limits::default());
    let slow = || InMemory { stall: Duration::from_millis(300), ..waiting() };
    let mut taken: Vec<_> =
        (0..SLOTS).map(|_| Box::pin(host.invoke(&image, &trigger, slow(), &limits, pending()))).collect();
    for run in &mut taken {
        assert!(futures_pending(run).await);
    }
    assert_eq!(host.free_slots(), 0);
    let refused = host.invoke(&image, &trigger, waiting(), &limits, pending()).await;
    assert!(matches!(refused, Err(picloud_host::HostError::Overloaded)));
    // Each may call, all at once.
    for run in &mut taken {
        assert!(futures_pending(run).await);
    }
    // Half of them are cancelled, as when clients hang up; the others end.
    taken.truncate(SLOTS as usize / 2);
    assert_eq!(host.free_slots(), SLOTS as usize / 2);
    for run in taken {
        let outcome = run.await.unwrap().outcome;
        assert!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
    }
    assert_eq!(host.free_slots(), SLOTS as usize);
    host.invoke(&image, &trigger, waiting(), &limits, pending()).await.unwrap();
    let _ = run("1").await;
}

/// Polls once; says whether it waits.
async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}
