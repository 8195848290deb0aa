"""Instances on machines whose clocks are wrong: one by ten minutes, one by two hours.

Times that two instances compare run by the database's clock: sessions and links end when they should, whichever
instance is asked, e-mails go when they are due, and the lease of a worker that is busy stays with it. A clock
that is set while an instance runs changes none of that.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import usher
from usher import Sink, Usher, fail, within

SETTINGS = [
    "mail.queue.lease=2s",
    "mail.queue.retry_after=1s",
    "mail.queue.retry_after_at_most=2s",
    "invitations.valid_for=1h",
    "passwords.reset_valid_for=20s",
    "sessions.absolute_timeout=20s",
    "throttle.delay=5s",
]


def clock(folder, name, offset):
    """The environment of a process whose clock is wrong, and the file that says by how much."""
    path = os.path.join(folder, f"{name}.clock")
    set_clock(path, offset)
    environment = {"LD_PRELOAD": os.path.join(folder, "wrong_clock.so"), "WRONG_CLOCK": path}
    return path, environment


def set_clock(path, offset):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(str(offset))
    os.rename(f"{path}.new", path)


def main():
    folder = tempfile.mkdtemp()
    server = urllib.parse.urlsplit(os.environ["TEST_DATABASE_URL"])

    def sql(query, database="usher"):
        command = ["psql", f"--host={server.hostname}", f"--port={server.port}", f"--user={server.username}",
                   "--no-align", "--tuples-only", "--quiet", f"--dbname={database}", "--command", query]
        done = subprocess.run(command, text=True, capture_output=True)
        if done.returncode != 0:
            fail(f"{query}: {done.stderr}")
        return done.stdout.strip()

    sql("CREATE DATABASE usher", database=server.path.strip("/"))
    url = server._replace(path="/usher").geturl()
    sink = Sink()
    instances, clocks = [], []
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrong_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", f"{folder}/wrong_clock.so", source], check=True)
    for name, offset in (("right", 0), ("ahead", 600), ("behind", -7200)):
        path, environment = clock(folder, name, offset)
        clocks.append(path)
        instances.append(Usher(name, folder, url, sink, SETTINGS, environment=environment))
    right, ahead, behind = instances
    now = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"

    def unsent():
        return int(sql("SELECT COUNT(*) FROM emails WHERE status IN ('queued', 'sending')"))

    def sign_in(instance):
        return instance.sign_in("root@example.com")

    def invited_at(instance, address):
        """By how many seconds what an instance writes is off the database's time."""
        failures = usher.invite([instance], sign_in(right), [address])
        if failures:
            fail(str(failures))
        return int(sql(f"SELECT {now} - created_at FROM users WHERE email_normal = '{address}'")) / 1e6

    def accept(instance, address):
        link = sql(
            "SELECT secret_link FROM emails WHERE secret_link IS NOT NULL"
            f" AND recipients_key LIKE '%{address}%'"
        )
        return instance.accept(link.rsplit("token=", 1)[1])

    try:
        for instance in instances:
            instance.start()
        for instance in instances:
            instance.must_start()
        for instance, wrong in ((ahead, True), (behind, True), (right, False)):
            with open(instance.log, encoding="utf-8") as log:
                if ("the database's clock is ahead" in log.read()) != wrong:
                    fail(f"{instance.name} does not tell whether its clock is wrong")
        right.administrator()

        # Whoever writes, it is the same time, and what was written is good for all.
        for instance in instances:
            address = f"{instance.name}@example.com"
            off = invited_at(instance, address)
            if not -1.5 < off < 10:
                fail(f"{instance.name} writes times that are off by {off:.0f} s")
        accept(behind, "ahead@example.com")
        accept(ahead, "behind@example.com")
        print("clocks: invitations work on machines two hours apart")

        # Sessions are neither over early nor late.
        began = time.monotonic()
        tokens = [sign_in(instance) for instance in instances]
        begun = time.monotonic()
        time.sleep(max(0, began + 15 - time.monotonic()))
        for instance in instances:
            for token in tokens:
                if time.monotonic() - began < 19 and not instance.viewer(token):
                    fail(f"{instance.name} ends sessions of 20 s before 19 s")
        time.sleep(max(0, begun + 22 - time.monotonic()))
        for instance in instances:
            for token in tokens:
                if instance.viewer(token):
                    fail(f"{instance.name} lets sessions of 20 s live for 22 s")
        print("clocks: sessions end after 20 s on all of them")

        # The lease of a worker that is busy for long stays with it, whoever that is.
        within(30, "all e-mails are sent", lambda: unsent() == 0)
        sink.delay = 7
        first = sink.snapshot()
        root = sign_in(right)
        failures = usher.invite(instances, root, [f"slow{number}@example.com" for number in range(9)])
        if failures:
            fail(str(failures))
        within(60, "all e-mails are sent", lambda: unsent() == 0)
        arrived = {message: at for message, at in sink.snapshot().items() if message not in first}
        tried = sql("SELECT MAX(attempt_count) FROM emails")
        if len(arrived) != 9 or any(len(times) > 1 for times in arrived.values()) or tried != "1":
            fail(f"{len(arrived)} of 9 slow e-mails arrived, tried {tried} times: {arrived}")
        sink.delay = 0
        print("clocks: leases of 2 s hold for 7 s, and nothing is sent twice")

        # A mail server that is gone pauses the queue for all, and for seconds.
        root = sign_in(right)
        sink.is_away = True
        failures = usher.invite(instances, root, [f"paused{number}@example.com" for number in range(3)])
        if failures:
            fail(str(failures))
        within(10, "the queue is paused", lambda: sql("SELECT transport_retry_at FROM email_queue"))
        sink.is_away = False
        began = time.monotonic()
        within(20, "all e-mails are sent after the pause", lambda: unsent() == 0)
        print(f"clocks: a pause ends on all of them, {time.monotonic() - began:.1f} s after its reason")

        # What one has queued, another one sends, when it is due.
        for gone, left in ((behind, ahead), (ahead, behind)):
            root = sign_in(right)
            right.must_answer("mutation { pauseEmailQueue { userErrors { message } } }", token=root)
            failures = usher.invite([gone], root, [f"left{gone.name}@example.com"])
            if failures:
                fail(str(failures))
            gone.kill()
            right.kill()
            left.must_answer("mutation { resumeEmailQueue { userErrors { message } } }", token=root)
            within(5, "another instance sends the e-mail", lambda: unsent() == 0)
            for instance in (gone, right):
                instance.start()
                instance.must_start()
        print("clocks: what one instance has queued, another one sends at once")

        # Who has guessed too often waits everywhere, and not for longer than it says.
        wrong = (
            "mutation { signIn(input: { email: \"nobody@example.com\", password: \"wrong-horse-battery\" })"
            " { token userErrors { code retryAfter } } }"
        )

        def refusal(instance):
            [error] = instance.must_answer(wrong)["signIn"]["userErrors"]
            return error

        for _ in range(6):
            refusal(behind)
        for instance in instances:
            error = refusal(instance)
            if error["code"] != "TOO_MANY_ATTEMPTS" or not 0 < error["retryAfter"] <= 60:
                fail(f"{instance.name} answers {error} to the seventh guess")
        print("clocks: throttles hold on all of them")

        # A clock is set while the instance runs.
        set_clock(clocks[0], 7200)
        set_clock(clocks[1], 0)
        time.sleep(2.5)
        for instance in instances:
            off = invited_at(instance, f"later{instance.name}@example.com")
            if not -1.5 < off < 10:
                fail(f"after its clock was set, {instance.name} writes times that are off by {off:.0f} s")
        print("clocks: who sets a clock changes nothing")
    finally:
        for instance in instances:
            instance.stop()
        if os.environ.get("KEEP"):
            print(f"clocks: kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("clocks: ok")


if __name__ == "__main__":
    sys.exit(main())
