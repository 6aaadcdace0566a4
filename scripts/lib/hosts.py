"""Where the processes of a benchmark run: on loopback addresses, or each on a host of its own."""
import os
import subprocess

from cluster import Failed, Skipped


class Loopback:
    """127.0.1.N for all: one kernel, no links that could be cut."""

    silences = False

    def __init__(self, net="127.0.1"):
        self.net = net

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def address(self, number):
        return "%s.%d" % (self.net, number)

    def command(self, _number, argv):
        return argv


class Namespaces:
    """A network namespace per host, joined by a bridge in one more; root only. All are removed at the end.

    A host goes silent by nft on the bridge, which drops whatever comes from it and goes to it: neither side gets an
    error, as with a cable that was pulled.
    """

    silences = True

    def __init__(self, count, net="10.84.0"):
        if os.getuid() != 0:
            raise Skipped("network namespaces need root")
        self.count = count
        self.net = net
        self.mark = "kithb%d" % os.getpid()
        self.switch = self.mark + "-sw"

    def __enter__(self):
        try:
            self.make()
        except Failed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.existing():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def existing(self):
        done = subprocess.run(["ip", "netns", "list"], check=False, capture_output=True, text=True)
        names = [line.split()[0] for line in done.stdout.splitlines() if line]
        return [n for n in names if n.startswith(self.mark + "-")]

    def name(self, number):
        return "%s-%d" % (self.mark, number)

    def address(self, number):
        return "%s.%d" % (self.net, number)

    def command(self, number, argv):
        """nsenter becomes the program itself, so its pid is the program's."""
        return ["nsenter", "--net=/run/netns/" + self.name(number), "--"] + argv

    def make(self):
        """veths are made inside the switch and one end is moved out: nothing appears beside the host's own links."""
        numbers = range(1, self.count + 1)
        ip_batch(["netns add " + n for n in [self.switch] + [self.name(n) for n in numbers]])
        switch = ["link add name sw0 type bridge", "link set sw0 up"]
        for n in numbers:
            switch += ["link add p%d type veth peer name e%d" % (n, n), "link set e%d netns %s" % (n, self.name(n)),
                       "link set p%d master sw0" % n, "link set p%d up" % n]
        ip_batch(switch, self.switch)
        for n in numbers:
            ip_batch(["link set lo up", "addr add %s/24 dev e%d" % (self.address(n), n), "link set e%d up" % n],
                     self.name(n))
        self.nft("add table bridge bench\nadd set bridge bench cut { type ifname; }\n"
                 "add chain bridge bench forward { type filter hook forward priority 0; }\n"
                 "add rule bridge bench forward iifname @cut drop\nadd rule bridge bench forward oifname @cut drop\n")

    def silence(self, number):
        self.nft("add element bridge bench cut { p%d }\n" % number)

    def heal(self, number):
        self.nft("delete element bridge bench cut { p%d }\n" % number)

    def nft(self, text):
        run(["nsenter", "--net=/run/netns/" + self.switch, "nft", "-f", "-"], text)


def ip_batch(lines, namespace=None):
    run(["ip"] + (["-n", namespace] if namespace else []) + ["-batch", "-"], "\n".join(lines) + "\n")


def run(argv, text):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed("%s: %s" % (" ".join(argv), done.stderr.strip()))
