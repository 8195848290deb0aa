"""Four instances on the database of TEST_DATABASE_URL: instances.py E-MAILS

What is sent, by whichever instance, is sent once; with instances that are killed while they send, at least
once, and twice at most what they had in flight. Whoever watches the queue on one instance hears of what the
others send. Instances that have nothing to do leave the database alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import usher
from usher import Sink, Usher, fail, within

COUNT = 4
WORKERS = 4
# Claimed ahead and in the hands of senders: docs/decisions/0013-claims-ahead.md.
IN_FLIGHT = WORKERS + 32


class Database:
    """The server that the instances share, as its own client sees it."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.is_postgres = self.url.scheme == "postgres"

    def sql(self, sql, database="usher"):
        host = [f"--host={self.url.hostname}", f"--port={self.url.port}", f"--user={self.url.username}"]
        if self.is_postgres:
            command = ["psql", *host, "--no-align", "--tuples-only", "--quiet", f"--dbname={database}", "--command", sql]
        else:
            command = [
                "mariadb", "--no-defaults", *host, "--batch", "--skip-column-names", f"--database={database}",
                "--execute", sql,
            ]
        done = subprocess.run(command, text=True, capture_output=True)
        if done.returncode != 0:
            fail(f"{sql}: {done.stderr}")
        return done.stdout.strip()

    def create(self):
        home = self.url.path.strip("/")
        self.sql("CREATE DATABASE usher", database=home)
        return self.url._replace(path="/usher").geturl()

    def asked(self):
        """How much it has been asked so far: transactions (PostgreSQL), statements (MariaDB)."""
        if self.is_postgres:
            counted = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'usher'"
            return int(self.sql(counted, database="postgres"))
        return int(self.sql("SHOW GLOBAL STATUS LIKE 'Questions'").split()[1])

    def unsent(self):
        return int(self.sql("SELECT COUNT(*) FROM emails WHERE status IN ('queued', 'sending')"))

    def sent(self):
        return int(self.sql("SELECT COUNT(*) FROM emails WHERE status = 'sent'"))


class Watchers:
    """When the watchers of each instance heard that an e-mail was sent."""

    def __init__(self, instances, token):
        self.heard = [{} for _ in instances]
        self.lock = threading.Lock()
        for instance, heard in zip(instances, self.heard):
            instance.watch(token, lambda change, at, heard=heard: self._hear(heard, change, at))

    def _hear(self, heard, change, at):
        if change["status"] == "SENT":
            with self.lock:
                heard.setdefault(change["messageId"].strip("<>"), at)

    def delays(self, arrived):
        """How long after the mail server each watcher heard of each e-mail; an endless time, if never."""
        with self.lock:
            return sorted(
                heard.get(message, float("inf")) - times[0]
                for heard in self.heard
                for message, times in arrived.items()
            )


def watched(sink, watchers, mails):
    """Within what time the watchers hear of most of the next e-mails."""
    before = sink.snapshot()
    within(60, "e-mails go out", lambda: sink.count() - len(before) >= mails)
    arrived = {message: at for message, at in sink.snapshot().items() if message not in before}
    time.sleep(3)
    delays = watchers.delays(arrived)
    return delays[len(delays) * 95 // 100]


def queue_paused(instances, root, addresses):
    """Queues an invitation for each of the addresses, and lets none go yet."""
    instances[0].must_answer("mutation { pauseEmailQueue { userErrors { message } } }", token=root)
    failures = usher.invite(instances, root, addresses, at_once=16)
    if failures:
        fail(f"{len(failures)} invitations failed: {failures[:3]}")


def resume(instance, root):
    instance.must_answer("mutation { resumeEmailQueue { userErrors { message } } }", token=root)


def times(arrived):
    """How many arrived, and how many more than once."""
    return len(arrived), sum(len(each) - 1 for each in arrived.values())


def main():
    mails = int(sys.argv[1])
    folder = tempfile.mkdtemp()
    database = Database(os.environ["TEST_DATABASE_URL"])
    name = "PostgreSQL" if database.is_postgres else "MariaDB"
    url = database.create()
    sink = Sink()
    instances = [
        # A lease of a killed instance is taken over soon.
        Usher(f"usher{number}", folder, url, sink, [f"mail.queue.workers={WORKERS}", "mail.queue.lease=3s",
              "mail.queue.retry_after=1s", "server.shutdown_timeout=2s"])
        for number in range(COUNT)
    ]
    try:
        for instance in instances:
            instance.start()
        for instance in instances:
            instance.must_start()
        root = instances[0].administrator()
        within(20, "the first e-mails are sent", lambda: database.unsent() == 0)

        # They idle. PostgreSQL counts what a session did up to ten seconds later.
        time.sleep(12 if database.is_postgres else 2)
        before, began = database.asked(), time.monotonic()
        time.sleep(10)
        rate = (database.asked() - before) / (time.monotonic() - began)
        if rate >= 5:
            fail(f"{COUNT} idle instances ask {name} {rate:.1f} times a second")
        print(f"instances: {name}: {COUNT} idle instances ask {rate:.1f} times a second in all")

        # Nobody is killed, and somebody watches each of them. At first the mail server takes its time, so that
        # the watchers' share of the machine is what is measured.
        watchers = Watchers(instances, root)
        began = time.monotonic()
        queue_paused(instances, root, [f"guest{number}@example.com" for number in range(mails)])
        queued = time.monotonic() - began
        first, base = sink.snapshot(), database.sent()
        sink.delay = 0.4
        resume(instances[0], root)
        delay = min(watched(sink, watchers, min(125, mails // 8)) for _ in range(3))
        print(f"instances: {name}: watchers of each instance hear of 95 % of what is sent within {delay:.2f} s")
        if delay > 1:
            fail("that is longer than a second")
        sink.delay, before, began = 0, sink.count(), time.monotonic()
        within(120 + mails / 10, "all e-mails are sent", lambda: database.unsent() == 0)
        took = (sink.count() - before) / (time.monotonic() - began)
        arrived = {message: at for message, at in sink.snapshot().items() if message not in first}
        count, again = times(arrived)
        if count != mails or again or database.sent() - base != mails:
            fail(f"{name}: of {mails} e-mails, {count} arrived, {again} of them again")
        print(
            f"instances: {name}: {mails} e-mails, {mails / queued:.0f} queued and {took:.0f} sent a second:"
            " none lost, none twice"
        )
        within(20, "all watchers have heard of all e-mails", lambda: watchers.delays(arrived)[-1] < float("inf"))

        # One after the other is killed while it sends, and started again.
        sink.delay = 0.01
        mails //= 2
        queue_paused(instances, root, [f"late{number}@example.com" for number in range(mails)])
        first, kills = sink.snapshot(), 0
        resume(instances[0], root)
        step = mails // (COUNT + 2)
        for number, instance in enumerate(instances):
            within(60 + mails / 10, "e-mails go out", lambda wanted=(number + 1) * step: sink.count() - len(first) >= wanted)
            instance.kill()
            kills += 1
            instance.start()
        within(120 + mails / 10, "all e-mails are sent", lambda: database.unsent() == 0)
        arrived = {message: at for message, at in sink.snapshot().items() if message not in first}
        count, again = times(arrived)
        if count != mails or again > kills * IN_FLIGHT:
            fail(f"{name}: of {mails} e-mails and {kills} kills, {count} arrived, {again} of them again")
        print(f"instances: {name}: {mails} e-mails and {kills} kills: none lost, {again} twice")
        for instance in instances:
            instance.must_start()
    finally:
        for instance in instances:
            instance.stop()
        if os.environ.get("KEEP"):
            print(f"instances: kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"instances: {name}: ok")


main()
