//! Hearing that somebody has set the machine's clock. What sleeps until a time sleeps for a duration, so it must look
//! again when that happens; to look again and again instead would wake an idle process.

use rustix::{
    io::{Errno, read},
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime},
};
use std::{io, os::fd::OwnedFd};
use tokio::io::{Interest, unix::AsyncFd};

/// A timer of the wall clock that never ends, but that the kernel cancels when the clock is set and when the machine wakes
/// from suspension.
#[derive(Debug)]
pub(super) struct ClockSet(AsyncFd<OwnedFd>);

/// The year 2255, since the kernel counts in nanoseconds.
const NEVER: Timespec = Timespec { tv_sec: 9_000_000_000, tv_nsec: 0 };

impl ClockSet {
    /// Hears of changes from now on.
    ///
    /// # Errors
    /// When the kernel gives no such timer.
    pub(super) fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let until = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: NEVER };
        timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &until)?;
        #[expect(
            deprecated,
            reason = "unsound for what does not own its descriptor; what takes its place is unsafe code"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self(timer))
    }

    /// Ends when the clock has been set.
    ///
    /// # Errors
    /// When the timer cannot be read.
    pub(super) async fn heard(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            // It stays armed: the kernel tells of a change once and waits for the next.
            match read(self.0.get_ref(), &mut [0; 8]) {
                Err(Errno::AGAIN | Errno::INTR) => ready.clear_ready(),
                Err(Errno::CANCELED) | Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
