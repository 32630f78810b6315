//! What a consumer tells about its own effort, in the variants that measure it.

use labs::Kit;
use rustix::time::{ClockId, clock_gettime};

/// Tells how often the consumer asked for a message, and the processor time of its process.
pub fn tell(kit: &Kit, asked: u64, messages: u64) {
    if messages > 0 {
        kit.figure("polls_per_message", asked as f64 / messages as f64, "polls");
    }
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    kit.figure("cpu_seconds", cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9, "s");
}
