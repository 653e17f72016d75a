#!/usr/bin/env bash
# wechat-pay 0.1.0 (Rust): a compressed bill is always "corrupt", and the notice of a refund is read without its outcome.
#
# The bill. WeChat Pay's hash is over the bill as it is before it is compressed. One would guess that download_trade_bill with GZIP
# unpacks, then compares. It compares the hash of the compressed bytes, so that no compressed bill is ever accepted.
#
# The notice. parse_refund reads the notice into the type of a refund's query. There the state is called `status`, in the notice
# `refund_status`; every field that is missing is None, so that a refund that succeeded comes out with no status and without an error.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
mkdir "$work/src" && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cryptography==50.0.2
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2> /dev/null
openssl pkey -in key.pem -pubout -out public.pem
cat > server.py <<'PY'
import base64, gzip, hashlib, http.server, json, os
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

refund = {"mchid": "1900000109", "out_trade_no": "A1", "transaction_id": "4200000000000000000000000001", "out_refund_no": "R1",
          "refund_id": "50000000000000000000000000001", "refund_status": "SUCCESS", "success_time": "2023-11-15T06:14:02+08:00",
          "user_received_account": "-", "amount": {"total": 101, "refund": 50, "payer_total": 101, "payer_refund": 50}}
sealed = AESGCM(b"k" * 32).encrypt(b"123456789012", json.dumps(refund).encode(), b"refund")
resource = {"original_type": "refund", "algorithm": "AEAD_AES_256_GCM", "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "refund", "nonce": "123456789012"}
notice = {"id": "1", "create_time": "2023-11-15T06:14:02+08:00", "resource_type": "encrypt-resource", "event_type": "REFUND.SUCCESS",
          "summary": "-", "resource": resource}
body = json.dumps(notice)
open("notice.json", "w").write(body)
key = load_pem_private_key(open("key.pem", "rb").read(), None)
signature = key.sign(f"1700000000\nn\n{body}\n".encode(), PKCS1v15(), SHA256())
open("signature", "w").write(base64.b64encode(signature).decode())

bill = "\ufeffhead\r\n`row\r\n`total\r\n`1\r\n".encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/v3/bill/tradebill"):
            url = f"http://127.0.0.1:{server.server_port}/v3/billdownload/file?{'gzip' if 'GZIP' in self.path else 'plain'}"
            body = json.dumps({"hash_type": "SHA1", "hash_value": hashlib.sha1(bill).hexdigest(), "download_url": url}).encode()
        else:
            body = gzip.compress(bill) if self.path.endswith("gzip") else bill
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open("port.new", "w").write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PY
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
wechat-pay = "=0.1.0"
tokio = { version = "1", features = ["macros", "rt"] }
TOML
cat > src/main.rs <<'RS'
use std::fs::read_to_string;
use wechat_pay::{BillTarType, Config, NotifyHandler, NotifyHeaders, WechatPayClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (key, port) = (read_to_string("key.pem")?, read_to_string("port")?);
    let config = Config::new("wx", "1900000109", "k".repeat(32), "1".repeat(40), &key)?;
    let client = WechatPayClient::new(config.clone().with_base_url(format!("http://127.0.0.1:{port}")))?;
    for tar_type in [None, Some(BillTarType::Gzip)] {
        let fetched = client.download_trade_bill("2023-11-15", None, tar_type).await;
        println!("bill, {tar_type:?}: {}", if fetched.is_ok() { "accepted" } else { "refused" });
    }

    let body = read_to_string("notice.json")?;
    let config = config.with_platform_public_key("2".repeat(40), read_to_string("public.pem")?);
    let headers = NotifyHeaders::new("1700000000", "n", read_to_string("signature")?, "2".repeat(40));
    let refund = NotifyHandler::new(&config).parse_refund(&headers, &body)?;
    println!("refund {}: status {:?}", refund.out_refund_no, refund.status);
    Ok(())
}
RS
venv/bin/python server.py &
server=$!
cargo build --quiet
until [ -e port ]; do sleep 0.1; done
cargo run --quiet | tee found
diff - found <<'END'
bill, None: accepted
bill, Some(Gzip): refused
refund R1: status None
END
