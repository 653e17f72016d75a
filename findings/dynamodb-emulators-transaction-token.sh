#!/usr/bin/env bash
# Two emulators of DynamoDB and a transaction that is sent twice: one of them does it twice.
#
# ClientRequestToken makes TransactWriteItems safe to repeat: what comes again with the same token within ten minutes is done once, and
# with another content it is refused. That is what a payment's code relies on when an answer is lost, and one would guess that an
# emulator in which transactions work knows the token. moto 5.2.5 takes it and ignores it: the sum is added twice, and a third request
# with the same token and another sum is accepted too. ministack 1.5.33 does both as AWS documents it. A test of "paid exactly once"
# therefore fails in one for no fault of the code, and a test that hides behind the token proves nothing there.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done; rm -rf "$work"' EXIT
cd "$work"
for emulator in moto ministack; do python3 -m venv $emulator; done
moto/bin/pip install --quiet --disable-pip-version-check 'moto[dynamodb,server]==5.2.5' boto3
ministack/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
moto_port=$(free)
moto/bin/moto_server -H 127.0.0.1 -p "$moto_port" > moto.log 2>&1 &
pids+=($!)
ministack_port=$(free)
BIND_HOST=127.0.0.1 GATEWAY_PORT=$ministack_port ministack/bin/ministack > ministack.log 2>&1 &
pids+=($!)
cat > twice.py <<'PY'
import sys, time
import boto3

name, port = sys.argv[1:]
keys = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
client = boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{port}", **keys)
for _ in range(120):
    try:
        client.list_tables()
        break
    except Exception:
        time.sleep(0.5)
client.create_table(TableName="sums", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
                    AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
key = {"k": {"S": "paid"}}


def pay(fen):
    update = {"TableName": "sums", "Key": key, "UpdateExpression": "ADD fen :fen", "ExpressionAttributeValues": {":fen": {"N": fen}}}
    try:
        client.transact_write_items(ClientRequestToken="one-payment", TransactItems=[{"Update": update}])
    except client.exceptions.IdempotentParameterMismatchException:
        return "refused"
    return int(float(client.get_item(TableName="sums", Key=key, ConsistentRead=True)["Item"]["fen"]["N"]))


print(f"{name}: once {pay('5')}, again {pay('5')}, with another sum {pay('7')}")
PY
{ moto/bin/python twice.py moto "$moto_port"; moto/bin/python twice.py ministack "$ministack_port"; } | tee found
diff - found <<'END'
moto: once 5, again 10, with another sum 17
ministack: once 5, again 5, with another sum refused
END
