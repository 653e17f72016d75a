#!/usr/bin/env bash
# Two emulators of DynamoDB and a write that changes nothing: in one of them the stream tells of it.
#
# AWS documents that a put or an update that leaves an item as it was makes no stream record. One would guess that emulators with
# streams compare, because who hangs effects on a stream counts on it. moto 5.2.5 writes a MODIFY for each of them, also where 1 is
# replaced by 1.0, which is the same number; ministack 1.5.33 writes the INSERT alone.
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
cat > unchanged.py <<'PY'
import sys, time
import boto3

name, port = sys.argv[1:]
keys = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x", "endpoint_url": f"http://127.0.0.1:{port}"}
client, streams = boto3.client("dynamodb", **keys), boto3.client("dynamodbstreams", **keys)
for _ in range(120):
    try:
        client.list_tables()
        break
    except Exception:
        time.sleep(0.5)
table = client.create_table(
    TableName="orders", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
item = {"k": {"S": "A1"}, "n": {"N": "1"}}
client.put_item(TableName="orders", Item=item)
client.put_item(TableName="orders", Item=item)
for number in ("1", "1.0"):
    client.update_item(TableName="orders", Key={"k": {"S": "A1"}}, UpdateExpression="SET n = :n",
                       ExpressionAttributeValues={":n": {"N": number}})
arn = client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
print(f"{name}:", *(record["eventName"] for record in streams.get_records(ShardIterator=start)["Records"]))
PY
{ moto/bin/python unchanged.py moto "$moto_port"; moto/bin/python unchanged.py ministack "$ministack_port"; } | tee found
diff - found <<'END'
moto: INSERT MODIFY MODIFY MODIFY
ministack: INSERT
END
