#!/usr/bin/env bash
# The loop of lambda_runtime can be spawned as a task, and that of lambda_http, which wraps it, can't, whatever the handler.
#
# A future that tokio's runtime of one thread blocks on writes to a file descriptor each time it is woken; a task does not. So one moves
# the loop of a function into a task. With lambda_runtime 1.5.0 that compiles. lambda_http 1.3.2 asks of a handler that its future is Send,
# as lambda_runtime does, but its own future can't be proved to be: "implementation of `Send` is not general enough", also for a handler
# that returns a constant, and also if the handler's future is boxed as Send. Nothing in the signatures tells the two apart.
# Seen with rustc 1.95.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "spawned"
version = "0.1.0"
edition = "2024"

[features]
http = []

[dependencies]
lambda_http = { version = "=1.3.2", default-features = false, features = ["apigw_http"] }
lambda_runtime = { version = "=1.5.0", default-features = false }
serde_json = "1"
TOML
cat > src/main.rs <<'RUST'
use std::convert::Infallible;

use lambda_runtime::{LambdaEvent, service_fn};

async fn of_any_event(_: LambdaEvent<serde_json::Value>) -> Result<&'static str, Infallible> {
    Ok("")
}

async fn of_http(_: lambda_http::Request) -> Result<&'static str, Infallible> {
    Ok("")
}

/// What `tokio::spawn` asks of a future.
fn can_be_spawned(_: impl Future + Send + 'static) {}

fn main() {
    let _ = of_http;
    can_be_spawned(lambda_runtime::run(service_fn(of_any_event)));
    #[cfg(feature = "http")]
    can_be_spawned(lambda_http::run(service_fn(of_http)));
}
RUST
says() { { cargo check --quiet "$@" 2>&1 || true; } | grep -m 1 '^error' || echo "it can be spawned"; }
{
  echo "lambda_runtime: $(says)"
  echo "lambda_http: $(says --features http)"
} | tee found
diff - found <<'END'
lambda_runtime: it can be spawned
lambda_http: error: implementation of `Send` is not general enough
END
