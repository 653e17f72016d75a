#!/usr/bin/env bash
# WeChat Pay v2: two clients that order with HMAC-SHA256 refuse the notice of that order's payment.
#
# An order that is signed with HMAC-SHA256 is notified with HMAC-SHA256, and the notice need not carry `sign_type`. Both clients can
# sign that way, so one would guess that they believe what comes back. wechatpy 1.8.18 (parse_payment_result) holds every notice
# against MD5, even one that names HMAC-SHA256; tenpay 2.1.18 (its middleware) takes one that names nothing for MD5. The length of a
# signature tells them apart, 64 characters and 32: wechatpay-axios-plugin 0.9.6 goes by it when it verifies answers.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wechatpy==1.8.18 xmltodict==1.0.4 cryptography==50.0.2
npm install --silent --no-audit --no-fund tenpay@2.1.18

cat > notice.py <<'PY'
import hashlib, hmac, sys

key = "192006250b4c09247ec02edce69f6a2d"
fields = {"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "nonce_str": "ibuaiVcKdpRxkhJA", "out_trade_no": "20150806125346",
          "result_code": "SUCCESS", "return_code": "SUCCESS", "total_fee": "1"}
if sys.argv[1] == "named":
    fields["sign_type"] = "HMAC-SHA256"
text = "&".join(f"{name}={value}" for name, value in sorted(fields.items())) + f"&key={key}"
fields["sign"] = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
print("<xml>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items()) + "</xml>", end="")
PY
cat > read.py <<'PY'
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.pay import WeChatPay

pay = WeChatPay("wxd930ea5d5a258f4f", "192006250b4c09247ec02edce69f6a2d", "10000100")
try:
    pay.parse_payment_result(open("notice.xml").read())
    print("wechatpy: believed")
except InvalidSignatureException:
    print("wechatpy: wrong signature")
PY
cat > read.js <<'JS'
const Payment = require('tenpay');

const request = { body: require('fs').readFileSync('notice.xml', 'utf8') };
const response = { header() {}, send: (text) => console.log(`tenpay: ${text.includes('sign') ? 'wrong signature' : text}`) };
const pay = new Payment({ appid: 'wxd930ea5d5a258f4f', mchid: '10000100', partnerKey: '192006250b4c09247ec02edce69f6a2d' });
pay.middlewareForExpress('pay')(request, response, () => console.log('tenpay: believed'));
JS
for kind in named unnamed; do
  echo "sign_type is $kind"
  python3 notice.py "$kind" > notice.xml
  venv/bin/python read.py
  node read.js
done | tee found
diff - found <<'END'
sign_type is named
wechatpy: wrong signature
tenpay: believed
sign_type is unnamed
wechatpy: wrong signature
tenpay: wrong signature
END
