//! Being woken every 20 ms, on time: absolute deadlines of the monotonic clock, and a thread that goes before others.

use std::time::Duration;

use rustix::{
    process::setpriority_process,
    thread::{ClockId, Timespec, clock_nanosleep_absolute, gettid},
    time::clock_gettime,
};
use thread_priority::{
    RealtimeThreadSchedulePolicy::RoundRobin, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Of 1 to 99: before everything that is not real time, behind what the system itself needs.
const PRIORITY: u8 = 20;
/// Where real time is not allowed.
const NICE: i32 = -10;

/// What the system has given to a mixing thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// `SCHED_RR`: it runs when it is due, whatever else runs.
    RealTime,
    /// A better place among others.
    Nice,
    /// Nothing: it takes its turn like everybody.
    Nothing,
}

/// Asks for the best that this thread may have. It starts no threads and no programs, so nobody inherits it.
pub(crate) fn ask() -> Given {
    let priority = ThreadPriorityValue::try_from(PRIORITY).map(ThreadPriority::Crossplatform);
    let policy = ThreadSchedulePolicy::Realtime(RoundRobin);
    if let Ok(priority) = priority
        && set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok()
    {
        return Given::RealTime;
    }
    if setpriority_process(Some(gettid()), NICE).is_ok() { Given::Nice } else { Given::Nothing }
}

/// Monotonic time, in microseconds.
pub(crate) fn micros() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000
}

/// Until then.
pub(crate) fn sleep_until(micros: u64) {
    let at = Duration::from_micros(micros);
    let at =
        Timespec { tv_sec: i64::try_from(at.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(at.subsec_nanos()) };
    // A signal wakes too early.
    while clock_nanosleep_absolute(ClockId::Monotonic, &at) == Err(rustix::io::Errno::INTR) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_woken_too_early() {
        let begin = micros();
        for n in 1..=5 {
            sleep_until(begin + n * 2_000);
            assert!(micros() >= begin + n * 2_000);
        }
        // What has passed already takes no time.
        let begin = micros();
        sleep_until(begin.saturating_sub(1_000_000));
        assert!(micros() - begin < 1_000_000);
    }
}
