#!/usr/bin/python3
"""The shop's front: GET / asks one of the API's instances to count and shows the number as a page.

Takes ADDR, PORT (where to listen) and API (host:port, several with commas) from its environment.
"""
import http.server
import json
import os
import random
import urllib.request


def count():
    """Asks the API's instances in a random order until one answers."""
    endpoints = os.environ["API"].split(",")
    error = OSError("no API endpoint")
    for endpoint in random.sample(endpoints, len(endpoints)):
        try:
            with urllib.request.urlopen("http://%s/count" % endpoint, timeout=0.5) as answer:
                return json.load(answer)["count"], endpoint
        except (OSError, ValueError, KeyError) as e:
            error = e
    raise OSError("no API instance answers: %s" % error)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, "ok\n")
            return
        try:
            number, endpoint = count()
            self.answer(200, "<h1>You are visitor %d</h1>\n<p>counted by %s</p>\n" % (number, endpoint))
        except OSError as e:
            self.answer(503, "<h1>Closed for a moment</h1>\n<p>%s</p>\n" % e)

    def answer(self, code, page):
        data = page.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        if self.path != "/healthz":
            super().log_message(*args)


if __name__ == "__main__":
    print("asking the API at", os.environ["API"], flush=True)
    http.server.ThreadingHTTPServer((os.environ["ADDR"], int(os.environ["PORT"])), Handler).serve_forever()
