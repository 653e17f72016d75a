#!/usr/bin/env bash
# WeChat Pay v2: a blank at the edge of `attach` makes genuine notices look forged, in two clients of three.
#
# WeChat sends `attach` back as the merchant gave it, and signs it so. One would guess that a blank in it is a character like any
# other. wechatpy 1.8.18 (xmltodict) and tenpay 2.1.18 (xml2js with trim) cut blanks off the values, also inside CDATA, before they
# check the signature, which then fails: the order is paid and the shop refuses to know. wechatpay-axios-plugin 0.9.6 keeps them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wechatpy==1.8.18 xmltodict==1.0.4 cryptography==50.0.2
npm install --silent --no-audit --no-fund tenpay@2.1.18 wechatpay-axios-plugin@0.9.6

cat > notice.py <<'PY'
import hashlib, sys

fields = {"appid": "wxd930ea5d5a258f4f", "attach": sys.argv[1], "mch_id": "10000100", "nonce_str": "ibuaiVcKdpRxkhJA",
          "out_trade_no": "20150806125346", "result_code": "SUCCESS", "return_code": "SUCCESS", "total_fee": "1"}
text = "&".join(f"{name}={value}" for name, value in sorted(fields.items())) + "&key=192006250b4c09247ec02edce69f6a2d"
fields["sign"] = hashlib.md5(text.encode()).hexdigest().upper()
print("<xml>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items()) + "</xml>", end="")
PY
cat > read.py <<'PY'
import sys
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.pay import WeChatPay

pay = WeChatPay("wxd930ea5d5a258f4f", "192006250b4c09247ec02edce69f6a2d", "10000100")
try:
    pay.parse_payment_result(open(sys.argv[1]).read())
    print("wechatpy: believed")
except InvalidSignatureException:
    print("wechatpy: wrong signature")
PY
cat > read.js <<'JS'
const { readFileSync } = require('fs');
const { Hash, Transformer } = require('wechatpay-axios-plugin');
const Payment = require('tenpay');

const [xml, partnerKey] = [readFileSync(process.argv[2], 'utf8'), '192006250b4c09247ec02edce69f6a2d'];
const request = { body: xml };
const response = { header() {}, send: (text) => console.log(`tenpay: ${text.includes('sign') ? 'wrong signature' : text}`) };
const pay = new Payment({ appid: 'wxd930ea5d5a258f4f', mchid: '10000100', partnerKey });
pay.middlewareForExpress('pay')(request, response, () => console.log('tenpay: believed')).then(() => {
  const told = Transformer.toObject(xml);
  console.log(`wechatpay-axios-plugin: ${Hash.sign('MD5', told, partnerKey) === told.sign ? 'believed' : 'wrong signature'}`);
});
JS
for attach in 'shop 7' 'shop 7 '; do
  echo "attach \"$attach\""
  python3 notice.py "$attach" > notice.xml
  venv/bin/python read.py notice.xml
  node read.js notice.xml
done | tee found
diff - found <<'END'
attach "shop 7"
wechatpy: believed
tenpay: believed
wechatpay-axios-plugin: believed
attach "shop 7 "
wechatpy: wrong signature
tenpay: wrong signature
wechatpay-axios-plugin: believed
END
