//! A WebSocket client that costs little: it shares two cores with the server it measures. No fragments, no extensions,
//! a mask of zeros (the frame is still masked as RFC 6455 demands, the payload stays as it is), buffers that grow only
//! while they are used, so that tens of thousands of idle sockets fit.

use std::{io, net::SocketAddr, ops::Range, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep_until, timeout},
};

use crate::source::Source;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(30);

/// Bytes that are read before they are looked at.
const MOST_UNREAD: usize = 1 << 20;

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Gone {
    /// The server said so, with this code.
    #[error("the server closed the connection with code {0}")]
    Closed(u16),
    /// Without a word.
    #[error("the connection broke")]
    Broken,
}

/// One connection.
pub(crate) struct Socket {
    stream: TcpStream,
    incoming: Vec<u8>,
    /// `incoming` before this has been handed out.
    taken: usize,
    outgoing: Vec<u8>,
    /// Nothing more will come; whole frames that have come are still handed out.
    has_ended: bool,
}

impl Socket {
    /// Connects from a loopback address of its own and upgrades. `receive_buffer`: size of the kernel's, in bytes.
    pub(crate) async fn connect(to: SocketAddr, source: Source, receive_buffer: Option<u32>) -> io::Result<Self> {
        timeout(CONNECT, Self::upgrade(to, source, receive_buffer)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn upgrade(to: SocketAddr, source: Source, receive_buffer: Option<u32>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if to.ip().is_loopback() {
            socket.bind(source.address())?;
        }
        let mut stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::with_capacity(512);
        let end = loop {
            if stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !head.starts_with(b"HTTP/1.1 101") {
            let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
            return Err(io::Error::other(format!("no WebSocket: {line}")));
        }
        head.drain(..end);
        Ok(Self { stream, incoming: head, taken: 0, outgoing: Vec::new(), has_ended: false })
    }

    /// Puts a text frame into the queue; [`Self::turn`] writes it.
    pub(crate) fn queue(&mut self, text: &[u8]) {
        put_frame(&mut self.outgoing, TEXT, text);
    }

    /// Moves bytes once: writes what waits, reads what has come, or returns because `until` has passed. That the
    /// connection is over is told by [`Self::next`], after the last whole frame.
    pub(crate) async fn turn(&mut self, until: Option<Instant>) {
        self.write_some();
        if self.has_ended {
            return;
        }
        let interest =
            if self.outgoing.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        let ready = match until {
            None => self.stream.ready(interest).await,
            Some(at) => {
                tokio::select! {
                    biased;
                    ready = self.stream.ready(interest) => ready,
                    () = sleep_until(at) => return,
                }
            }
        };
        let Ok(ready) = ready else {
            self.has_ended = true;
            return;
        };
        if ready.is_writable() {
            self.write_some();
        }
        if ready.is_readable() {
            self.read_some();
        }
    }

    fn write_some(&mut self) {
        while !self.outgoing.is_empty() {
            match self.stream.try_write(&self.outgoing) {
                Ok(written) => drop(self.outgoing.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // What the server said before it closed is still read.
                    self.outgoing.clear();
                    self.read_some();
                    self.has_ended = true;
                }
            }
        }
        if self.outgoing.capacity() > 4096 {
            self.outgoing = Vec::new();
        }
    }

    fn read_some(&mut self) {
        self.incoming.drain(..self.taken);
        self.taken = 0;
        while self.incoming.len() < MOST_UNREAD {
            self.incoming.reserve(4096);
            match self.stream.try_read_buf(&mut self.incoming) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    self.has_ended = true;
                    return;
                }
                Ok(_) => {}
            }
        }
    }

    /// The place of the next text frame that has come, for [`Self::text`]. Answers pings. `None`: turn again.
    pub(crate) fn next(&mut self) -> Result<Option<Range<usize>>, Gone> {
        loop {
            let Some((kind, payload)) = frame(&self.incoming, self.taken) else {
                if self.has_ended {
                    return Err(Gone::Broken);
                }
                if self.taken == self.incoming.len() {
                    self.taken = 0;
                    self.incoming.clear();
                    if self.incoming.capacity() > 4096 {
                        self.incoming = Vec::new();
                    }
                }
                return Ok(None);
            };
            self.taken = payload.end;
            match kind {
                TEXT => return Ok(Some(payload)),
                PING => {
                    let Self { incoming, outgoing, .. } = self;
                    put_frame(outgoing, PONG, &incoming[payload]);
                }
                PONG => {}
                CLOSE => {
                    let code = self.incoming.get(payload.start..payload.start + 2);
                    return Err(code.map_or(Gone::Broken, |code| Gone::Closed(u16::from_be_bytes([code[0], code[1]]))));
                }
                _ => return Err(Gone::Broken),
            }
        }
    }

    /// The text at this place; valid until the next turn.
    pub(crate) fn text(&self, place: Range<usize>) -> &[u8] {
        &self.incoming[place]
    }
}

/// The next whole frame in `bytes` from `begin`: its kind and where its payload is.
fn frame(bytes: &[u8], begin: usize) -> Option<(u8, Range<usize>)> {
    let head = bytes.get(begin..begin + 2)?;
    let (start, length) = match head[1] {
        126 => {
            let length = bytes.get(begin + 2..begin + 4)?;
            (begin + 4, usize::from(u16::from_be_bytes([length[0], length[1]])))
        }
        127 => {
            let length: [u8; 8] = bytes.get(begin + 2..begin + 10)?.try_into().ok()?;
            (begin + 10, usize::try_from(u64::from_be_bytes(length)).ok()?)
        }
        // Servers do not mask.
        short => (begin + 2, usize::from(short)),
    };
    let end = start.checked_add(length)?;
    // A fragment (the highest bit is not set) has kind 0 here, which nobody expects.
    let kind = if head[0] & 0x80 == 0 { 0 } else { head[0] & 0x0F };
    (bytes.len() >= end).then_some((kind, start..end))
}

fn put_frame(to: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    to.push(0x80 | kind);
    let length = payload.len();
    #[expect(clippy::cast_possible_truncation, reason = "each arm holds what it writes")]
    match length {
        0..126 => to.push(0x80 | length as u8),
        126..=0xFFFF => {
            to.push(0x80 | 126);
            to.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            to.push(0x80 | 127);
            to.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    to.extend_from_slice(&[0; 4]);
    to.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_found_only_when_they_are_whole() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut sent = Vec::new();
            put_frame(&mut sent, TEXT, &vec![b'x'; length]);
            // As a server would: the same without mask.
            let header = sent.len() - length - 4;
            sent.drain(header..header + 4);
            sent[1] &= 0x7F;
            let begin = 3;
            let mut bytes = vec![0; begin];
            bytes.extend_from_slice(&sent);
            assert_eq!(frame(&bytes[..bytes.len() - 1], begin), None, "{length}");
            let whole = begin + header..bytes.len();
            bytes.push(0x81);
            assert_eq!(frame(&bytes, begin), Some((TEXT, whole)), "{length}");
        }
    }
}
