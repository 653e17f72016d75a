#!/usr/bin/env bash
# curl --aws-sigv4: what is signed for one and the same address depends on the libcurl that happens to be there.
#
# One would guess that AWS Signature Version 4 is fixed, so that a command which works on one machine works on the next. It does
# not: the canonical request differs. pycurl's wheels bring a libcurl of their own, which makes versions comparable. Of these two
# requests, whose bytes on the wire are the same every time,
#
#     /cases/A%23b        a reserved character in the path
#     /cases?after=x%2By  an encoded plus in the query
#
#     libcurl        the path is signed    the plus is signed as
#     8.11, 8.12     as it is sent         %2B
#     8.16           encoded twice         %20: a plus and a blank are the same, and no server that reads %2B agrees
#     8.21, 8.23     encoded twice         %2B
#
# So an operator's route that is called by people's curl keeps reserved characters out of its paths and queries.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/signed.py" <<'PY'
import hashlib, hmac, http.server, io, re, threading, urllib.parse
import pycurl

seen = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.update(target=self.path, headers={name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def holds(path, query):
    """Whether the signature is the one over this canonical path and query."""
    headers = seen["headers"]
    names, signature = re.search(r"SignedHeaders=([^,]+), *Signature=(\w+)", headers["authorization"]).groups()
    at = headers["x-amz-date"]
    payload = headers.get("x-amz-content-sha256") or hashlib.sha256(b"").hexdigest()
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names.split(";"))
    canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{payload}"
    scope = f"{at[:8]}/us-east-1/execute-api/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4secret"
    for part in scope.split("/"):
        key = mac(key, part)
    return mac(key, text).hex() == signature


def signed(target, candidates):
    curl = pycurl.Curl()
    curl.setopt(curl.URL, f"http://127.0.0.1:{server.server_port}{target}")
    curl.setopt(curl.WRITEDATA, io.BytesIO())
    curl.setopt(curl.AWS_SIGV4, "aws:amz:us-east-1:execute-api")
    curl.setopt(curl.USERPWD, "key:secret")
    curl.perform()
    assert seen["target"] == target
    return next((name for name, (path, query) in candidates.items() if holds(path, query)), "something else")


path = signed("/cases/A%23b", {"as sent": ("/cases/A%23b", ""), "encoded twice": ("/cases/A%2523b", "")})
plus = signed("/cases?after=x%2By", {"%2B": ("/cases", "after=x%2By"), "%20": ("/cases", "after=x%20y")})
print(f"{pycurl.version_info()[1].split('-')[0]}: path {path}, plus {plus}")
PY

for version in 7.45.4 7.45.6 7.45.7 7.47.0 7.49.0; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "pycurl==$version"
  "$work/$version/bin/python" "$work/signed.py"
done | tee "$work/found"
diff - "$work/found" <<'END'
8.11.1: path as sent, plus %2B
8.12.1: path as sent, plus %2B
8.16.0: path encoded twice, plus %20
8.21.0: path encoded twice, plus %2B
8.23.0: path encoded twice, plus %2B
END
