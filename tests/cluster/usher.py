"""Instances of Usher on a shared database, the mail server that they send to, and what a client asks.

Standard library only. The scripts next to this one say what must hold.
"""

import asyncio
import collections
import concurrent.futures
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

BINARY = os.environ["USHER"]
PASSWORD = "walrus-teapot-93-orbit"


def fail(message):
    """Ends the script."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def within(seconds, what, holds):
    """Waits until something holds, and returns it."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            fail(f"after {seconds} s, this does not hold: {what}")
        time.sleep(0.05)


class Sink:
    """A mail server that accepts all e-mails and remembers the Message-ID of each, and when it came."""

    def __init__(self):
        self.arrived = collections.defaultdict(list)
        self.lock = threading.Lock()
        self.port = free_port()
        # How long it takes for each e-mail, and whether it takes none.
        self.delay = 0.0
        self.is_away = False
        started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True).start()
        started.wait()

    async def _serve(self, started):
        server = await asyncio.start_server(self._receive, "127.0.0.1", self.port, backlog=256)
        started.set()
        async with server:
            await server.serve_forever()

    async def _receive(self, reader, writer):
        def say(line):
            writer.write(line.encode() + b"\r\n")

        try:
            if self.is_away:
                say("421 away")
                return
            say("220 sink ESMTP")
            while line := await reader.readline():
                command = line.strip().upper()
                if command.startswith(b"EHLO"):
                    say("250-sink")
                    say("250 PIPELINING")
                elif command == b"DATA":
                    say("354 go on")
                    mail = await reader.readuntil(b"\r\n.\r\n")
                    found = re.search(rb"(?im)^Message-ID:\s*<([^>]+)>", mail)
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    with self.lock:
                        self.arrived[found.group(1).decode()].append(time.monotonic())
                    say("250 accepted")
                elif command == b"QUIT" or self.is_away:
                    say("221 bye" if command == b"QUIT" else "421 away")
                    return
                else:
                    say("250 ok")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def snapshot(self):
        with self.lock:
            return {message: list(times) for message, times in self.arrived.items()}

    def count(self):
        """How many different e-mails there were."""
        with self.lock:
            return len(self.arrived)


class Usher:
    """One instance."""

    def __init__(self, name, folder, database, sink, settings=(), environment=None):
        self.name = name
        self.port = free_port()
        self.log = os.path.join(folder, f"{name}.log")
        self.command = [BINARY]
        for setting in (
            f"server.bind=127.0.0.1:{self.port}",
            f"database.url={database}",
            "mail.transport=smtp",
            "mail.smtp.host=127.0.0.1",
            f"mail.smtp.port={sink.port}",
            "mail.smtp.tls=none",
            "server.drain=0s",
            # A machine that is busy with other things is no failure.
            "graphql.timeout=60s",
            "server.request_timeout=70s",
            # What is measured here is not how long a hash takes.
            "passwords.argon2.memory_kib=8192",
            "passwords.argon2.iterations=5",
            *settings,
        ):
            self.command += ["--set", setting]
        self.folder = folder
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, stdout=log, stderr=log, env=self.environment
            )

    def status(self, path="/readyz"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def must_start(self, seconds=60):
        def is_ready():
            if self.process.poll() is not None:
                with open(self.log, encoding="utf-8") as log:
                    fail(f"{self.name} does not start:\n{log.read()[-2000:]}")
            return self.status() == 200

        within(seconds, f"{self.name} is ready", is_ready)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def run(self, *arguments):
        """Runs another command with the same settings."""
        done = subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=self.environment, text=True, capture_output=True
        )
        if done.returncode != 0:
            fail(f"{arguments}: {done.stderr}")
        return done.stdout

    def ask(self, query, variables=None, token=None, timeout=60):
        """What the API answers: `data` and perhaps `errors`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables or {}}).encode(),
            {"Content-Type": "application/json", "Accept": "application/graphql-response+json"},
        )
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            body = error.read()
            try:
                return json.loads(body)
            except ValueError:
                return {"errors": [{"message": f"{error.code} {body!r}"}]}
        except OSError as error:
            return {"errors": [{"message": str(error)}]}

    def must_answer(self, query, variables=None, token=None):
        answer = self.ask(query, variables, token)
        if answer.get("errors") or not answer.get("data"):
            fail(f"{self.name}: {query}: {answer}")
        return answer["data"]

    def accept(self, token):
        """Accepts an invitation, and returns the session's token."""
        data = self.must_answer(
            "mutation($t: String!, $p: String!) {"
            " acceptInvitation(input: { token: $t, password: $p }) { token userErrors { message } } }",
            {"t": token, "p": PASSWORD},
        )["acceptInvitation"]
        return data["token"] or fail(f"{self.name}: {data}")

    def sign_in(self, email):
        data = self.must_answer(
            "mutation($e: EmailAddress!, $p: String!) {"
            " signIn(input: { email: $e, password: $p }) { token userErrors { message } } }",
            {"e": email, "p": PASSWORD},
        )["signIn"]
        return data["token"] or fail(f"{self.name}: {data}")

    def viewer(self, token):
        """The e-mail address of whom the token belongs to, if to anybody."""
        answer = self.ask("{ viewer { email } }", token=token)
        viewer = (answer.get("data") or {}).get("viewer")
        return viewer and viewer["email"]

    def administrator(self):
        """The session's token of an administrator who has just been invited."""
        link = self.run("invite-administrator", "root@example.com").strip().splitlines()[-1]
        return self.accept(link.rsplit("token=", 1)[1])

    def watch(self, token, seen):
        """Subscribes to changes of e-mails; `seen` is called with each and the time. Ends with the server."""

        def read():
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.port}/graphql",
                json.dumps(
                    {"query": "subscription { emailChanged { email { messageId status } } }"}
                ).encode(),
                {
                    "Content-Type": "application/json",
                    "Accept": "text/event-stream",
                    "Authorization": f"Bearer {token}",
                },
            )
            try:
                with urllib.request.urlopen(request, timeout=120) as stream:
                    for line in stream:
                        if line.startswith(b"data:") and b"emailChanged" in line:
                            change = json.loads(line[5:])["data"]["emailChanged"]["email"]
                            seen(change, time.monotonic())
            except (OSError, ValueError):
                pass

        thread = threading.Thread(target=read, daemon=True)
        thread.start()


INVITE = (
    "mutation($e: EmailAddress!, $r: [ID!]!) {"
    " inviteUser(input: { email: $e, roleIds: $r }) { user { id } userErrors { message } } }"
)


def role(instance, token):
    """The role of administrators, which is always there."""
    return instance.must_answer("{ roles(first: 1) { nodes { id } } }", token=token)["roles"]["nodes"][0]["id"]


def invite(instances, token, addresses, at_once=32):
    """Invites all of the addresses, by the instances in turn; returns what was answered to those that
    failed."""
    role_id = role(instances[0], token)

    def one(numbered):
        number, address = numbered
        instance = instances[number % len(instances)]
        answer = instance.ask(INVITE, {"e": address, "r": [role_id]}, token)
        invited = (answer.get("data") or {}).get("inviteUser")
        return None if invited and invited["user"] else (instance.name, address, answer)

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return [failure for failure in pool.map(one, enumerate(addresses)) if failure]
