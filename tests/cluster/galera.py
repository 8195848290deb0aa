"""A Galera cluster of three nodes, an instance on each: galera.py USER INVITATIONS

Nothing is lost, nothing is sent twice, what one instance revokes holds on the others at the next
request, and when a node is killed, the others go on.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time

import usher
from usher import Sink, Usher, fail, free_port, within

MARIADB = ["mariadb", "--no-defaults", "--user=root", "--batch", "--skip-column-names"]


class Node:
    """One node of the cluster."""

    def __init__(self, number, folder, user, ports):
        self.folder = os.path.join(folder, f"node{number}")
        self.socket = os.path.join(self.folder, "socket")
        self.user = user
        self.port = free_port()
        self.replication = ports[number]
        self.peers = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.process = None
        subprocess.run(["install", "-d", "-o", user, self.folder], check=True)
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--user={user}",
                f"--datadir={self.folder}/data",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self, is_first=False):
        name = os.path.basename(self.folder)
        # What is stored here need not survive anything.
        provider = ";".join(
            [
                f"base_port={self.replication}",
                f"ist.recv_addr=127.0.0.1:{free_port()}",
                "gcache.size=32M",
                "gmcast.listen_addr=tcp://127.0.0.1:" + str(self.replication),
                # A node that was killed is left behind soon.
                "evs.suspect_timeout=PT2S",
                "evs.inactive_timeout=PT4S",
                "evs.keepalive_period=PT0.5S",
                "evs.inactive_check_period=PT0.5S",
            ]
        )
        command = [
            "mariadbd",
            "--no-defaults",
            f"--user={self.user}",
            f"--datadir={self.folder}/data",
            f"--socket={self.socket}",
            f"--pid-file={self.folder}/pid",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--max-connections=200",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--wsrep-on=ON",
            "--wsrep-provider=/usr/lib/galera/libgalera_smm.so",
            "--wsrep-cluster-name=usher",
            f"--wsrep-cluster-address=gcomm://{'' if is_first else self.peers}",
            f"--wsrep-node-name={name}",
            f"--wsrep-node-address=127.0.0.1:{self.replication}",
            f"--wsrep-node-incoming-address=127.0.0.1:{self.port}",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{free_port()}",
            f"--wsrep-provider-options={provider}",
        ]
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def must_join(self):
        def is_synced():
            if self.process.poll() is not None:
                with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as log:
                    fail(f"a node does not start:\n{log.read()[-3000:]}")
            return self.try_sql("SHOW STATUS LIKE 'wsrep_local_state_comment'").endswith("Synced")

        within(60, "the node has joined the cluster", is_synced)

    def try_sql(self, sql):
        command = [*MARIADB, f"--socket={self.socket}", "--execute", sql]
        return subprocess.run(command, text=True, capture_output=True).stdout.strip()

    def url(self):
        return f"mysql://usher@127.0.0.1:{self.port}/usher"

    def kill(self):
        self.process.kill()
        self.process.wait()


def ways(instances, number):
    """Two instances that are not the same, another pair for each number."""
    count = len(instances)
    one = number % count
    return instances[one], instances[(one + 1 + number // count % (count - 1)) % count]


def revocations_hold(instances, root, links):
    """What one instance revokes, the others refuse at the next request."""
    late = 0
    for number in range(30):
        here, there = ways(instances, number)
        token = here.sign_in("root@example.com")
        if there.viewer(token) != "root@example.com":
            late += 1
        here.must_answer("mutation { signOut { userErrors { message } } }", token=token)
        if there.viewer(token) is not None:
            late += 1
    if late:
        fail(f"{late} of 60 times, another node did not know of a session's beginning or end")
    # An account that is deactivated is so everywhere, and a link is used up everywhere.
    for number, link in enumerate(links):
        here, there = ways(instances, number)
        token = here.accept(link)
        user = there.must_answer("{ viewer { id } }", token=token)["viewer"] or fail("unknown")
        again = there.ask(
            "mutation($t: String!, $p: String!) { acceptInvitation(input: { token: $t, password: $p }) { token } }",
            {"t": link, "p": usher.PASSWORD},
        )
        if ((again.get("data") or {}).get("acceptInvitation") or {}).get("token"):
            fail("a link works twice")
        here.must_answer(
            "mutation($id: ID!) { deactivateUser(input: { id: $id }) { user { id } userErrors { message } } }",
            {"id": user["id"]},
            root,
        )
        if there.viewer(token) is not None:
            fail("a session of a deactivated user works on another node")


def rules_hold(instances, node, root, other):
    """Rules about several rows hold, although a node knows of no other node's locks."""
    def at_once(mutation, variables, tokens):
        with concurrent.futures.ThreadPoolExecutor(len(instances)) as pool:
            return list(
                pool.map(
                    lambda turn: turn[1].ask(mutation, variables[turn[0]], tokens[turn[0]]),
                    enumerate(instances),
                )
            )

    # Three links for the same user at once: one works. There is none before, so nothing is revoked.
    resend = "mutation($id: ID!) { resendInvitation(input: { userId: $id }) { invitation { id } userErrors { code } } }"
    revoke = "mutation($id: ID!) { revokeInvitation(input: { userId: $id }) { userErrors { code } } }"
    nodes = instances[0].must_answer(
        "{ users(first: 8, filter: { statuses: [INVITED] }) { nodes { id } } }", token=root
    )["users"]["nodes"]
    for user in nodes:
        instances[0].must_answer(revoke, {"id": user["id"]}, root)
        for answer in at_once(resend, [{"id": user["id"]}] * 3, [root] * 3):
            if answer.get("errors"):
                fail(f"a resent invitation failed: {answer}")
    most = node.try_sql(
        "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM usher.invitations"
        " WHERE accepted_at IS NULL AND revoked_at IS NULL GROUP BY user_id) AS open"
    )
    if most != "1":
        fail(f"a user has {most} invitations that work")

    # Two administrators deactivate each other: one remains.
    ids = [instances[0].must_answer("{ viewer { id } }", token=token)["viewer"]["id"] for token in (root, other)]
    deactivate = "mutation($id: ID!) { deactivateUser(input: { id: $id }) { user { id } userErrors { code } } }"
    activate = "mutation($id: ID!) { activateUser(input: { id: $id }) { user { id } userErrors { code } } }"
    tokens = {ids[0]: root, ids[1]: other}
    for _ in range(5):
        at_once(
            deactivate,
            [{"id": ids[1]}, {"id": ids[0]}, {"id": ids[0]}],
            [tokens[ids[0]], tokens[ids[1]], tokens[ids[1]]],
        )
        left = [id for id in ids if instances[2].viewer(tokens[id])]
        if len(left) != 1:
            fail(f"two administrators have deactivated each other, and {len(left)} remain")
        [gone] = [id for id in ids if id not in left]
        instances[1].must_answer(activate, {"id": gone}, tokens[left[0]])
        email = "root@example.com" if gone == ids[0] else "other@example.com"
        tokens[gone] = instances[0].sign_in(email)
    return tokens[ids[0]]


def fail_of(node, what, arrived, messages):
    """Fails with what was recorded of these e-mails, and when each arrived."""
    for message in messages:
        times = ", ".join(f"{at:.3f}" for at in arrived[message])
        attempts = node.try_sql(
            "SELECT attempts.started_at, attempts.finished_at, attempts.outcome, attempts.response"
            " FROM usher.email_attempts attempts JOIN usher.emails ON emails.id = attempts.email_id"
            f" WHERE emails.message_id = '{message}' ORDER BY attempts.started_at"
        )
        print(f"galera: {message} arrived at {times}; its attempts:\n{attempts}")
    fail(what)


def cost_of_waiting(node):
    """How long a query takes without `wsrep_sync_wait` and with it, at best, in microseconds."""
    least = {0: float("inf"), 7: float("inf")}
    for wait in (0, 7) * 5:
        queries = "SELECT COUNT(*) FROM users WHERE id = ''; " * 1000
        began = time.perf_counter()
        node.try_sql(f"SET SESSION wsrep_sync_wait = {wait}; USE usher; {queries}")
        least[wait] = min(least[wait], (time.perf_counter() - began) * 1e6 / 1000)
    return least


def main():
    user, invitations = sys.argv[1], int(sys.argv[2])
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    nodes, instances = [], []
    try:
        began = time.monotonic()
        ports = [free_port() for _ in range(3)]
        nodes = [Node(number, folder, user, ports) for number in range(3)]
        nodes[0].start(is_first=True)
        nodes[0].must_join()
        nodes[0].try_sql(
            "CREATE DATABASE usher; CREATE USER usher@'127.0.0.1'; GRANT ALL ON usher.* TO usher@'127.0.0.1'"
        )
        for node in nodes[1:]:
            node.start()
            node.must_join()
        print(f"galera: three nodes after {time.monotonic() - began:.0f} s")

        sink = Sink()
        instances = [
            Usher(f"usher{number}", folder, node.url(), sink) for number, node in enumerate(nodes)
        ]
        began = time.monotonic()
        for instance in instances:
            instance.start()
        for instance in instances:
            instance.must_start()
        print(f"galera: three instances, started at once, after {time.monotonic() - began:.1f} s")

        root = instances[0].administrator()
        queued = int(nodes[0].try_sql("SELECT COUNT(*) FROM usher.emails"))
        began = time.monotonic()
        addresses = [f"guest{number}@example.com" for number in range(invitations)]
        failures = usher.invite(instances, root, addresses)
        took = time.monotonic() - began
        if failures:
            fail(f"{len(failures)} of {invitations} invitations failed: {failures[:3]}")
        print(f"galera: {invitations} invitations in {took:.1f} s, none failed")
        users = int(nodes[1].try_sql("SELECT COUNT(*) FROM usher.users"))
        if users != invitations + 2:
            fail(f"there are {users} users")

        all_sent = queued + invitations
        statuses = "SELECT status, COUNT(*) FROM usher.emails GROUP BY status"
        # The first invitation was used or replaced before it was sent, or sent: each is its end.
        within(
            60,
            "all e-mails are sent",
            lambda: int(
                nodes[2].try_sql(
                    "SELECT COUNT(*) FROM usher.emails WHERE status NOT IN ('queued', 'sending')"
                )
            )
            == all_sent,
        )
        sent = int(nodes[2].try_sql("SELECT COUNT(*) FROM usher.emails WHERE status = 'sent'"))
        arrived = sink.snapshot()
        twice = [message for message, times in arrived.items() if len(times) > 1]
        if twice or len(arrived) != sent or sent < invitations:
            what = f"{len(arrived)} arrived, {len(twice)} of them twice: {nodes[2].try_sql(statuses)}"
            fail_of(nodes[2], what, arrived, twice)
        print(f"galera: {sent} e-mails, none lost, none twice")

        links = [
            row.rsplit("token=", 1)[1]
            for row in nodes[0]
            .try_sql("SELECT secret_link FROM usher.emails WHERE secret_link IS NOT NULL LIMIT 6")
            .splitlines()
        ]
        revocations_hold(instances, root, links)
        print("galera: revocations hold on every node at the next request")
        failures = usher.invite(instances, root, ["other@example.com"])
        if failures:
            fail(str(failures))
        link = nodes[0].try_sql(
            "SELECT secret_link FROM usher.emails WHERE recipients_key LIKE '%other@example.com%'"
        )
        root = rules_hold(instances, nodes[0], root, instances[1].accept(link.rsplit("token=", 1)[1]))
        print("galera: a user has one invitation, and one administrator remains")
        cost = cost_of_waiting(nodes[1])
        print(f"galera: a query takes {cost[0]:.0f} us without waiting for the others, {cost[7]:.0f} us with")

        # A node is killed: the others go on, after they have agreed that it is gone.
        nodes[2].kill()
        instances[2].kill()
        began = time.monotonic()
        within(
            30,
            "the others go on",
            lambda: instances[0].viewer(root) and instances[1].viewer(root),
        )
        addresses = [f"late{number}@example.com" for number in range(20)]
        failures = usher.invite(instances[:2], root, addresses, at_once=4)
        if failures:
            fail(f"after a node was killed, {len(failures)} of 20 invitations failed: {failures[:3]}")
        print(f"galera: a node was killed, and 20 invitations done {time.monotonic() - began:.1f} s later")
        within(
            90,
            "their e-mails are sent",
            lambda: nodes[0].try_sql(
                "SELECT COUNT(*) FROM usher.emails WHERE status IN ('queued', 'sending')"
            )
            == "0",
        )
        arrived = sink.snapshot()
        twice = [message for message, times in arrived.items() if len(times) > 1]
        if twice:
            fail_of(nodes[0], f"{len(twice)} e-mails were sent twice", arrived, twice)
    finally:
        for instance in instances:
            instance.stop()
        for node in nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        if os.environ.get("KEEP"):
            print(f"galera: kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("galera: ok")


main()
