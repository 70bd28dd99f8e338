"""A shop for the browser to look at: a server with the demo data, a gateway that can go away, and a
warehouse that says what it is told to say. All of them are real processes or sockets; nothing here
judges anything. Read on in main.py."""

import http.server
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

START_SECS_MAX = 30
WAIT_SECS_MAX = 20
ADMIN = ("admin@example.com", "admin123")
CUSTOMER = ("user@example.com", "user123")
GATEWAY = {
    "ONHAND_RAZORPAY_KEY_ID": "rzp_test_simulated",
    "ONHAND_RAZORPAY_KEY_SECRET": "simulated-key-secret",
    "ONHAND_RAZORPAY_WEBHOOK_SECRET": "simulated-webhook-secret",
}
UNLIMITED = ["--rate-reads=0", "--rate-writes=0", "--rate-checkout=0", "--rate-auth=0"]


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def eventually(what, look):
    """What `look` finds, once it finds something; fails when it takes too long."""
    end = time.monotonic() + WAIT_SECS_MAX
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"it did not come about: {what}"
        time.sleep(0.05)


class Warehouse:
    """Answers with the rows that were put there."""

    def __init__(self):
        rows = self.rows = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(rows).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Shop:
    """The server and what is around it, in a folder of its own."""

    def __init__(self, onhand, folder):
        self.onhand, self.folder = onhand, folder
        self.warehouse = Warehouse()
        self.port, self.gateway_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.gateway = None
        self.start_gateway()
        environment = {
            **os.environ,
            **GATEWAY,
            "ONHAND_RAZORPAY_URL": f"http://127.0.0.1:{self.gateway_port}",
            "ONHAND_PAYMENT_TRIES": "1",
            "ONHAND_PAYMENT_BACKOFF_MS": "1",
            "ONHAND_WAREHOUSE_URL": self.warehouse.url,
        }
        serve = ["serve", "--demo", "--listen", f"127.0.0.1:{self.port}", "--dialect", "flow=off"]
        allow = ["--warehouse-allow-http", "--warehouse-allow-private", "127.0.0.0/8"]
        self.log = open(os.path.join(folder, "serve.log"), "wb")
        self.server = subprocess.Popen(
            [onhand, *serve, *allow, *UNLIMITED],
            cwd=folder, env=environment, stdout=self.log, stderr=self.log,
        )
        eventually("the server answers", self.is_ready)
        self.token = self.api("POST", "/v1/auth/login", dict(zip(("email", "password"), ADMIN)))[
            "access_token"
        ]

    def is_ready(self):
        assert self.server.poll() is None, "the server has ended: see serve.log"
        try:
            urllib.request.urlopen(f"{self.url}/readyz", timeout=START_SECS_MAX).close()
            return True
        except OSError:
            return False

    def start_gateway(self):
        webhooks = f"{self.url}/v1/payments/webhooks/razorpay"
        self.gateway = subprocess.Popen(
            [self.onhand, "fake-gateway", "--listen", f"127.0.0.1:{self.gateway_port}",
             "--webhook-url", webhooks, "--auto-pay", "--seed", "7"],
            env={**os.environ, **GATEWAY}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def stop_gateway(self):
        self.gateway.kill()
        self.gateway.wait()

    def api(self, method, path, body=None, key=None):
        """What a program would be answered."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if key:
            request.add_header("Idempotency-Key", key)
        if path != "/v1/auth/login":
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, data, timeout=WAIT_SECS_MAX) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()}") from error

    def order(self, key, sku, quantity=1, **more):
        body = {"items": [{"sku": sku, "quantity": quantity}], **more}
        return self.api("POST", "/v1/orders", body, key)

    def paid_order(self, key, sku):
        """An order for which the gateway has taken the money."""
        order = self.order(key, sku, payment={})
        payment = order["id"].replace("ord_", "pay_")
        is_paid = lambda: self.api("GET", f"/v1/payments/{payment}")["status"] == "captured"
        eventually("the order is paid", is_paid)
        return order["id"]

    def stop(self):
        """Stops everything; what was remembered has to be right."""
        self.server.terminate()
        code = self.server.wait(START_SECS_MAX)
        self.stop_gateway()
        self.log.close()
        assert code == 0, f"the server ended with {code}"
        verify = [self.onhand, "verify", "--full"]
        checked = subprocess.run(verify, cwd=self.folder, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
