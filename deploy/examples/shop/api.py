#!/usr/bin/python3
"""The shop's API: GET /count adds one to a counter in redis and answers with it as JSON.

Takes ADDR, PORT (where to listen) and REDIS (host:port) from its environment.
"""
import http.server
import json
import os
import socket


def redis(*words):
    """One command over a fresh connection, by the redis protocol; an integer or text comes back."""
    host, port = os.environ["REDIS"].rsplit(":", 1)
    command = b"*%d\r\n" % len(words)
    for word in words:
        command += b"$%d\r\n%s\r\n" % (len(word), word.encode())
    with socket.create_connection((host, int(port)), timeout=0.4) as s:
        s.sendall(command)
        answer = s.makefile("rb").readline().decode().strip()
    if answer.startswith("-") or not answer:
        raise OSError("redis says: " + (answer or "nothing"))
    return int(answer[1:]) if answer.startswith(":") else answer[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            if self.path == "/count":
                self.answer(200, {"count": redis("INCR", "count"), "redis": os.environ["REDIS"], "pid": os.getpid()})
            elif self.path == "/healthz":
                self.answer(200, {"redis": redis("PING")})
            else:
                self.answer(404, {"error": "try /count"})
        except OSError as e:
            self.answer(503, {"error": str(e), "redis": os.environ["REDIS"]})

    def answer(self, code, body):
        data = json.dumps(body).encode() + b"\n"
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        if self.path != "/healthz":
            super().log_message(*args)


if __name__ == "__main__":
    print("counting in redis at", os.environ["REDIS"], flush=True)
    http.server.ThreadingHTTPServer((os.environ["ADDR"], int(os.environ["PORT"])), Handler).serve_forever()
