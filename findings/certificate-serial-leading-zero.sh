#!/usr/bin/env bash
# One certificate, three serial numbers: what WeChat Pay's clients make of a serial number that begins with 0.
#
# A certificate is named by its serial number, in the request's Authorization (the merchant's) and in Wechatpay-Serial (WeChat Pay's).
# It has 20 bytes whose first bit is zero, so that one in eight begins with the digit 0. One would guess that all clients write the 40
# digits that `openssl x509 -serial` and the merchant console show. For this certificate
#
#     openssl                          0A29211D2101434327EE7FB6C60D9EAE1337018E
#     Node, wechatpay-node-v3 2.2.1    0a29211d2101434327ee7fb6c60d9eae1337018e   lower case (the merchant's, read from its file)
#     Python, wechatpayv3 2.0.4        A29211D2101434327EE7FB6C60D9EAE1337018E    39 digits (WeChat Pay's, when it encrypts a field)
#
# wechatpayv3 reads serial numbers as numbers, so that it recognises every form itself. Who compares such texts compares them without
# case and without zeros in front.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wechatpayv3==2.0.4 cryptography==50.0.2 requests==2.34.2
npm install --silent --no-audit --no-fund wechatpay-node-v3@2.2.1
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=example \
  -set_serial 0x0A29211D2101434327EE7FB6C60D9EAE1337018E 2> /dev/null

cat > serial.py <<'PY'
import pathlib
import requests
from wechatpayv3.core import Core
from wechatpayv3.type import RequestType

pathlib.Path("certs").mkdir()
pathlib.Path("certs/platform.pem").write_text(pathlib.Path("cert.pem").read_text())
core = Core("1900000109", "1" * 40, pathlib.Path("key.pem").read_text(), "k" * 32, cert_dir="certs")


def post(url, headers, **_):
    print("wechatpayv3", headers["Wechatpay-Serial"])
    raise SystemExit


requests.post = post
core.request("/v3/somewhere", RequestType.POST, data={"name": core.encrypt("x")}, cipher_data=True)
PY
cat > serial.js <<'JS'
const { readFileSync } = require('fs');
const WxPay = require('wechatpay-node-v3');

const publicKey = readFileSync('cert.pem');
console.log('wechatpay-node-v3', new WxPay({ appid: 'wx', mchid: '1900000109', publicKey, privateKey: readFileSync('key.pem') }).getSN());
JS
{ echo "openssl $(openssl x509 -in cert.pem -noout -serial | cut -d= -f2)"; node serial.js; venv/bin/python serial.py; } | tee found
diff - found <<'END'
openssl 0A29211D2101434327EE7FB6C60D9EAE1337018E
wechatpay-node-v3 0a29211d2101434327ee7fb6c60d9eae1337018e
wechatpayv3 A29211D2101434327EE7FB6C60D9EAE1337018E
END
