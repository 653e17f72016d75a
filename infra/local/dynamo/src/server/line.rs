//! Connections that can be cut: the client gets no answer, as when a machine dies in the middle of a request.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be cut.
pub(super) struct Lines(pub(super) TcpListener);

/// A connection, seen from the handler of a request.
#[derive(Clone, Default)]
pub(super) struct Line {
    is_cut: Arc<AtomicBool>,
}

/// A connection, seen from the server.
pub(super) struct Stream {
    socket: TcpStream,
    line: Line,
}

impl Line {
    /// Nothing is sent on this connection any more.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if self.is_cut.load(Ordering::Acquire) { Err(ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Listener for Lines {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        let (socket, address) = Listener::accept(&mut self.0).await;
        // Answers are small; waiting to fill a packet would add 40 ms to each.
        let _ = socket.set_nodelay(true);
        (Stream { socket, line: Line::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line.check()?;
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.check()?;
        Pin::new(&mut self.socket).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.check()?;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
