//! What the server's process and the machine used, read from /proc.

use std::{fs, path::Path};

use anyhow::Context as _;

/// Ticks of the kernel's CPU counters in one second; the same on every Linux that we run on.
const TICKS: f64 = 100.0;

/// A process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

/// CPU time used up to an instant, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    server: f64,
    own: f64,
    machine: f64,
}

/// CPU time between two instants, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuUsed {
    /// By the server.
    pub(crate) server: f64,
    /// By this program.
    pub(crate) own: f64,
    /// By everybody else on the machine: how much the figures were disturbed.
    pub(crate) others: f64,
}

impl Process {
    /// The process with this number, or the one that listens on `port`.
    pub(crate) fn find(pid: Option<u32>, port: u16) -> anyhow::Result<Self> {
        let pid = match pid {
            Some(pid) => pid,
            None => listener(port).with_context(|| format!("no process of ours listens on port {port}: give --pid"))?,
        };
        anyhow::ensure!(Path::new(&format!("/proc/{pid}/status")).exists(), "there is no process {pid} (--pid)");
        Ok(Self(pid))
    }

    /// Resident memory now, in KiB.
    pub(crate) fn rss_kib(self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory so far, in KiB.
    pub(crate) fn peak_rss_kib(self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// CPU time used until now.
    pub(crate) fn cpu(self) -> Cpu {
        Cpu { server: used(&self.0.to_string()), own: used("self"), machine: machine() }
    }
}

impl Cpu {
    /// What was used from here to `end`.
    pub(crate) fn until(self, end: Self) -> CpuUsed {
        let (server, own) = (end.server - self.server, end.own - self.own);
        CpuUsed { server, own, others: (end.machine - self.machine - server - own).max(0.0) }
    }
}

/// Seconds of CPU that a process has used, in user and kernel mode.
fn used(pid: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; user and kernel time are fields 14 and 15.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// Seconds of CPU that the whole machine has used.
fn machine() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user nice system idle iowait irq softirq: without the two that mean waiting.
    let busy = fields.take(7).enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    busy.filter_map(|(_, ticks)| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// Who listens on a TCP port, if it is a process that we may look into.
fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let wanted = format!(":{port:04X}");
    let inode = tables.iter().flat_map(|table| table.lines()).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // 0A: listening.
        (fields.get(1)?.ends_with(&wanted) && *fields.get(3)? == "0A").then(|| format!("socket:[{}]", fields[9]))
    })?;
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        files.any(|file| fs::read_link(file.path()).is_ok_and(|to| to.to_str() == Some(&inode))).then_some(pid)
    })
}

/// Datagrams that came to a UDP port of this machine and were dropped, because whoever reads it had not made room.
pub(crate) fn dropped_at(port: u16) -> u64 {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let wanted = format!(":{port:04X}");
    let of_port = tables.iter().flat_map(|table| table.lines()).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1)?.ends_with(&wanted).then(|| fields.last()?.parse::<u64>().ok()).flatten()
    });
    of_port.sum()
}

/// The most files that this process may open.
pub(crate) fn open_files_limit() -> u32 {
    let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_process_is_found_by_its_port() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let process = Process::find(None, port).unwrap();
        assert_eq!(process.0, std::process::id());
        assert!(process.rss_kib() > 100 && process.peak_rss_kib() >= process.rss_kib());
        drop(socket);
        assert!(Process::find(None, port).is_err());
        assert!(open_files_limit() > 0);
    }

    #[test]
    fn what_a_socket_has_no_room_for_is_counted_at_its_port() {
        let [reader, writer] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = reader.local_addr().unwrap();
        assert_eq!(dropped_at(to.port()), 0);
        // Nobody reads: its buffer is full some time.
        for _ in 0..10_000 {
            writer.send_to(&[0; 1_000], to).unwrap();
        }
        assert!(dropped_at(to.port()) > 0);
    }
}
