//! Ports that have to be known before somebody listens there.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Below the ports that the system gives to whoever asks for any (Linux: from 32 768) and below those of the server's telephone
/// legs (from 20 000): a connection that another test opens can't take one away between the question and its use.
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 100;
/// Ports of a process.
const BLOCK: u16 = 100;

/// A block that is this process's own until it ends: tests run in many processes at once.
struct Block {
    begin: u16,
    next: u16,
    /// Locked as long as it is open.
    _lock: File,
}

impl Block {
    /// The first that nobody has; who has one is seen by the locks in this folder.
    fn claim(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let claim = |block: u16| {
            let lock = File::create(folder.join(block.to_string())).ok()?;
            lock.try_lock().ok()?;
            let begin = FIRST + block * BLOCK;
            Some(Self { begin, next: begin, _lock: lock })
        };
        (0..BLOCKS).find_map(claim).expect("a block of ports that nobody has (a file in the folder that can be locked)")
    }

    /// The next two, whether they are free or not: round and round, so that one that was just in use has time to be given back.
    fn pair(&mut self) -> u16 {
        let port = self.next;
        self.next = if port + 2 < self.begin + BLOCK { port + 2 } else { self.begin };
        port
    }
}

/// An even port of this machine that is free by UDP and TCP, as is the next (`baresip` takes that for TLS). Nobody else who asks
/// here is given it.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    static BLOCK_OF_THIS: Mutex<Option<Block>> = Mutex::new(None);
    let is_free = |port| {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    let mut block = BLOCK_OF_THIS.lock().unwrap_or_else(PoisonError::into_inner);
    let block = block.get_or_insert_with(|| Block::claim(&env::temp_dir().join("bangban-ports")));
    (0..BLOCK / 2)
        .map(|_| block.pair())
        .find(|port| is_free(*port) && is_free(port + 1))
        .expect("two ports of a block are free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_of_pairs_that_nobody_has_and_come_again_only_after_all_others() {
        let held = free_port();
        let _held = UdpSocket::bind((Ipv4Addr::LOCALHOST, held + 1)).expect("it is free");
        let others: Vec<u16> = (0..BLOCK).map(|_| free_port()).collect();
        assert!(others.iter().all(|port| port % 2 == 0 && *port != held), "{held} in {others:?}");
        assert!(others.iter().all(|port| port / BLOCK == held / BLOCK), "{held} and {others:?}");
        let half = usize::from(BLOCK) / 2 - 1;
        assert_eq!(others[..half].iter().collect::<std::collections::HashSet<_>>().len(), half, "{others:?}");
    }

    #[test]
    fn a_block_is_of_one_process_until_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = || Block::claim(folder.path());
        let (first, second) = (claim(), claim());
        assert_eq!((first.begin, second.begin), (FIRST, FIRST + BLOCK));
        drop(first);
        assert_eq!(claim().begin, FIRST);
    }
}
