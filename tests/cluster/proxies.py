"""Usher behind HAProxy, nginx and Caddy, as deploy/ configures them.

Behind HAProxy, two servers are restarted in turn under load: no request is lost. Through each of the proxies, a
request reaches the server under the proxy's ID, an event stream passes what comes at
once, and no token is left in the proxy's log.
"""

import collections
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from usher import Sink, Usher, fail, free_port, within

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RESTARTS = 4
CALLERS = 16
TOKEN = "5ecre75ecre75ecre75ecre75ecre75ecre75ecre75"


def read(*path):
    with open(os.path.join(ROOT, "deploy", *path), encoding="utf-8") as file:
        return file.read()


def put(text, changes):
    """The text with each of the changes made; one that finds nothing to change is a mistake."""
    for pattern, replacement in changes.items():
        text, count = re.subn(pattern, replacement, text)
        if not count:
            fail(f"nothing in the configuration is like {pattern}")
    return text


class Proxy:
    """A proxy of its own, which ends with the script."""

    def __init__(self, name, folder, check, command, port, tls):
        self.name, self.port, self.tls = name, port, tls
        checked = subprocess.run(check, cwd=folder, text=True, capture_output=True)
        if checked.returncode != 0:
            fail(f"{name} refuses the configuration: {checked.stdout}{checked.stderr}")
        self.output = os.path.join(folder, f"{name}.out")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)

    def connection(self, timeout=60):
        if self.tls:
            context = ssl._create_unverified_context()
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def must_answer(self):
        def answers():
            try:
                connection = self.connection()
                connection.request("GET", "/healthz", headers={"Host": "people.example.com"})
                return connection.getresponse().status == 200
            except OSError:
                return False

        within(20, f"{self.name} answers", answers)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def certificate(folder):
    """A certificate for people.example.com that is good for this script."""
    pem, key = os.path.join(folder, "people.pem"), os.path.join(folder, "people.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=people.example.com", "-addext", "subjectAltName=DNS:people.example.com", "-out", pem, "-keyout", key],
        check=True, capture_output=True,
    )
    both = os.path.join(folder, "both.pem")
    with open(both, "wb") as file:
        for part in (pem, key):
            with open(part, "rb") as source:
                file.write(source.read())
    return pem, key, both


def haproxy(folder, instances):
    _, _, both = certificate(folder)
    port = free_port()
    text = put(read("haproxy", "haproxy.cfg"), {
        r"bind :443 ssl crt \S+": f"bind 127.0.0.1:{port} ssl crt {both}",
        r"10\.0\.0\.11:8000": f"127.0.0.1:{instances[0].port}",
        r"10\.0\.0\.12:8000": f"127.0.0.1:{instances[1].port}",
    })
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return Proxy("haproxy", folder, ["haproxy", "-c", "-f", path], ["haproxy", "-db", "-f", path], port, tls=True)


def nginx(folder, instance):
    pem, key, _ = certificate(folder)
    port = free_port()
    text = put(read("nginx", "usher.conf"), {
        r"listen 443 ssl http2": f"listen 127.0.0.1:{port} ssl http2",
        r"/etc/ssl/people\.example\.com\.pem": pem,
        r"/etc/ssl/people\.example\.com\.key": key,
        r"/var/log/nginx/usher\.log": os.path.join(folder, "nginx-access.log"),
        r"/var/log/nginx/usher-error\.log": os.path.join(folder, "nginx-error.log"),
        r"127\.0\.0\.1:8000": f"127.0.0.1:{instance.port}",
    })
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"pid {folder}/nginx.pid; error_log {folder}/nginx-error.log; daemon off;\n"
                   f"events {{}}\nhttp {{\n{text}\n}}\n")
    command = ["nginx", "-c", path, "-e", os.path.join(folder, "nginx-error.log")]
    return Proxy("nginx", folder, [*command, "-t"], command, port, tls=True)


def caddy(folder, instance):
    port = free_port()
    text = put(read("caddy", "Caddyfile"), {
        r"grace_period 10s": f"grace_period 1s\n\tadmin off\n\thttp_port {port}",
        # With TLS, Caddy would ask an authority for a certificate.
        r"(?m)^people\.example\.com \{": "http://people.example.com {",
        r"127\.0\.0\.1:8000": f"127.0.0.1:{instance.port}",
    })
    path = os.path.join(folder, "Caddyfile")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    name = ["--config", path, "--adapter", "caddyfile"]
    return Proxy("caddy", folder, ["caddy", "validate", *name], ["caddy", "run", *name], port, tls=False)


def restarts(proxy, instances, token):
    """Asks as fast as it goes, over connections that are kept open, while the servers are restarted in turn."""
    query = json.dumps({"query": "{ viewer { email } }"})
    headers = {
        "Host": "people.example.com", "Authorization": f"Bearer {token}", "Content-Type": "application/json",
        "Accept": "application/graphql-response+json",
    }
    outcomes, lost = collections.Counter(), []
    ends = threading.Event()

    def ask():
        connection = proxy.connection()
        while not ends.is_set():
            try:
                connection.request("POST", "/graphql", query, headers)
                answer = connection.getresponse()
                body = answer.read()
                outcomes[answer.status] += 1
                if answer.status != 200 or b"root@example.com" not in body:
                    lost.append((answer.status, body[:200]))
            except (OSError, http.client.HTTPException) as error:
                outcomes[repr(error)] += 1
                lost.append(error)
                connection = proxy.connection()

    callers = [threading.Thread(target=ask, daemon=True) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for number in range(RESTARTS):
        instance = instances[number % 2]
        instance.stop()
        instance.start()
        instance.must_start()
        # Until HAProxy has seen that it is back.
        time.sleep(2)
    ends.set()
    for caller in callers:
        caller.join()
    if lost or outcomes[200] < 1000:
        fail(f"{len(lost)} requests were lost behind haproxy: {lost[:3]}; {outcomes}")
    print(f"proxies: {RESTARTS} restarts behind haproxy, {outcomes[200]} requests, 0 lost")


def passes(proxy, instance, others, folder, token):
    """One request of each kind through a proxy."""
    connection = proxy.connection()
    connection.request("GET", f"/accept-invitation?token={TOKEN}", headers={
        "Host": "people.example.com", "Referer": f"https://people.example.com/?token={TOKEN}",
    })
    answer = connection.getresponse()
    answer.read()
    request_id = answer.getheader("X-Request-Id")
    if answer.status != 200 or not request_id:
        fail(f"{proxy.name}: {answer.status} {answer.getheaders()}")

    # An event stream: an e-mail that is queued while somebody watches is told at once.
    watcher = proxy.connection(timeout=20)
    watcher.request(
        "POST", "/graphql", json.dumps({"query": "subscription { emailChanged { email { status } } }"}),
        {"Host": "people.example.com", "Content-Type": "application/json", "Accept": "text/event-stream",
         "Authorization": f"Bearer {token}"},
    )
    stream = watcher.getresponse()
    if stream.status != 200:
        fail(f"{proxy.name}: {stream.status} {stream.read()}")
    # It is subscribed once its first sign of life is there, or an event.
    said = threading.Event()

    def listen():
        for line in stream:
            if b"emailChanged" in line:
                said.set()
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()

    def told():
        instance.must_answer(
            'mutation { sendTestEmail(input: { to: "ada@example.com" }) { userErrors { code } } }', token=token
        )
        return said.wait(1)

    within(15, f"{proxy.name} passes an event on", told)
    watcher.close()
    # A server that is away, when somebody opens a link.
    instance.stop()
    if proxy.name == "haproxy":
        others.stop()
    connection = proxy.connection()
    connection.request("GET", f"/accept-invitation?token={TOKEN}", headers={
        "Host": "people.example.com", "Referer": f"https://people.example.com/?token={TOKEN}",
    })
    if connection.getresponse().status < 500:
        fail(f"{proxy.name} answers without a server")
    proxy.stop()
    for stopped in (instance, others):
        if stopped.process.poll() is not None:
            stopped.start()
            stopped.must_start()
    logs = ""
    for name in os.listdir(folder):
        if name.startswith(proxy.name):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                logs += file.read()
    if "accept-invitation" not in logs:
        fail(f"{proxy.name} has logged nothing: {logs}")
    if TOKEN in logs:
        fail(f"{proxy.name} has logged a token")
    if proxy.name == "nginx" and request_id not in logs:
        fail(f"{proxy.name} does not know the request as {request_id}, which the server does")
    print(f"proxies: {proxy.name}: ok")


def main():
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    server = urllib.parse.urlsplit(os.environ["TEST_DATABASE_URL"])
    command = ["psql", f"--host={server.hostname}", f"--port={server.port}", f"--user={server.username}", "--quiet",
               f"--dbname={server.path.strip('/')}", "--command", "CREATE DATABASE usher"]
    subprocess.run(command, check=True)
    url = server._replace(path="/usher").geturl()
    sink = Sink()
    # As they are, but for what makes them drain.
    settings = ['server.trusted_proxies=["127.0.0.1"]', "server.drain=5s", "log.format=json"]
    instances = [Usher(name, folder, url, sink, settings) for name in ("one", "two")]
    proxies = []
    try:
        for instance in instances:
            instance.start()
            instance.must_start()
        token = instances[0].administrator()
        for make in (lambda: haproxy(folder, instances), lambda: nginx(folder, instances[0]),
                     lambda: caddy(folder, instances[0])):
            proxy = make()
            proxies.append(proxy)
            proxy.must_answer()
        restarts(proxies[0], instances, token)
        for proxy in proxies:
            passes(proxy, instances[0], instances[1], folder, token)
    finally:
        for proxy in proxies:
            proxy.process.kill()
        for instance in instances:
            instance.stop()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
