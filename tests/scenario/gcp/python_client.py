"""Google's own Python client against the embedded cloud.

`python_client.py STEP…` runs steps in order and prints a JSON object, with the result of each step by its
name. INFRA_TEST_URL, INFRA_TEST_TOKEN, INFRA_TEST_PROJECT and INFRA_TEST_LOCATION (a region) say where; the
client's discovery documents are those of its package.
"""

import json
import os
import sys
import time

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from googleapiclient.errors import HttpError

URL = os.environ["INFRA_TEST_URL"]
PROJECT = os.environ["INFRA_TEST_PROJECT"]
LOCATION = os.environ["INFRA_TEST_LOCATION"]
PARENT = f"projects/{PROJECT}/locations/{LOCATION}"
# A step that waits longer than this waits for something that does not come.
PATIENCE_S = 120


def service(name):
    with open(os.path.join(DISCOVERY_DOC_DIR, f"{name}.json")) as file:
        document = json.load(file)
    document["rootUrl"] = URL + "/"
    document["baseUrl"] = URL + "/" + document["servicePath"]
    document.pop("mtlsRootUrl", None)
    credentials = Credentials(token=os.environ["INFRA_TEST_TOKEN"])
    return build_from_document(document, credentials=credentials)


container = service("container.v1")
compute = service("compute.v1")
dns = service("dns.v1")
iam = service("iam.v1")
manager = service("cloudresourcemanager.v1")
locations = container.projects().locations()


def until(look):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(look.__doc__ or "it did not come")
        time.sleep(0.05)


def refused(call):
    """The status and the words of a call that has to be refused."""
    try:
        call.execute()
    except HttpError as error:
        body = json.loads(error.content)["error"]
        words = {"http": error.resp.status, "code": body["code"], "status": body.get("status")}
        words["reasons"] = [one["reason"] for one in body.get("errors", [])]
        return words
    raise AssertionError("it was not refused")


def done(operation):
    """Waits for an operation of GKE."""
    name = f"{PARENT}/operations/{operation['name']}"

    def look():
        now = locations.operations().get(name=name).execute()
        return now if now["status"] == "DONE" else None

    ended = until(look)
    assert "error" not in ended, ended
    return ended["operationType"]


def compute_done(operation):
    """Waits for an operation of Compute Engine, by its own call for that."""
    wait = compute.globalOperations().wait
    region = operation.get("region", "").rpartition("/")[2]
    if region:
        wait = lambda project, operation: compute.regionOperations().wait(
            project=project, region=region, operation=operation
        )

    def look():
        now = wait(project=PROJECT, operation=operation["name"]).execute()
        return now if now["status"] == "DONE" else None

    ended = until(look)
    assert "error" not in ended, ended
    return ended["operationType"]


def clusters():
    """All clusters, as any tool lists them."""
    answer = locations.clusters().list(parent=f"projects/{PROJECT}/locations/-").execute()
    assert not answer.get("missingZones"), answer
    return {
        one["name"]: {
            "status": one["status"],
            "version": one["currentMasterVersion"],
            "location": one["location"],
            "labels": one.get("resourceLabels", {}),
            "pools": sorted(pool["name"] for pool in one["nodePools"]),
        }
        for one in answer.get("clusters", [])
    }


def networks():
    """The names of all networks, read page by page."""
    names = []
    request = compute.networks().list(project=PROJECT, maxResults=1)
    while request is not None:
        page = request.execute()
        assert page["kind"] == "compute#networkList", page
        names += [one["name"] for one in page.get("items", [])]
        request = compute.networks().list_next(request, page)
    return sorted(names)


def instances():
    answer = compute.instances().aggregatedList(project=PROJECT).execute()
    scopes = answer["items"].values()
    return sorted(one["name"] for scope in scopes for one in scope.get("instances", []))


def project():
    answer = manager.projects().get(projectId=PROJECT).execute()
    return {"id": answer["projectId"], "state": answer["lifecycleState"]}


def make_network(name):
    """Makes a network with one subnet, and returns what kinds of operations that were."""
    body = {"name": name, "autoCreateSubnetworks": False}
    made = [compute_done(compute.networks().insert(project=PROJECT, body=body).execute())]
    subnet = {
        "name": name,
        "network": f"projects/{PROJECT}/global/networks/{name}",
        "ipCidrRange": "10.90.0.0/20",
        "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.91.0.0/16"}],
    }
    insert = compute.subnetworks().insert(project=PROJECT, region=LOCATION, body=subnet)
    return made + [compute_done(insert.execute())]


def remove_network(name):
    delete = compute.subnetworks().delete(project=PROJECT, region=LOCATION, subnetwork=name)
    gone = [compute_done(delete.execute())]
    delete = compute.networks().delete(project=PROJECT, network=name)
    return gone + [compute_done(delete.execute())]


def network_life():
    """A network and a subnet come and go, and each refusal is the vendor's."""
    name = "by-python"
    kinds = make_network(name)
    body = {"name": name, "autoCreateSubnetworks": False}
    twice = refused(compute.networks().insert(project=PROJECT, body=body))
    used = refused_operation(compute.networks().delete(project=PROJECT, network=name))
    kinds += remove_network(name)
    absent = refused(compute.networks().get(project=PROJECT, network=name))
    return {"kinds": kinds, "twice": twice, "used": used, "absent": absent}


def refused_operation(call):
    """The reason of a refusal that comes at once, or as the operation's end."""
    try:
        operation = call.execute()
    except HttpError as error:
        return json.loads(error.content)["error"]["errors"][0]["reason"]

    def look():
        get = compute.globalOperations().get(project=PROJECT, operation=operation["name"])
        now = get.execute()
        return now if now["status"] == "DONE" else None

    return until(look)["error"]["errors"][0]["code"]


def dns_change():
    """Two records come in one change and go in one; a change that is half wrong changes nothing."""
    zone = {"name": "by-python", "dnsName": "python.example.", "description": "a test"}
    made = dns.managedZones().create(project=PROJECT, body=zone).execute()
    at = {"project": PROJECT, "managedZone": "by-python"}

    def record(name, kind, *data):
        return {"name": f"{name}python.example.", "type": kind, "ttl": 300, "rrdatas": list(data)}

    def names():
        request, all_names = dns.resourceRecordSets().list(**at), []
        while request is not None:
            page = request.execute()
            all_names += [f"{one['type']} {one['name']}" for one in page["rrsets"]]
            request = dns.resourceRecordSets().list_next(request, page)
        return sorted(all_names)

    both = [record("www.", "A", "203.0.113.7"), record("_mark.www.", "TXT", '"infra"')]
    change = dns.changes().create(body={"additions": both}, **at).execute()

    def look():
        now = dns.changes().get(changeId=change["id"], **at).execute()
        return now if now["status"] == "done" else None

    until(look)
    with_both = names()
    half = {"additions": [record("new.", "A", "203.0.113.8"), record("www.", "A", "203.0.113.9")]}
    half = refused(dns.changes().create(body=half, **at))
    after_half = names()
    not_empty = refused(dns.managedZones().delete(**at))
    dns.changes().create(body={"deletions": both}, **at).execute()
    without = names()
    dns.managedZones().delete(**at).execute()
    absent = refused(dns.managedZones().get(**at))
    return {
        "name_servers": len(made["nameServers"]), "with_both": with_both, "half": half,
        "after_half": after_half, "not_empty": not_empty, "without": without, "absent": absent,
    }


def cluster_life():
    """A cluster with one pool is made, gets a second pool, which grows and goes, and is deleted."""
    make_network("by-python-gke")
    name = f"{PARENT}/clusters/by-python"
    pool = {"name": "first", "initialNodeCount": 1, "config": {"machineType": "e2-standard-2"}}
    body = {
        "cluster": {
            "name": "by-python", "nodePools": [pool], "network": "by-python-gke",
            "subnetwork": "by-python-gke", "ipAllocationPolicy": {"useIpAliases": True},
            "locations": [f"{LOCATION}-a"], "resourceLabels": {"team": "shop"},
        }
    }
    create = locations.clusters().create(parent=PARENT, body=body)
    kinds = [done(create.execute())]
    twice = refused(locations.clusters().create(parent=PARENT, body=body))
    made = locations.clusters().get(name=name).execute()
    pools = locations.clusters().nodePools()
    second = {"nodePool": pool | {"name": "second"}}
    operation = pools.create(parent=name, body=second).execute()
    busy = refused(pools.delete(name=f"{name}/nodePools/second"))
    kinds.append(done(operation))
    kinds.append(done(pools.setSize(name=f"{name}/nodePools/second", body={"nodeCount": 2}).execute()))
    listed = pools.list(parent=name).execute()["nodePools"]
    kinds.append(done(pools.delete(name=f"{name}/nodePools/second").execute()))
    kinds.append(done(locations.clusters().delete(name=name).execute()))
    absent = refused(locations.clusters().get(name=name))
    remove_network("by-python-gke")
    return {
        "kinds": kinds, "twice": twice, "status": made["status"], "labels": made["resourceLabels"],
        "has_ca": bool(made["masterAuth"]["clusterCaCertificate"]), "busy": busy,
        "pools": sorted(one["name"] for one in listed), "absent": absent,
    }


def account_life():
    """A service account is made and gets a role by a policy with an etag; an old etag is refused."""
    parent = f"projects/{PROJECT}"
    body = {"accountId": "by-python", "serviceAccount": {"displayName": "a test"}}
    accounts = iam.projects().serviceAccounts()
    made = accounts.create(name=parent, body=body).execute()
    member = f"serviceAccount:{made['email']}"
    role = "roles/container.defaultNodeServiceAccount"
    policy = manager.projects().getIamPolicy(resource=PROJECT, body={}).execute()
    bound = dict(policy, bindings=policy.get("bindings", []) + [{"role": role, "members": [member]}])
    manager.projects().setIamPolicy(resource=PROJECT, body={"policy": bound}).execute()
    stale = refused(manager.projects().setIamPolicy(resource=PROJECT, body={"policy": bound}))
    now = manager.projects().getIamPolicy(resource=PROJECT, body={}).execute()
    has_role = any(member in one["members"] for one in now["bindings"] if one["role"] == role)
    back = dict(policy, etag=now["etag"])
    manager.projects().setIamPolicy(resource=PROJECT, body={"policy": back}).execute()
    accounts.delete(name=made["name"]).execute()
    return {"stale": stale, "has_role": has_role, "email": made["email"]}


STEPS = [
    account_life, cluster_life, clusters, dns_change, instances, network_life, networks, project,
]

if __name__ == "__main__":
    steps = {step.__name__: step for step in STEPS}
    print(json.dumps({name: steps[name]() for name in sys.argv[1:]}))
