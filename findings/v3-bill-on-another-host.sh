#!/usr/bin/env bash
# WeChat Pay v3: a bill that is offered on WeChat Pay's other host can't be downloaded with two clients.
#
# What is signed of a request is its path and query. The address of a bill comes in an answer (download_url), and WeChat Pay has more
# than one host: api.mch.weixin.qq.com, api2.mch.weixin.qq.com. One would guess that a client parses the address. Both of these take
# the first host's name off its front as a text:
#
#     wechatpayv3 2.0.4 (Python)       signs the whole address, and asks for https://api.mch.weixin.qq.comhttps://api2.mch.…
#     wechatpay-node-v3 2.2.1 (Node)   asks for the right address, with a signature over the whole address instead of the path
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wechatpayv3==2.0.4 cryptography==50.0.2 requests==2.34.2
npm install --silent --no-audit --no-fund wechatpay-node-v3@2.2.1
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=example 2> /dev/null
openssl x509 -in cert.pem -noout -pubkey > public.pem
mkdir certs && cp cert.pem certs/platform.pem
cat > bill.py <<'PY'
import pathlib
import re
import sys
import requests
from wechatpayv3 import WeChatPay, WeChatPayType

key = pathlib.Path("key.pem").read_text()
pay = WeChatPay(WeChatPayType.MINIPROG, "1900000109", key, "1" * 40, "wx", "k" * 32, cert_dir="certs")


def get(url, headers, **_):
    print(url)
    print(headers["Authorization"])
    raise SystemExit


requests.get = get
pay.download_bill(sys.argv[1])
PY
cat > bill.js <<'JS'
const { readFileSync } = require('fs');
const WxPay = require('wechatpay-node-v3');

const pay = new WxPay({ appid: 'wx', mchid: '1900000109', publicKey: readFileSync('cert.pem'), privateKey: readFileSync('key.pem') });
pay.createHttp({ get: async (url, headers) => { console.log(url); console.log(headers.Authorization); return {}; } });
pay.downloadBill(process.argv[2]);
JS
cat > judge.py <<'PY'
"""Reads the address that was asked for and its Authorization: which text was signed."""
import base64
import re
import subprocess
import sys

asked, authorization = sys.stdin.read().splitlines()[:2]
given = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
open("signature", "wb").write(base64.b64decode(given["signature"]))
candidates = {"the path and query": "/v3/billdownload/file?token=abc", "the whole address": sys.argv[2]}
for name, target in candidates.items():
    message = f"GET\n{target}\n{given['timestamp']}\n{given['nonce_str']}\n\n"
    verify = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    if subprocess.run(verify, input=message.encode(), capture_output=True).returncode == 0:
        print(f"{sys.argv[1]}: asks for {asked}, signs {name}")
PY
for host in api api2; do
  url="https://$host.mch.weixin.qq.com/v3/billdownload/file?token=abc"
  venv/bin/python bill.py "$url" | python3 judge.py wechatpayv3 "$url"
  node bill.js "$url" | python3 judge.py wechatpay-node-v3 "$url"
done | tee found
diff - found <<'END'
wechatpayv3: asks for https://api.mch.weixin.qq.com/v3/billdownload/file?token=abc, signs the path and query
wechatpay-node-v3: asks for https://api.mch.weixin.qq.com/v3/billdownload/file?token=abc, signs the path and query
wechatpayv3: asks for https://api.mch.weixin.qq.comhttps://api2.mch.weixin.qq.com/v3/billdownload/file?token=abc, signs the whole address
wechatpay-node-v3: asks for https://api2.mch.weixin.qq.com/v3/billdownload/file?token=abc, signs the whole address
END
