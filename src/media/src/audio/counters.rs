//! What the threads for sound have counted, for metrics.

use crate::counters::counters;

counters! {
    /// What is there now (`legs`, `browsers`, `conferences`, `ports_in_use`, `mixing_threads`, `realtime_threads`) and was
    /// counted since the beginning, all threads together.
    {
        /// Legs that are open.
        legs,
        /// Browsers that are connected or about to be.
        browsers,
        /// Calls with a leg or a matrix.
        conferences,
        /// Pairs of ports that are used or rest.
        ports_in_use,
        /// Mixing threads.
        mixing_threads,
        /// Mixing threads to which the system gives real time. Less than `mixing_threads`: sound may stutter under load.
        realtime_threads,
        /// Ticks.
        ticks,
        /// Ticks that began 5 ms late or more.
        late_ticks,
        /// Ticks that were left out, because the thread was not run for 200 ms.
        skipped_ticks,
        /// Nanoseconds spent in ticks.
        busy_nanos,
        /// The longest tick, in nanoseconds; of several threads their sum.
        longest_tick_nanos,
        /// RTP packets taken.
        received,
        /// RTP packets given to the system.
        sent,
        /// RTP packets that the system would not take.
        unsent,
        /// Datagrams from elsewhere than the telephone that was agreed with, or that are no RTP.
        stray,
        /// Frames between mixing threads and browsers that found no room.
        overrun,
        /// Commands that found no room. Never, unless a thread hangs.
        refused_commands,
        /// Last words about legs that were over that nobody took in time: some of how they went is not known.
        untold,
        /// Faults of a library that one browser's connection was closed for.
        panics,
    }
}
