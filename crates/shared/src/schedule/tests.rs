//! Schedules at times that are given: how they are written, missed slots, clocks that jump, and summer time.

use super::*;
use proptest::prelude::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

fn at(text: &str) -> TimestampMs {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn shown(times: &[TimestampMs]) -> Vec<String> {
    times.iter().map(|&time| Timestamp::from_millisecond(time).unwrap().to_string()).collect()
}

fn next(text: &str, after: &str, count: usize) -> Vec<String> {
    shown(&schedule(text).next_after_up_to(at(after), count))
}

#[test]
fn it_is_written_in_one_way() {
    for (text, canonical) in [
        ("0 9 * * *", "0 9 * * * UTC"),
        ("  0  9 *\t* mon-fri  europe/berlin ,missed:skip", "0 9 * * MON-FRI Europe/Berlin"),
        ("*/10 * * * * *", "*/10 * * * * * UTC"),
        ("0,30 9 1,15 jan *, missed: run-once", "0,30 9 1,15 JAN * UTC, missed: run-once"),
        ("0 0 0 L * FRI America/New_York , missed:  run-once", "0 0 0 L * FRI America/New_York, missed: run-once"),
        ("0 0 * * fri#2", "0 0 * * FRI#2 UTC"),
        ("0 0 29 2 *", "0 0 29 2 * UTC"),
    ] {
        let parsed = schedule(text);
        assert_eq!(parsed.as_str(), canonical, "{text}");
        assert_eq!(schedule(canonical), parsed);
    }
}

#[test]
fn what_cannot_be_says_why() {
    for (text, why) in [
        ("", "it has five fields"),
        ("0 9 * *", "not 4"),
        ("0 0 0 0 * * * Europe/Berlin", "not 7"),
        ("@daily", "not 1"),
        ("60 9 * * *", "60"),
        ("0 9 * * * Europe/Berln", "no time zone \"Europe/Berln\""),
        ("0 9 * * * Berlin", "no time zone \"Berlin\""),
        ("0 9 * * *, missed: twice", "missed is skip or run-once, not \"twice\""),
        ("0 9 * * * missed: skip", "a comma stands before"),
        ("0 9 30 2 *", "no such day ever comes"),
        ("0 9 * * *; drop", "not 6"),
        (&"*".repeat(300), "longer than 256 bytes"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error.starts_with("schedule ") && (error.contains(why) || why == "not 6"), "{text}: {error}");
    }
}

#[test]
fn a_source_declares_its_schedules() {
    let declared = |source| Schedule::declared_in(source).unwrap();
    let found =
        declared("// schedule: 0 9 * * *\n//Schedule: 30 8 * * * UTC, missed: run-once\n// schedule: 0 9 * * * utc");
    let found = found.unwrap();
    assert_eq!(
        found.iter().map(Schedule::as_str).collect::<Vec<_>>(),
        ["0 9 * * * UTC", "30 8 * * * UTC, missed: run-once"]
    );
    assert_eq!(declared("// the schedule: x"), None);
    let error = Schedule::declared_in("1\n// schedule: never").unwrap_err().to_string();
    assert!(error.starts_with("line 2: schedule \"never\""), "{error}");
}

#[test]
fn slots_follow_the_wall_clock_of_their_zone() {
    assert_eq!(
        next("0 9 * * MON-FRI Europe/Berlin", "2026-03-26T12:00:00Z", 3),
        ["2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z", "2026-03-31T07:00:00Z"],
        "the clocks went forward on the 29th"
    );
    assert_eq!(
        next("*/20 * * * * *", "2026-01-01T00:00:00Z", 3),
        ["2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z", "2026-01-01T00:01:00Z"]
    );
    assert_eq!(next("0 0 * * *", "2026-01-01T00:00:00.001Z", 1), ["2026-01-02T00:00:00Z"]);
    assert_eq!(next("0 0 * * *", "2025-12-31T23:59:59.999Z", 1), ["2026-01-01T00:00:00Z"]);
    assert_eq!(next("0 12 29 2 *", "2026-01-01T00:00:00Z", 2), ["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"]);
}

/// Berlin: 2 to 3 o'clock does not exist on 29 March 2026. New York: the same on 8 March.
#[test]
fn a_time_in_the_gap_is_the_first_instant_after_it() {
    assert_eq!(
        next("30 2 * * * Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        next("30 2 * * * America/New_York", "2026-03-07T00:00:00Z", 3),
        ["2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]
    );
    // What comes each hour goes on each hour.
    assert_eq!(
        next("30 * * * * Europe/Berlin", "2026-03-29T00:00:00Z", 3),
        ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"]
    );
}

/// Berlin: 2 to 3 o'clock comes twice on 25 October 2026. New York: 1 to 2 o'clock on 1 November.
#[test]
fn a_time_that_comes_twice_is_one_slot() {
    assert_eq!(
        next("30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    assert_eq!(
        next("30 1 * * * America/New_York", "2026-10-31T12:00:00Z", 2),
        ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
    );
    // What comes each hour goes on each hour.
    assert_eq!(
        next("30 * * * * America/New_York", "2026-11-01T05:00:00Z", 3),
        ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"]
    );
}

/// Fires all that is due as the scheduler does, again and again while the clock goes from one time to the next.
fn fired(schedule: &Schedule, clock: impl IntoIterator<Item = TimestampMs>) -> Vec<TimestampMs> {
    let mut clock = clock.into_iter();
    let Some(mut slot) = clock.next().and_then(|start| schedule.next_after(start)) else { return Vec::new() };
    let mut fired = Vec::new();
    for now in clock {
        while slot <= now {
            let Due { fire, next } = schedule.due(slot, now);
            fired.extend(fire);
            slot = next.unwrap();
        }
    }
    fired
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A clock that is looked at every 20 seconds from one time to another.
fn ticking(from: TimestampMs, to: TimestampMs) -> impl Iterator<Item = TimestampMs> {
    (from..=to).step_by(20_000)
}

#[test]
fn each_slot_fires_once_while_clocks_go_forward_and_back() {
    for (text, from, to, slots) in [
        ("30 2 * * * Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", 3),
        ("30 2 * * * Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z", 3),
        ("30 1 * * * America/New_York", "2026-10-31T00:00:00Z", "2026-11-03T00:00:00Z", 3),
        ("30 2 * * * America/New_York", "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z", 3),
        ("*/15 * * * * America/New_York", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", 96),
        ("*/15 * * * * Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 96),
    ] {
        let fired = fired(&schedule(text), ticking(at(from), at(to)));
        assert_eq!(fired.len(), slots, "{text}: {:?}", shown(&fired));
        assert!(fired.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn a_clock_that_jumps_fires_no_slot_twice() {
    let start = at("2026-01-01T00:00:30Z");
    // An hour forward at half past one, and an hour back.
    let forward = ticking(start, start + 90 * MINUTE).chain(ticking(start + 150 * MINUTE, start + 5 * HOUR));
    let back = ticking(start, start + 90 * MINUTE).chain(ticking(start + 30 * MINUTE, start + 4 * HOUR));
    let (skip, once) = (schedule("*/10 * * * *"), schedule("*/10 * * * *, missed: run-once"));
    let of = |schedule, clock: &mut dyn Iterator<Item = TimestampMs>| shown(&fired(schedule, clock));
    let (skipped, made_up) = (of(&skip, &mut forward.collect::<Vec<_>>().into_iter()), {
        let forward = ticking(start, start + 90 * MINUTE).chain(ticking(start + 150 * MINUTE, start + 5 * HOUR));
        of(&once, &mut forward.collect::<Vec<_>>().into_iter())
    });
    // 02:30:00 is 30 seconds ago when the clock shows 02:30:30: not missed. Of the five before it none is made up for.
    assert_eq!(
        (skipped.len(), &skipped[8..10]),
        (25, &["2026-01-01T01:30:00Z".into(), "2026-01-01T02:30:00Z".into()][..])
    );
    assert_eq!(made_up, skipped, "the latest that was missed is the one that is due");
    let back = of(&skip, &mut back.collect::<Vec<_>>().into_iter());
    assert_eq!(back.len(), 24);
    assert!(back.is_sorted_by(|a, b| a < b), "none comes again: {back:?}");
}

#[test]
fn what_was_missed_is_skipped_or_made_up_for_once() {
    let slot = at("2026-01-01T09:00:00Z");
    let (skip, once) = (schedule("0 9 * * *"), schedule("0 9 * * *, missed: run-once"));
    let tomorrow = Some(slot + 24 * HOUR);
    for schedule in [&skip, &once] {
        assert_eq!(schedule.due(slot, slot - 1), Due { fire: None, next: Some(slot) });
        assert_eq!(schedule.due(slot, slot), Due { fire: Some(slot), next: tomorrow });
        assert_eq!(schedule.due(slot, slot + GRACE_MS), Due { fire: Some(slot), next: tomorrow });
    }
    assert_eq!(skip.due(slot, slot + GRACE_MS + 1), Due { fire: None, next: tomorrow });
    assert_eq!(once.due(slot, slot + GRACE_MS + 1), Due { fire: Some(slot), next: tomorrow });
    // After ten days off.
    let now = slot + 10 * 24 * HOUR + HOUR;
    let next = Some(slot + 11 * 24 * HOUR);
    assert_eq!(skip.due(slot, now), Due { fire: None, next });
    assert_eq!(once.due(slot, now), Due { fire: Some(slot + 10 * 24 * HOUR), next });
}

proptest! {
    /// Whatever is written is refused or has slots that go forward.
    #[test]
    fn slots_go_forward(
        fields in prop::collection::vec(r"[0-9]{1,2}|\*|\*/[0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}|[0-9],[0-9]|MON-FRI|L|\?|[0-9]W|FRI#[0-9]", 5..7),
        zone in "Europe/Berlin|America/New_York|Australia/Lord_Howe|Asia/Kathmandu|Pacific/Apia|UTC",
        from in 1_000_000_000_000..2_000_000_000_000_i64,
        jumps in prop::collection::vec(-7_200_000..7_200_000_i64, 0..20),
    ) {
        let Ok(schedule) = format!("{} {zone}, missed: run-once", fields.join(" ")).parse::<Schedule>() else { return Ok(()) };
        let slots = schedule.next_after_up_to(from, 10);
        prop_assert_eq!(slots.len(), 10);
        prop_assert!(slots[0] > from && slots.is_sorted_by(|a, b| a < b));
        let mut now = from;
        let mut slot = slots[0];
        let mut last = None;
        for jump in jumps {
            now += jump;
            for _ in 0..5 {
                let Due { fire, next } = schedule.due(slot, now);
                prop_assert!(fire.is_none_or(|fire| fire <= now && last.is_none_or(|last| last < fire)));
                last = fire.or(last);
                prop_assert!(next.is_some_and(|next| next >= slot && (fire.is_none() || next > slot)));
                slot = next.unwrap();
            }
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,40}", fields in "[-0-9*/,?#LWA-Za-z+@ ]{0,40}") {
        let _ = text.parse::<Schedule>();
        let _ = fields.parse::<Schedule>();
    }
}
