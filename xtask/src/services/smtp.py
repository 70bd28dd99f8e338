"""A mail server for tests: see smtp.rs.

The first word of a recipient's or sender's address, up to a `-`, says what becomes of a mail:
  later, never, closing   the recipient is refused with 451, 550, 421
  full, spam              the mail is refused with 452, 554 after it was handed over
  banned                  (a sender) refused with 550
  slowly                  the recipient is never answered
  middle                  the connection is closed while the mail is sent
  drop                    the mail is kept, and the connection closed without an answer
  silent                  the mail is kept, and never answered
Every other mail is kept and answered.

GET /ports                where mail is taken: `plain` (offers logging in), `login` (asks for it)
GET /mails?to=ADDRESS     what that recipient got: sender, content in base64, session
POST /tls                 a key and a certificate in PEM; ports that use them: `smtps`, `starttls`
"""

import asyncio
import base64
import json
import os
import ssl
import sys
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, sys.argv[1])
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword  # noqa: E402

FOREVER = 3600
USER = LoginPassword(b"shop", b"correct-horse")
RECIPIENTS = {
    "later": "451 4.3.0 come back later",
    "never": "550 5.1.1 no such user",
    "closing": "421 4.3.2 closing",
}
MAILS = {"full": "452 4.3.1 no room", "spam": "554 5.6.0 not to our taste"}

mails = []
ports = {}
loop = asyncio.new_event_loop()


def word(address):
    return address.split("@")[0].split("-")[0]


class Server(SMTP):
    async def smtp_DATA(self, arg):
        to = self.envelope.rcpt_tos
        if to and word(to[0]) == "middle":
            await self.push("354 go on")
            await self._reader.read(1)
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if word(address) == "banned":
            return "550 5.7.1 not from you"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if word(address) in RECIPIENTS:
            return RECIPIENTS[word(address)]
        if word(address) == "slowly":
            await asyncio.sleep(FOREVER)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        what = word(envelope.rcpt_tos[0])
        if what in MAILS:
            return MAILS[what]
        mails.append({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": base64.b64encode(envelope.original_content).decode(),
            "session": list(session.peer),
            "hello": session.host_name,
            "is_encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.authenticated else None,
        })
        if what == "silent":
            await asyncio.sleep(FOREVER)
        if what == "drop":
            server.transport.abort()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, login):
    return AuthResult(success=login == USER, handled=False, auth_data=login)


def listen(name, own, **options):
    """Takes mail on a new port."""

    def make():
        return Server(
            Handler(),
            hostname="mail.test",
            authenticator=authenticate,
            auth_require_tls=False,
            loop=loop,
            **own,
        )

    server = loop.create_server(make, "127.0.0.1", 0, **options)
    ports[name] = asyncio.run_coroutine_threadsafe(server, loop).result().sockets[0].getsockname()[1]


def listen_encrypted(pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    listen("smtps", {}, ssl=context)
    listen("starttls", {"tls_context": context, "require_starttls": True})
    return {"smtps": ports["smtps"], "starttls": ports["starttls"]}


class Control(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/mails":
            to = urllib.parse.parse_qs(url.query)["to"]
            self.answer([mail for mail in mails if mail["to"] == to])
        else:
            self.answer(ports)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with turn:
            self.answer(listen_encrypted(body))

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def end():
    """The end of the input is that of whoever started this."""
    sys.stdin.read()
    os._exit(0)


turn = threading.Lock()
threading.Thread(target=end, daemon=True).start()
threading.Thread(target=loop.run_forever, daemon=True).start()
listen("plain", {"enable_SMTPUTF8": True})
listen("login", {"auth_required": True})
control = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Control)
print("Running on", control.server_address, flush=True)
control.serve_forever()
