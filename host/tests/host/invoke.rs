//! Scripts that call one another: each in an instance of its own, all at the expense of the first.

use picloud_abi::{
    invocation::{Event, EventKind, Failure, FailureCode, Outcome, Program, Trigger},
    kv, scripts,
    seam::{Answer, Refusal, RefusalCode, Request},
};
use picloud_host::{Host, Image, Invoked, Left, Platform, Run, Settings};
use picloud_shared::limits::Limits;
use std::{
    collections::BTreeMap,
    future::pending,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::Notify;

const SLOTS: u32 = 4;

/// An app whose scripts call one another.
struct App {
    host: Host<Caller>,
    scripts: BTreeMap<&'static str, Arc<Image>>,
    /// Told when a script waits for a call that never ends.
    waits: Notify,
}

/// The platform of one of them.
#[derive(Debug, Default)]
struct Caller {
    /// What each called script was given and has burnt, in the order in which they ended.
    called: Vec<(String, Limits, u64, Outcome)>,
}

const SCRIPTS: [(&str, &str); 8] = [
    ("echo", "#{ kind: event.kind, payload: event.payload }"),
    ("burn", "for i in 0..event.payload.parse_int() { } 7"),
    ("spin", "let a = 1;\nloop {}"),
    ("wait", "kv::get(\"never\")"),
    ("fail", "\n throw \"no\""),
    ("relay", "scripts::invoke(\"burn\", event.payload)"),
    ("count", "for i in 0..event.payload { scripts::invoke(\"echo\") } event.payload"),
    ("publish", "for i in 0..event.payload { topics::publish(\"t\", i) }"),
];

async fn app() -> &'static App {
    static APP: OnceLock<App> = OnceLock::new();
    if let Some(app) = APP.get() {
        return app;
    }
    let settings = Settings { slots: Some(SLOTS), memory: Limits::default().memory, ..Settings::default() };
    let host = Host::new(&settings).unwrap();
    let mut scripts = BTreeMap::new();
    for (name, source) in SCRIPTS {
        scripts.insert(name, load(&host, source).await);
    }
    APP.get_or_init(|| App { host, scripts, waits: Notify::new() })
}

async fn load(host: &Host<Caller>, source: &str) -> Arc<Image> {
    let program = Program { name: "test".into(), source: source.into(), imports: Vec::new() };
    Arc::new(host.load(&program).await.unwrap().unwrap())
}

impl Platform for Caller {
    async fn call(&mut self, request: Request) -> Answer {
        match request {
            Request::Kv(_) => {
                app().await.waits.notify_one();
                pending().await
            }
            Request::Topics(_) => Answer::Topics(picloud_abi::topics::Answer::Published(0)),
            _ => Answer::Kv(kv::Answer::Stored),
        }
    }

    async fn invoke(&mut self, call: scripts::Call, left: Left) -> Invoked {
        let (name, limits) =
            (call.script.clone(), Limits { fuel: left.fuel, wall_time: left.time, ..Limits::default() });
        let run = called(call, limits.clone(), left).await;
        let answer = match &run.outcome {
            Outcome::Value(value) => Some(Answer::Scripts(scripts::Answer::Value(value.clone()))),
            Outcome::Failure(Failure { code: FailureCode::Timeout, .. }) => None,
            other => {
                let message = format!("{other:?}");
                Some(Answer::Refused(Refusal { code: RefusalCode::ScriptFailed, message }))
            }
        };
        self.called.extend(run.platform.called);
        self.called.push((name, limits, run.fuel, run.outcome));
        Invoked { fuel: run.fuel, allowances: run.allowances, answer }
    }
}

/// Boxed, since it may call itself.
fn called(call: scripts::Call, limits: Limits, left: Left) -> Pin<Box<dyn Future<Output = Run<Caller>> + Send>> {
    Box::pin(async move {
        let app = app().await;
        let trigger = event(call.payload);
        let image = &app.scripts[call.script.as_str()];
        app.host
            .invoke_within(image, &trigger, Caller::default(), &limits, left.allowances, pending())
            .await
            .expect("a slot is free")
    })
}

fn event(payload: String) -> Trigger {
    let kind = EventKind::Invoke;
    Trigger::Event(Event { id: "e".into(), kind, payload, attempt: 1, topic: None, scheduled_at: None })
}

async fn run_with(source: &str, limits: &Limits) -> Run<Caller> {
    let app = app().await;
    let image = load(&app.host, source).await;
    app.host.invoke(&image, &event("null".into()), Caller::default(), limits, pending()).await.unwrap()
}

async fn run(source: &str) -> Run<Caller> {
    run_with(source, &Limits::default()).await
}

fn value(run: &Run<Caller>) -> &str {
    match &run.outcome {
        Outcome::Value(value) => value,
        other => panic!("{other:?}"),
    }
}

fn failure(run: &Run<Caller>) -> &Failure {
    match &run.outcome {
        Outcome::Failure(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// Four slots are shared by all of these tests.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_script_is_given_a_payload_and_gives_its_value() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let told = run("[scripts::invoke(\"echo\", #{ n: [1, \"2\"] }), scripts::invoke(\"echo\")]").await;
    assert_eq!(value(&told), r#"[{"kind":"invoke","payload":{"n":[1,"2"]}},{"kind":"invoke","payload":null}]"#);
    assert_eq!(told.calls.iter().map(|call| call.name).collect::<Vec<_>>(), ["scripts.invoke"; 2]);
    let caught = run("try { scripts::invoke(\"fail\") } catch (e) { return e.code; }").await;
    assert_eq!(value(&caught), "\"script_failed\"");
    let uncaught = run("let a = 1;\n  scripts::invoke(\"fail\")").await;
    let failure = failure(&uncaught);
    assert_eq!((failure.code, failure.position.map(|at| (at.line, at.column))), (FailureCode::Error, Some((2, 12))));
}

/// What a caller burns itself does not depend on what it calls, and the sum is exact.
#[tokio::test]
async fn what_is_called_burns_its_callers_fuel_to_the_unit() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let mut own = Vec::new();
    // Less than a slice of fuel, and many; as texts of one length, which cost their caller the same.
    for rounds in ["100", "9000", "300000"] {
        let source = format!("scripts::invoke(\"burn\", \"{rounds:0>9}\") + scripts::invoke(\"relay\", \"100\")");
        let (first, again) = (run(&source).await, run(&source).await);
        assert_eq!(value(&first), "14");
        assert_eq!(first.fuel, again.fuel, "{rounds}");
        let burnt = |run: &Run<Caller>| {
            run.platform.called.iter().map(|(name, _, fuel, _)| (name.clone(), *fuel)).collect::<Vec<_>>()
        };
        assert_eq!(burnt(&first), burnt(&again));
        let [(_, burn), (_, inner), (_, relay)] = &burnt(&first)[..] else { panic!("{:?}", first.platform) };
        assert!(relay > inner, "what relay calls is counted to it");
        own.push(first.fuel - burn - relay);
    }
    assert_eq!(own, [own[0]; 3]);
}

#[tokio::test]
async fn what_is_called_has_what_is_left_of_the_fuel_and_its_caller_tells_the_line() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for fuel in [1_000_000, 30_000_000, 100_000_000] {
        let limits = Limits { fuel, ..Limits::default() };
        let source = "let a = 1;\n\ntry { scripts::invoke(\"spin\"); } catch { }\nloop {}";
        let (ended, again) = (run_with(source, &limits).await, run_with(source, &limits).await);
        let failure = failure(&ended);
        assert_eq!(failure.code, FailureCode::OutOfFuel);
        assert!(failure.position.is_some_and(|at| at.line >= 3), "{failure:?}");
        assert!(ended.fuel <= fuel && ended.fuel == again.fuel, "{} of {fuel}", ended.fuel);
        let [(_, given, burnt, outcome)] = &ended.platform.called[..] else { panic!() };
        assert!(given.fuel < fuel - 90_000 && *burnt <= given.fuel && *burnt > given.fuel / 2, "{burnt} of {given:?}");
        let Outcome::Failure(called) = outcome else { panic!("{outcome:?}") };
        assert_eq!((called.code, called.position.map(|at| at.line)), (FailureCode::OutOfFuel, Some(2)));
    }
}

#[tokio::test]
async fn calls_are_counted_over_all_that_call_one_another() {
    let _alone = ONE_AT_A_TIME.lock().await;
    // Five by the first, and four by what it calls: nine in all.
    let source = "let n = 0; for i in 0..4 { scripts::invoke(\"echo\"); n += 1; } n + scripts::invoke(\"count\", 4)";
    let limits = |script_calls| Limits { script_calls, ..Limits::default() };
    assert_eq!(value(&run_with(source, &limits(9)).await), "8");
    let ended = run_with(source, &limits(8)).await;
    assert!(failure(&ended).message.contains("an invocation may call other scripts 8 times"), "{:?}", ended.outcome);
    let caught = "try { scripts::invoke(\"echo\"); scripts::invoke(\"echo\") } catch (e) { return e.code; }";
    assert_eq!(value(&run_with(caught, &limits(1)).await), "\"quota\"");
    // So are the other calls.
    let source = "topics::publish(\"t\", 1); scripts::invoke(\"publish\", 3); topics::publish(\"t\", 1)";
    let limits = |topic_calls| Limits { topic_calls, ..Limits::default() };
    assert_eq!(value(&run_with(source, &limits(5)).await), "0");
    assert_eq!(failure(&run_with(source, &limits(4)).await).code, FailureCode::Quota);
}

#[tokio::test]
async fn time_that_ends_in_what_is_called_ends_both_and_frees_their_slots() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let app = app().await;
    let limits = Limits { wall_time: Duration::from_millis(60), fuel: 10_000_000_000, ..Limits::default() };
    for name in ["wait", "spin"] {
        let source = format!("try {{ scripts::invoke(\"{name}\") }} catch {{ }} 1");
        let ended = run_with(&source, &limits).await;
        assert_eq!(failure(&ended).code, FailureCode::Timeout, "{name}");
        let [(called, given, _, Outcome::Failure(why))] = &ended.platform.called[..] else { panic!("{ended:?}") };
        assert_eq!((called.as_str(), why.code), (name, FailureCode::Timeout));
        assert!(given.wall_time < limits.wall_time);
        assert_eq!(app.host.free_slots(), SLOTS as usize);
    }
}

#[tokio::test]
async fn what_is_called_ends_with_its_caller() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let app = app().await;
    let image = load(&app.host, "scripts::invoke(\"wait\")").await;
    let (trigger, limits) = (event("null".into()), Limits::default());
    for _ in 0..2 * SLOTS {
        let gone = async {
            app.waits.notified().await;
            assert_eq!(app.host.free_slots(), SLOTS as usize - 2);
        };
        let run = app.host.invoke(&image, &trigger, Caller::default(), &limits, gone).await.unwrap();
        assert_eq!(failure(&run).code, FailureCode::Cancelled);
        drop(run);
        assert_eq!(app.host.free_slots(), SLOTS as usize);
    }
}

#[tokio::test]
async fn nothing_is_called_while_a_script_is_loaded() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let library =
        picloud_abi::invocation::Library { name: "lib".into(), source: "let a = scripts::invoke(\"echo\");".into() };
    let program = Program { name: "test".into(), source: "import \"lib\" as l; 1".into(), imports: vec![library] };
    let diagnostic = app().await.host.load(&program).await.unwrap().unwrap_err();
    assert!(diagnostic.message.contains("nothing of the platform can be called"), "{diagnostic:?}");
}
