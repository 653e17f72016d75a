#!/usr/bin/env bash
# labrador 0.2.3 (Rust): its WeChat Pay v2 requests are signed by the rule of another platform.
#
# One would guess that a crate which offers WeChat Pay v2 (unified order, query, close, refund) signs as WeChat documents it: the
# fields as k=v joined by &, then &key=<key>, MD5. It joins names and values without = and &, and puts the secret in front and behind,
# which is Taobao's rule; one function serves all the platforms that the crate knows. WeChat Pay answers such a request with
# return_code FAIL, a wrong signature.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src" && cd "$work"
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
labrador = { version = "=0.2.3", features = ["wechat"] }
TOML
cat > src/main.rs <<'RS'
use labrador::WechatCloseOrderRequest;

fn main() {
    let mut request = WechatCloseOrderRequest {
        appid: Some("wxd930ea5d5a258f4f".into()),
        mch_id: "10000100".into(),
        out_trade_no: "20150806125346".into(),
        nonce_str: Some("ibuaiVcKdpRxkhJA".into()),
        sign: String::new(),
    };
    request.get_sign("192006250b4c09247ec02edce69f6a2d");
    println!("{}", request.sign);
}
RS
found=$(cargo run --quiet)
md5() { printf %s "$1" | md5sum | cut -c1-32 | tr a-f A-F; }
key=192006250b4c09247ec02edce69f6a2d
wechat=$(md5 "appid=wxd930ea5d5a258f4f&mch_id=10000100&nonce_str=ibuaiVcKdpRxkhJA&out_trade_no=20150806125346&key=$key")
taobao=$(md5 "${key}appidwxd930ea5d5a258f4fmch_id10000100nonce_stribuaiVcKdpRxkhJAout_trade_no20150806125346$key")
printf 'labrador        %s\nby WeChat rule  %s\nby Taobao rule  %s\n' "$found" "$wechat" "$taobao"
[ "$found" = "$taobao" ] && [ "$found" != "$wechat" ]
