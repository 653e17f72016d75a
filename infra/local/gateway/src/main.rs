//! `cargo run`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use local_gateway::{Bundle, BundleOptions, Config};
use shared::{
    telemetry,
    types::{BoxError, error_chain},
};
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt};

/// The whole bundle on this machine: every function behind the routes of template.yaml, an embedded DynamoDB, and a simulated
/// WeChat that really signs and encrypts.
#[derive(Parser)]
#[command(bin_name = "cargo run --", version)]
struct Arguments {
    /// The port to listen on at 127.0.0.1; 0 takes any free port.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The folder to keep the database and the uploads in; without it the program keeps neither. The simulated WeChat forgets its users
    /// and orders either way.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A TOML file with accounts, keys and upstream addresses; without it the built-in simulator's are used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    install_log();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", error_chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Installs the log. It goes to standard error, because standard output is for people. The lines of the embedded database and of the S3
/// server are left out, because they warn of every failed condition and of every refused form, and functions expect those.
fn install_log() {
    let is_of_server = |target: &str| ["dynoxide", "s3s"].iter().any(|name| target.starts_with(name));
    let without_servers = filter_fn(move |metadata| !is_of_server(metadata.target()));
    // This fails only when a subscriber is installed already, and none is.
    let _ = tracing::subscriber::set_global_default(
        telemetry::subscriber("local", "local", io::stderr).with(without_servers),
    );
}

async fn run(Arguments { port, data, config }: Arguments) -> Result<(), BoxError> {
    let config = config.map(|file| Config::read(&file)).transpose()?.unwrap_or_default();
    // Before the start, so that a signal during the start stops the bundle cleanly.
    let stop_signal = stop_signal()?;
    let bundle = Bundle::start(BundleOptions { port, data, config, ..BundleOptions::default() }).await?;
    let (base_url, phone_url, quickstart) = (bundle.base_url(), bundle.phone_url(), bundle.quickstart());
    let inner = bundle.inner_addresses().iter().map(|(name, address)| format!("{name} {address}"));
    let inner = inner.collect::<Vec<_>>().join(", ");
    // A closed standard output must not end the program.
    let _ = writeln!(
        io::stdout(),
        "listening on {base_url}\nthe phone: {phone_url}\nfor the functions alone: {inner}\n\nA short walk to paste; Ctrl-C ends the program.\n\n{quickstart}\n"
    );
    stop_signal.await;
    bundle.stop().await;
    Ok(())
}

/// Resolves on SIGINT (Ctrl-C) or SIGTERM.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves on SIGINT (Ctrl-C) or SIGTERM.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
