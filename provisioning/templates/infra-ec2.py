#!/usr/bin/env python3
"""What only this machine can tell: `infra-ec2 metadata PATH`; and, for each line `METHOD KEY` of
standard input, a URL of the cluster's bucket that is signed with the machine's own credentials:
`infra-ec2 urls`; `{machine}` in a key stands for the machine's ARN. Asks the metadata service with a session token (IMDSv2)."""
import datetime, hashlib, hmac, json, os, sys, time
from urllib import error, parse, request

METADATA = os.environ.get("INFRA_METADATA_URL", "http://169.254.169.254")
opener = request.build_opener(request.ProxyHandler({}))


def ask(path, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    for attempt in range(30):
        try:
            call = request.Request(METADATA + path, method=method, headers=headers)
            return opener.open(call, timeout=5).read().decode()
        except (error.URLError, OSError) as problem:
            # A profile's credentials come some seconds after the machine.
            reason = problem
            time.sleep(min(1 + attempt, 5))
    sys.exit(f"the metadata service does not answer {path}: {reason}")


def metadata(path, under="/latest/meta-data/"):
    token = ask("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="300")
    return ask(under + path, X_aws_ec2_metadata_token=token)


def arn():
    me = json.loads(metadata("instance-identity/document", "/latest/dynamic/"))
    partition = metadata("services/partition").strip()
    return f"arn:{partition}:ec2:{me['region']}:{me['accountId']}:instance/{me['instanceId']}"


def signed(method, target, who, store, region, now):
    key, _, query = target.partition("?")
    base = parse.urlsplit(store)
    path = parse.quote(f"{base.path}/{key}", safe="/-_.~")
    day, scope = now[:8], f"{now[:8]}/{region}/s3/aws4_request"
    pairs = parse.parse_qsl(query, keep_blank_values=True) + [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{who['AccessKeyId']}/{scope}"),
        ("X-Amz-Date", now),
        ("X-Amz-Expires", "3600"),
        ("X-Amz-Security-Token", who["Token"]),
        ("X-Amz-SignedHeaders", "host"),
    ]
    query = "&".join(sorted(f"{parse.quote(k, safe='-_.~')}={parse.quote(v, safe='-_.~')}" for k, v in pairs))
    asked = f"{method}\n{path}\n{query}\nhost:{base.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    secret = ("AWS4" + who["SecretAccessKey"]).encode()
    for part in (day, region, "s3", "aws4_request", text):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return f"{base.scheme}://{base.netloc}{path}?{query}&X-Amz-Signature={secret.hex()}"


if sys.argv[1] == "metadata":
    print(metadata(sys.argv[2]), end="")
else:
    role = "iam/security-credentials/"
    who = json.loads(metadata(role + metadata(role).split()[0]))
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    for line in sys.stdin:
        method, target = line.split()
        if "{machine}" in target:
            target = target.replace("{machine}", arn())
        print(signed(method, target, who, os.environ["STORE_URL"], os.environ["STORE_REGION"], now))
