"""Programs from Debian's packages, unpacked but not installed: the packages would enable a system service."""
import glob
import os
import subprocess

from cluster import ROOT, Failed


def fetched(packages, program):
    """The program's path below build/PACKAGE, where the packages are unpacked once."""
    folder = os.path.join(ROOT, "build", packages[0])
    path = os.path.join(folder, program)
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    for attempt in range(2):
        done = subprocess.run(["apt-get", "download", "-q", *packages], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        if attempt == 0:
            sudo = [] if os.getuid() == 0 else ["sudo"]
            subprocess.run(sudo + ["apt-get", "update", "-q"], capture_output=True, check=False)
    for package in glob.glob(os.path.join(folder, "*.deb")):
        subprocess.run(["dpkg", "-x", package, folder], check=True)
    if not os.path.exists(path):
        raise Failed("no %s: apt-get download says: %s" % (program, done.stderr.strip()))
    return path
