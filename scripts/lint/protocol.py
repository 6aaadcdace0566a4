#!/usr/bin/python3
"""scripts/lint/protocol.py: docs/protocol.md is what scripts/wiregen.py makes of proto/."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house


def check(root, document):
    command = [os.path.join(house.ROOT, "scripts/wiregen.py"), "--check", document, os.path.join(root, "proto")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return [done.stdout.decode().strip() or f"{document} is not current"] if done.returncode else []


if __name__ == "__main__":
    house.finish(check(house.ROOT, os.path.join(house.ROOT, "docs/protocol.md")),
                 "Write it anew: scripts/wiregen.py --doc docs/protocol.md proto")
