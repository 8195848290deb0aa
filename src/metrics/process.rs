//! What the system says of this process, under the names that Prometheus' own libraries use
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>). Only Linux tells.

use prometheus_client::registry::Registry;

/// Puts it among what is shown: a registry without a prefix.
#[cfg(not(target_os = "linux"))]
pub fn register(_: &mut Registry) {}

/// Puts it among what is shown: a registry without a prefix.
#[cfg(target_os = "linux")]
pub fn register(registry: &mut Registry) {
    if let Err(error) = linux::register(registry) {
        tracing::debug!(%error, "cannot tell what this process uses");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::atomic::AtomicU64;

    use procfs::process::{LimitValue, Process};
    use procfs::{ProcResult, WithCurrentSystemInfo, boot_time_secs, ticks_per_second};
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Registry;

    pub(super) fn register(registry: &mut Registry) -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = ticks_per_second() as f64;
        let seconds = Counter::<f64, AtomicU64>::default();
        seconds.inc_by((stat.utime + stat.stime) as f64 / ticks);
        let help = "Processor time that the process has used, in seconds";
        registry.register("process_cpu_seconds", help, seconds);
        let started = boot_time_secs()? as f64 + stat.starttime as f64 / ticks;
        let open_files = process.fd_count()? as f64;
        for (name, help, value) in [
            (
                "process_start_time_seconds",
                "When the process started, in seconds since 1970",
                started,
            ),
            (
                "process_resident_memory_bytes",
                "Memory that the process has in use",
                stat.rss_bytes().get() as f64,
            ),
            (
                "process_virtual_memory_bytes",
                "Addresses that the process has reserved",
                stat.vsize as f64,
            ),
            (
                "process_open_fds",
                "Files and connections that the process has open",
                open_files,
            ),
        ] {
            gauge(registry, name, help, value);
        }
        let help = "Files and connections that the process may have open";
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            gauge(registry, "process_max_fds", help, most as f64);
        }
        let help = "Threads that the process has";
        gauge(registry, "process_threads", help, stat.num_threads as f64);
        Ok(())
    }

    fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
        let set = Gauge::<f64, AtomicU64>::default();
        set.set(value);
        registry.register(name, help, set);
    }
}
