//! The sockets of a bundle and the tasks that end with it.

use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use local_wechat::{Simulator, TlsPeer};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::error::StartError;

/// Everything that runs until the bundle ends, also when it is only dropped.
pub(crate) struct Servers {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Servers {
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), running: Vec::new() }
    }

    /// Becomes `true`, or closes, when it is time to end.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Serves until the end.
    pub(crate) fn serve(&mut self, listener: TcpListener, app: Router) {
        let mut stopped = self.stopped();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        self.running.push(tokio::spawn(async move {
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            // Ends with `stop`; accepting retries by itself.
            let _ = axum::serve(listener, app).with_graceful_shutdown(stop).await;
        }));
    }

    /// Serves the simulated WeChat Pay over TLS until the end.
    pub(crate) fn serve_pay(&mut self, listener: TcpListener, wechat: &Simulator) {
        let mut stopped = self.stopped();
        let listener = wechat.pay_listener(listener);
        let app = wechat.upstream().into_make_service_with_connect_info::<TlsPeer>();
        self.running.push(tokio::spawn(async move {
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            let _ = axum::serve(listener, app).with_graceful_shutdown(stop).await;
        }));
    }

    /// Waits for these tasks too at the end.
    pub(crate) fn watch(&mut self, tasks: Vec<JoinHandle<()>>) {
        self.running.extend(tasks);
    }

    /// Ends everything; what is under way gets a moment to finish.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let handles: Vec<_> = self.running.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for task in self.running {
                // A task that panicked has ended as well.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            handles.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

/// A socket on this machine only; port 0 is any free one.
pub(crate) async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse(port),
        _ => StartError::Listen(error),
    })?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    Ok((listener, address))
}

const PATIENCE: Duration = Duration::from_secs(3);
