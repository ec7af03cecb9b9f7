"""What we promise by other people's rules, against other people's programs; see peers.sh. Usage: peers.py BINARY."""

import datetime
import http.server
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from email import message_from_bytes
from email.header import decode_header, make_header

import chinese_calendar
from aiosmtpd.controller import Controller
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BINARY = sys.argv[1]
DAY = datetime.timedelta(days=1)
PATIENCE = 30
OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def is_worked(date):
    """The package knows published years only; after them weekdays count (rule 12)."""
    try:
        return chinese_calendar.is_workday(date)
    except NotImplementedError:
        return date.weekday() < 5


def forward(date, days):
    while days:
        date += DAY
        days -= is_worked(date)
    return date


def back(date):
    date -= DAY
    while not is_worked(date):
        date -= DAY
    return date


def check_deadlines(directory):
    env = {**os.environ, "BANGBAN__DATA__DIR": directory}
    command = [BINARY, "calendar", "deadlines", "--from", "2025-01-01", "--days", "730"]
    lines = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 730, len(lines)
    date = datetime.date(2025, 1, 1)
    for line in lines:
        due = [forward(date, 5), forward(date, 2), back(date)]
        expected = " ".join([str(date), *(f"{day}T17:00:00+08:00" for day in due)])
        assert line == expected, f"{line} is not {expected}"
        date += DAY
    print(f"deadlines of {len(lines)} days agree")


class Receiver(http.server.BaseHTTPRequestHandler):
    """Webhooks at /hook (the first attempt fails), a redirect into the network at /elsewhere."""

    got = queue.Queue()
    attempts = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.put((self.path, dict(self.headers), body))
        key = (self.path, self.headers.get("webhook-id"))
        Receiver.attempts[key] = Receiver.attempts.get(key, 0) + 1
        if self.path == "/elsewhere":
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/inside")
        else:
            self.send_response(500 if Receiver.attempts[key] == 1 else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mailbox:
    got = queue.Queue()

    async def handle_DATA(self, server, session, envelope):
        Mailbox.got.put((envelope.rcpt_tos, envelope.content))
        return "250 OK"


def ask(base, method, path, token, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(base + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def until(what, find):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def check_messages(directory):
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    hook = f"http://127.0.0.1:{receiver.server_port}"
    # The controller asks its own port whether it is there, so it has to know it.
    with socket.create_server(("127.0.0.1", 0)) as free:
        mail_port = free.getsockname()[1]
    mail = Controller(Mailbox(), hostname="127.0.0.1", port=mail_port)
    mail.start()
    config = os.path.join(directory, "config.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""
[http]
listen = "127.0.0.1:0"
[service]
hours = "always"
[notify]
allow = ["127.0.0.1"]
quiet_from = "00:00"
quiet_to = "00:00"
[notify.smtp]
host = "127.0.0.1"
port = {mail_port}
security = "none"
from = "bangban@example.cn"
mailboxes = {{ sh = "kb@example.cn" }}
[notify.webhooks]
real = {{ url = "{hook}/hook", secret = "{NEW}", previous_secret = "{OLD}" }}
moved = {{ url = "{hook}/elsewhere", secret = "{NEW}" }}
""")
    env = {**os.environ, "BANGBAN__DATA__DIR": directory}
    with open(os.path.join(directory, "log"), "wb") as log:
        server = subprocess.Popen(
            [BINARY, "serve", "--demo", "--config", config], env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            base = "http://" + server.stdout.readline().split("ws://")[1].strip().removesuffix("/ws")
            check_told(base)
        except BaseException:
            with open(os.path.join(directory, "log"), encoding="utf-8") as file:
                sys.stderr.write(file.read()[-4000:])
            raise
        finally:
            server.terminate()
            server.wait(PATIENCE)
            mail.stop()
            receiver.shutdown()


def check_told(base):
    def token(login):
        return ask(base, "POST", "/api/staff/login", None, {"login": login, "password": "bangban-demo"})["token"]

    editor, admin = token("editor1"), token("admin1")
    # In force already: due and overdue at once.
    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()
    question = "新政策的补贴怎么申领"
    policy = {"unit": "sh", "title": "测试政策", "effectiveOn": str(today), "questions": [{"question": question}]}
    task = ask(base, "POST", "/api/policies", editor, policy)["tasks"][0]["id"]

    to, content = Mailbox.got.get(timeout=PATIENCE)
    message = message_from_bytes(content)
    subject = str(make_header(decode_header(message["Subject"])))
    text = message.get_payload(decode=True).decode()
    assert to == ["kb@example.cn"] and message["From"] == "bangban@example.cn", (to, message["From"])
    assert question in text and question in subject, (subject, text)
    assert message["Message-ID"].startswith("<nt_") and message["Message-ID"].endswith("@example.cn>")

    hooked = []
    until("a second attempt", lambda: hooked.append(Receiver.got.get(timeout=PATIENCE)) or len(seen(hooked, "/hook")) == 2)
    first, second = seen(hooked, "/hook")
    assert first[1]["webhook-id"] == second[1]["webhook-id"], "a repetition has the same id"
    for secret in (OLD, NEW):
        data = Webhook(secret).verify(second[2], {name.lower(): value for name, value in second[1].items()})
        assert data["type"] == "task.overdue" and data["data"]["task"] == task, data
    try:
        Webhook(NEW).verify(second[2] + b" ", {name.lower(): value for name, value in second[1].items()})
        raise AssertionError("another body has the same signature")
    except WebhookVerificationError:
        pass

    # The list says what became of each; nothing has followed the redirect.
    lines = until("a failure", lambda: [one for one in messages(base, admin) if one["to"] == "moved" and one["attempts"]])
    assert lines[0]["state"] == "waiting" and lines[0]["error"] == "status 307", lines
    wanted = {("email", "sh", "sent"), ("webhook", "real", "sent")}
    until("both are sent", lambda: wanted <= {(one["channel"], one["to"], one["state"]) for one in messages(base, admin)})
    assert not seen(hooked, "/inside") and not any(path == "/inside" for path, _ in Receiver.attempts), "followed"
    print("e-mail and webhooks are understood by their receivers")


def seen(hooked, path):
    return [one for one in hooked if one[0] == path]


def messages(base, admin):
    return ask(base, "GET", "/api/messages", admin)["messages"]


with tempfile.TemporaryDirectory() as folder:
    check_deadlines(folder)
with tempfile.TemporaryDirectory() as folder:
    check_messages(folder)
