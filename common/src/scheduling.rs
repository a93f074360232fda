//! Threads that are to run the moment they have work: real-time scheduling, where the machine permits it.
#![expect(unsafe_code, reason = "no crate sets the policy with its flag for threads made later")]

use libc::{SCHED_FIFO, SCHED_RESET_ON_FORK, c_int, sched_param, sched_setscheduler};
use rustix::process::{Resource, Rlimit, getpriority_process, setpriority_process, setrlimit};
use serde::Serialize;

/// Above every ordinary thread; below the kernel's interrupt threads, which have 50 (sched(7)).
const REAL_TIME_PRIORITY: c_int = 20;
/// Before ordinary threads, the display server among them, which gets its share all the same: real time could starve it.
const PREFERRED_NICE: i32 = -10;

/// How the kernel schedules a thread that must not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduling {
    /// `SCHED_FIFO`: it runs before every ordinary thread.
    RealTime,
    /// As any other: real time takes `CAP_SYS_NICE` or a limit of real-time priority (`RLIMIT_RTPRIO`) of 20.
    Ordinary,
}

/// Asks for real-time scheduling of the calling thread, for one that does little and that little at once. Threads and
/// processes it makes later are ordinary. Where it is refused, [`prefer`] is what is left.
#[must_use]
pub fn real_time() -> Scheduling {
    let parameters = sched_param { sched_priority: REAL_TIME_PRIORITY };
    // SAFETY: 0 is the calling thread; the parameters are read during the call only.
    let refused = unsafe { sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &raw const parameters) } != 0;
    if refused {
        prefer();
        return Scheduling::Ordinary;
    }
    Scheduling::RealTime
}

/// Leaves the permission to ask for real time to no process made from here on.
pub fn keep_real_time() {
    // Best effort: what is started is the user's own encoder.
    let _ = setrlimit(Resource::Rtprio, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Asks that the calling thread runs before other ordinary ones: for work that may take a core for itself, as decoding
/// does. Where it is not permitted the thread stays as it is.
pub fn prefer() {
    // On Linux this is the calling thread alone (setpriority(2), "C library/kernel differences").
    if getpriority_process(None).is_ok_and(|nice| nice > PREFERRED_NICE) {
        let _ = setpriority_process(None, PREFERRED_NICE);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "scheduling is a matter of threads")]

    use std::thread;

    use super::*;

    /// The policy of the calling thread, with its flag.
    fn policy() -> c_int {
        // SAFETY: 0 is the calling thread.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn a_thread_is_scheduled_as_is_said_and_what_it_makes_is_ordinary() {
        thread::spawn(|| {
            let expected = match real_time() {
                Scheduling::RealTime => SCHED_FIFO | SCHED_RESET_ON_FORK,
                Scheduling::Ordinary => libc::SCHED_OTHER,
            };
            assert_eq!(policy(), expected);
            assert_eq!(thread::spawn(policy).join().unwrap(), libc::SCHED_OTHER);
        })
        .join()
        .unwrap();
        assert_eq!(policy(), libc::SCHED_OTHER);
    }

    #[test]
    fn a_preferred_thread_leaves_the_others_as_they_are() {
        let nice = || getpriority_process(None).unwrap();
        let before = nice();
        thread::spawn(move || {
            prefer();
            assert!([before, PREFERRED_NICE].contains(&nice()));
        })
        .join()
        .unwrap();
        assert_eq!(nice(), before);
    }
}
