#!/usr/bin/env bash
# WeChat Pay v3: on the day WeChat Pay begins to sign with its public key, a client that has certificates does not say "unknown key".
#
# A merchant who applies for the public key is switched over gradually: some notices are signed with the certificate as before, some
# with the key, whose name stands in Wechatpay-Serial (PUB_KEY_ID_…). One would guess that a client that knows certificates only
# fetches them anew and then answers "not verified", as it does for an unknown certificate. wechatpayv3 2.0.4 reads the name as a
# hexadecimal number: a ValueError from int(), before anything is fetched or verified, and not the None that its documentation lets a
# shop check for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wechatpayv3==2.0.4 cryptography==50.0.2 requests==2.34.2
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=example 2> /dev/null
mkdir certs && cp cert.pem certs/platform.pem
cat > notice.py <<'PY'
import json
import pathlib
import requests
from wechatpayv3.core import Core

fetched = []


class NoAnswer:
    status_code, text, headers, content = 404, "", {}, b""


def get(url, **_):
    fetched.append(url.rsplit("/", 1)[1])
    return NoAnswer()


requests.get = get
for serial in ("1234567890ABCDEF1234567890ABCDEF12345678", "PUB_KEY_ID_0119000001092024061300382800"):
    core = Core("1900000109", "1" * 40, pathlib.Path("key.pem").read_text(), "k" * 32, cert_dir="certs")
    fetched.clear()
    headers = {"Wechatpay-Signature": "AAAA", "Wechatpay-Timestamp": "1700000000", "Wechatpay-Nonce": "n", "Wechatpay-Serial": serial,
               "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048"}
    try:
        outcome = core.callback(headers, json.dumps({"resource": {}}))
    except ValueError as error:
        outcome = f"ValueError: {str(error)[:39]}"
    print(serial[:11], fetched, outcome)
PY
venv/bin/python notice.py | tee found
diff - found <<'END'
1234567890A ['certificates'] None
PUB_KEY_ID_ [] ValueError: invalid literal for int() with base 16:
END
