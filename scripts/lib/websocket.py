"""A WebSocket's client by hand, for the tests: what a server does wrong shows. Source: RFC 6455."""
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10  # frames
FIN, MASKED = 0x80, 0x80


class WebSocket:
    """Asks for one on a connection, which may speak TLS; status and headers are what is answered."""

    def __init__(self, connection, path, *headers, behind=b""):
        self.connection, self.file = connection, connection.makefile("rb")
        lines = ["GET %s HTTP/1.1" % path, "Host: %s:%d" % connection.getpeername()[:2], "Connection: keep-alive, Upgrade",
                 "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *(headers or ["Sec-WebSocket-Version: 13"])]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + behind)
        self.status = int(self.file.readline().split()[1])
        self.headers = dict(line.decode().strip().split(": ", 1) for line in iter(self.file.readline, b"\r\n"))

    @staticmethod
    def packed(opcode, payload, last=True):
        """A frame as clients have to send it: with a mask."""
        size = bytes([MASKED | len(payload)]) if len(payload) < 126 else bytes([MASKED | 126]) + len(payload).to_bytes(2, "big")
        return bytes([FIN * last | opcode]) + size + b"\0\0\0\0" + payload

    def send(self, opcode, payload, last=True):
        self.connection.sendall(self.packed(opcode, payload, last))

    def frame(self):
        """Opcode and payload; None: the connection has ended."""
        head = self.file.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
        return head[0] & 15, self.file.read(size)

    def control(self, opcode):
        """The payload of the next such frame: changes may be told before it."""
        while True:
            found, payload = self.frame()
            if found == opcode:
                return payload

    def close(self):
        self.file.close()
        self.connection.close()
