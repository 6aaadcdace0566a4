"""What processes print, with the time at which it arrived: one reader for all, so that both sides of a comparison are
timed by the same clock in the same way, whatever their own logs show."""
import os
import selectors
import threading
import time

from cluster import Failed


LOOK_S = 0.02


class Line:
    """One thing that a process said: when it arrived, who said it, what happened (see parse), to whom."""

    def __init__(self, at, who, what, about):
        self.at = at
        self.who = who
        self.what = what
        self.about = about


class Listener:
    """parse(text) makes (what, about) of a line, or None for one without interest. Use as a context."""

    def __init__(self, parse):
        self.parse = parse
        self.lines = []
        self.tails = {}  # by name: the last lines as they came, to show when something fails
        self.changed = threading.Condition()
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = os.pipe()
        self.selector.register(self.wake_read, selectors.EVENT_READ, None)
        self.ended = False
        self.thread = threading.Thread(target=self.read_all, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        os.write(self.wake_write, b"x")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            os.close(key.fd)
        os.close(self.wake_write)
        self.selector.close()

    def pipe(self, who):
        """The end to give to a process; the caller closes its copy."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        self.selector.register(read, selectors.EVENT_READ, [who, b""])
        os.write(self.wake_write, b"x")
        return write

    def read_all(self):
        while not self.ended:
            for key, _ in self.selector.select():
                if key.data is None:
                    os.read(self.wake_read, 100)
                else:
                    self.read_one(key)

    def read_one(self, key):
        at = time.time()
        try:
            data = os.read(key.fd, 65536)
        except BlockingIOError:
            return
        if not data:
            self.selector.unregister(key.fd)
            os.close(key.fd)
            return
        *whole, key.data[1] = (key.data[1] + data).split(b"\n")
        with self.changed:
            for line in whole:
                self.take(at, key.data[0], line.decode(errors="replace"))
            self.changed.notify_all()

    def take(self, at, who, text):
        self.tails[who] = self.tails.get(who, [])[-14:] + [text]
        found = self.parse(text)
        if found:
            self.lines.append(Line(at, who, *found))

    def first(self, what, since, about=None):
        """{(who, about): time} of the first such line of each since then."""
        seen = {}
        for line in self.lines:
            if line.what == what and line.at >= since and (about is None or line.about == about):
                seen.setdefault((line.who, line.about), line.at)
        return seen

    def wait(self, title, look, seconds):
        """Calls look() when something was said, until what it returns is true. Lines are timed as they come, not when
        they are looked at, so it is not done more often than LOOK_S: each time takes processor from what is measured."""
        end = time.monotonic() + seconds
        while True:
            with self.changed:
                found = look()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise Failed("waited %g s in vain for: %s" % (seconds, title))
                self.changed.wait(left)
            time.sleep(LOOK_S)
