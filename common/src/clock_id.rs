//! A name for this machine's clock, so that a receiver knows a transmitter's time stamps as its own.

/// The first 32 bits of the kernel's boot id (`/proc/sys/kernel/random/boot_id`): the same in all processes of a
/// machine until it is booted again. `None` where there is none.
#[must_use]
pub fn read() -> Option<u32> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    u32::from_str_radix(boot_id.get(..8)?, 16).ok().filter(|id| *id != 0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_stays_the_same() {
        assert_eq!(super::read(), super::read());
    }
}
