//! The servers and background tasks of a bundle.

use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use local_wechat::{Simulator, TlsPeer};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::error::StartError;

/// The servers and background tasks of a bundle. Stopping or dropping it ends them.
pub(crate) struct Servers {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Servers {
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), running: Vec::new() }
    }

    /// A receiver that becomes `true`, or closes, when the bundle stops.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Serves `app` until the bundle stops.
    pub(crate) fn serve(&mut self, listener: TcpListener, app: Router) {
        let mut stopped = self.stopped();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        self.running.push(tokio::spawn(async move {
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            // The result is always `Ok`, because axum retries a failed accept by itself.
            let _ = axum::serve(listener, app).with_graceful_shutdown(stop).await;
        }));
    }

    /// Serves the simulated WeChat Pay over TLS until the bundle stops.
    pub(crate) fn serve_pay(&mut self, listener: TcpListener, wechat: &Simulator) {
        let mut stopped = self.stopped();
        let listener = wechat.pay_listener(listener);
        let app = wechat.upstream().into_make_service_with_connect_info::<TlsPeer>();
        self.running.push(tokio::spawn(async move {
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            let _ = axum::serve(listener, app).with_graceful_shutdown(stop).await;
        }));
    }

    /// Adds tasks that [`Self::stop`] waits for.
    pub(crate) fn await_at_stop(&mut self, tasks: Vec<JoinHandle<()>>) {
        self.running.extend(tasks);
    }

    /// Stops all servers and tasks. After 3 seconds those that have not finished are aborted.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let handles: Vec<_> = self.running.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for task in self.running {
                // The error of a task that panicked changes nothing: the task has ended.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, all).await.is_err() {
            handles.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

/// Listens on the address; port 0 is any free port.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse(address.port()),
        _ => StartError::Listen { address, source: error },
    })?;
    let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
    Ok((listener, address))
}

const STOP_TIMEOUT: Duration = Duration::from_secs(3);
