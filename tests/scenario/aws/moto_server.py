"""AWS as `moto` wrote it down, on a free port of this machine.

Says its port, then one line for each call, on standard output. Ends when its standard input does.
An argument is a port to take. `POST /infra-test/faults` lets calls of one access key fail:
`{"key", "call", "code", "message", "status", "skip", "count"}`; without a code the call has its
effect and its answer is lost. `DELETE`, with a key as its body, ends them.
"""

import json
import io
import logging
import os
import socket
import sys
import threading
from urllib.parse import parse_qs

os.environ.setdefault("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
os.environ.setdefault("MOTO_ENABLE_AMI_VALIDATION", "true")
os.environ.setdefault("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")

from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import FakeBucket, s3_backends
from werkzeug.serving import make_server

# moto knows no conditions: it takes "refused without TLS" for "refused".
FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL



def tags_of(resource):
    """The same tags as moto finds, which looks at all tags of the account for each resource."""
    tags = resource.ec2_backend.tags.get(resource.id, {}) if resource.id else {}
    return [
        {
            "resource_id": resource.id,
            "key": key,
            "value": value,
            "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource.id), ""),
        }
        for key, value in tags.items()
    ]


TaggedEC2Resource.get_tags = tags_of

REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8e00000000"
EC2 = "<Response><Errors><Error>{}</Error></Errors><RequestID>{}</RequestID></Response>"
QUERY = "<ErrorResponse><Error><Type>Sender</Type>{}</Error><RequestId>{}</RequestId></ErrorResponse>"
S3 = "<Error>{}<RequestId>{}</RequestId></Error>"

faults, lock = [], threading.Lock()


def leave_with_parent():
    sys.stdin.read()
    os._exit(0)


app = DomainDispatcherApplication(create_backend_app)


def signed_by(environ):
    # AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …
    scope = environ.get("HTTP_AUTHORIZATION", "").split("Credential=")[-1].split("/")
    return scope[0] or "-", scope[3] if len(scope) > 3 else "-"


def name_of(environ):
    """What is called: the query protocol's action, else the method."""
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        action = parse_qs(body.decode("utf-8", "replace")).get("Action")
        if action:
            return action[0]
    # Of the calls of S3, this one is told from a PutObject. A bucket has tags, too.
    tags = "tagging" in environ.get("QUERY_STRING", "").split("&")
    if environ["REQUEST_METHOD"] == "PUT" and tags and "/" in environ["PATH_INFO"].strip("/"):
        return "PutObjectTagging"
    return environ["REQUEST_METHOD"]


def fault_of(key, call):
    with lock:
        for fault in faults:
            if fault["key"] != key or fault["call"] != call or fault["count"] == 0:
                continue
            if fault["skip"] > 0:
                fault["skip"] -= 1
                continue
            fault["count"] -= 1
            return fault
    return None


def refusal(service, fault, start):
    said = "<Code>{code}</Code><Message>{message}</Message>".format(**fault)
    form = {"ec2": EC2, "s3": S3}.get(service, QUERY)
    headers = [("Content-Type", "text/xml"), ("x-amz-request-id", REQUEST_ID)]
    start(f"{fault['status']} Refused", headers)
    return [form.format(said, REQUEST_ID).encode()]


def is_of_another(environ, path):
    """Whether the request names another owner of its bucket than the one it has: moto does not look."""
    expected = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER")
    _, account = s3_backends.bucket_accounts.get(path.split("/")[1], (None, None))
    return bool(expected and account and expected != account)


def served(environ, start):
    path = environ.get("PATH_INFO", "")
    if path == "/infra-test/faults":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["REQUEST_METHOD"] == "DELETE":
            with lock:
                faults[:] = [fault for fault in faults if fault["key"] != body.decode()]
            start("204 No Content", [])
            return []
        usual = {"code": None, "message": "", "status": 400, "skip": 0, "count": 1}
        with lock:
            faults.append(usual | json.loads(body))
        start("204 No Content", [])
        return []
    if path.startswith("/moto-api"):
        return app(environ, start)
    (key, service), call = signed_by(environ), name_of(environ)
    sys.stdout.write(f"call {key} {service} {call}\n")
    sys.stdout.flush()
    if service == "s3" and is_of_another(environ, path):
        return refusal("s3", {"code": "AccessDenied", "message": "Access Denied", "status": 403}, start)
    fault = fault_of(key, call)
    if fault is None:
        return app(environ, start)
    if fault["code"]:
        return refusal(service, fault, start)
    for _ in app(environ, lambda *_: None):
        pass
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start("500 Lost", [])
    return []


logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
threading.Thread(target=leave_with_parent, daemon=True).start()
port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = make_server("127.0.0.1", port, served, True, request_handler=MotoRequestHandler)
print("port", server.server_address[1], flush=True)
server.serve_forever()
