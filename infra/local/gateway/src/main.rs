//! `cargo run`.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use local_gateway::{Bundle, BundleOptions, Config, LogFormat, spawn_request_lines};
use shared::types::{BoxError, error_chain};

/// The whole bundle on this machine: every function behind the routes of template.yaml, an embedded DynamoDB, and a simulated
/// WeChat that really signs and encrypts.
#[derive(Parser)]
#[command(bin_name = "cargo run --", version)]
struct Arguments {
    /// The port to listen on at 127.0.0.1; 0 takes any free port.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Listen on this address of this machine instead, such as 192.168.1.7:3000, for a phone in the same network. Whoever reaches it is
    /// user and operator here.
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "port", value_parser = network_address)]
    listen: Option<SocketAddr>,
    /// The form of the log on standard error: lines for people on a terminal, else JSON.
    #[arg(long, value_name = "FORM")]
    log: Option<LogFormat>,
    /// The folder to keep the database, the uploads, and the users and orders of the simulated WeChat in; without it the program keeps
    /// nothing. WeChat is saved every second and at the end, so that a program that is killed may lose its last second.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Gives the database's partitions the throughput that AWS's have, 1,000 writes and 3,000 reads a second, divided by this number;
    /// without it they are never throttled.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    throughput_scale: Option<u32>,
    /// A TOML file with accounts, keys and upstream addresses; without it the built-in simulator's are used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = arguments.log.unwrap_or_else(|| LogFormat::of(&io::stderr()));
    log.install();
    match run(arguments, log).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", error_chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments, log: LogFormat) -> Result<(), BoxError> {
    let Arguments { port, listen, data, throughput_scale, config, log: _ } = arguments;
    let listen = listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let config = config.map(|file| Config::read(&file)).transpose()?.unwrap_or_default();
    // Before the start, so that a signal during the start stops the bundle cleanly.
    let stop_signal = stop_signal()?;
    let options = BundleOptions { listen, data, throughput_scale, config, ..BundleOptions::default() };
    let bundle = Bundle::start(options).await?;
    let (base_url, phone_url, quickstart) = (bundle.base_url(), bundle.phone_url(), bundle.quickstart());
    let inner = bundle.inner_addresses().iter().map(|(name, address)| format!("{name} {address}"));
    let inner = inner.collect::<Vec<_>>().join(", ");
    // A closed standard output must not end the program.
    let _ = writeln!(
        io::stdout(),
        "listening on {base_url}\nthe phone: {phone_url}\nfor the functions alone: {inner}\n\nA short walk to paste; Ctrl-C ends the program.\n\n{quickstart}\n"
    );
    if !listen.ip().is_loopback() {
        let _ = writeln!(io::stderr(), "{OPEN_WARNING}");
    }
    let lines = (log == LogFormat::Text).then(|| spawn_request_lines(bundle.timeline().clone()));
    stop_signal.await;
    bundle.stop().await;
    if let Some(lines) = lines {
        lines.abort();
    }
    Ok(())
}

/// Reads an address that phones can be given.
fn network_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        "an address and a port are needed, such as 192.168.1.7:3000 or [fd00::7]:3000".to_owned()
    })?;
    if address.ip().is_unspecified() {
        return Err("phones are given this address, so name the one that this machine has in their network"
            .to_owned());
    }
    Ok(address)
}

/// Says what `--listen` opens.
const OPEN_WARNING: &str = "warning: everybody in this network can read and change everything here, as any user and as operator. Use test data only.";

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, String> {
        let program = ["local-gateway"].iter().chain(arguments);
        Arguments::try_parse_from(program).map_err(|error| error.to_string())
    }

    #[test]
    fn the_options_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_address_of_either_family_is_taken() {
        for address in ["192.168.1.7:3000", "[fd00::7]:3000", "127.0.0.1:0"] {
            let listen = parse(&["--listen", address]).unwrap().listen;
            assert_eq!(listen.unwrap().to_string(), address);
        }
    }

    #[test]
    fn an_address_that_no_phone_can_use_is_refused_with_the_reason() {
        for address in ["0.0.0.0:3000", "[::]:3000"] {
            let error = parse(&["--listen", address]).err().unwrap();
            assert!(error.contains("name the one that this machine has"), "{error}");
        }
        for address in ["192.168.1.7", "3000", "localhost:3000", ""] {
            let error = parse(&["--listen", address]).err().unwrap();
            assert!(error.contains("such as 192.168.1.7:3000"), "{error}");
        }
        let error = parse(&["--listen", "192.168.1.7:3000", "--port", "80"]).err().unwrap();
        assert!(error.contains("cannot be used with"), "{error}");
    }
}
