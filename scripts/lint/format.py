#!/usr/bin/python3
"""scripts/lint/format.py: the C sources are formatted (scripts/format --check)."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

if __name__ == "__main__":
    sys.exit(subprocess.run([os.path.join(house.ROOT, "scripts/format"), "--check"], check=False).returncode)
