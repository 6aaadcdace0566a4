"""test_kith_usage.py KITH: what `kith` says when it is used wrongly, and what it does without a cluster."""
import json
import os
import re
import subprocess
import sys
import tempfile

KITH = sys.argv[1]
FAILURES = []


def kith(*args, env=None, stdin=None):
    """(status, stdout, stderr), with no cluster in sight unless env says otherwise."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KITH_")}
    clean["KITH_ADDR"] = "/nonexistent/kithd.sock"
    clean.update(env or {})
    done = subprocess.run([KITH, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def expect(what, status, words, got):
    text = got[1] + got[2]
    if got[0] != status or words not in text:
        FAILURES.append(f"{what}: status {got[0]} (wanted {status}), and this should hold {words!r}:\n{text}")


def mistakes():
    for args, words in (
            ([], "kith --help"),
            (["membes"], "did you mean 'members'?"),
            (["cluster"], "did you mean 'cluster init'?"),
            (["cluster", "inti"], "did you mean 'cluster init'?"),
            (["tokn", "new"], "did you mean 'token new'?"),
            (["members", "--al"], "did you mean --all?"),
            (["members", "--dot"], "kith members takes no --dot"),
            (["members", "x"], "'x' is too much"),
            (["service"], "kith service wants NAME"),
            (["scale", "api", "many"], "'many' is no count"),
            (["stop"], "by its NAME, or the whole cluster by --all"),
            (["stop", "api", "--all"], "by its NAME, or the whole cluster by --all"),
            (["stop", "api", "--keep-daemons"], "goes with --all"),
            (["commands", "abc"], "no command's id"),
            (["logs", "api", "-o", "json"], "without -o"),
            (["service", "x" * 70], "service")):
        expect(" ".join(args), 2, words, kith(*args))


def help_texts():
    status, text, _ = kith("--help")
    expect("--help", 0, "Exit status", (status, text, ""))
    expect("--version", 0, "kith ", kith("--version"))
    verbs = re.findall(r"^  ([a-z]+(?: (?:init|new|service))?) ", text, re.M)
    if len(verbs) < 20:
        FAILURES.append(f"--help lists only {verbs}")
    for verb in verbs:
        expect(f"{verb} -h", 0, f"kith {verb}", kith(*verb.split(), "-h"))
        expect(f"help {verb}", 0, f"kith {verb}", kith("help", *verb.split()))
    if not text.isascii() or max(map(len, text.splitlines())) > 120:
        FAILURES.append("--help has lines that are too long")


def nobody_there():
    expect("no socket", 1, "no kithd is running here", kith("members"))
    expect("no listener", 1, "nothing listens", kith("--insecure", "-a", "127.0.0.1:1", "members"))
    expect("no key", 1, "wants a key", kith("-a", "127.0.0.1:1", "--dir", "/nonexistent", "members"))
    expect("no file", 1, "there is no look-up file", kith("lookup", "api", "--lookup", "/nonexistent"))
    expect("no file to watch", 1, "there is no look-up file",
           kith("watch", "service", "api", "--lookup", "/nonexistent", "--timeout", "100ms"))
    expect("no address", 1, "is no address", kith("-a", "a b", "members"))


def service_files(folder):
    good = os.path.join(folder, "good.yaml")
    bad = os.path.join(folder, "bad.yaml")
    with open(good, "w", encoding="utf-8") as file:
        file.write("service: a\nrun: {exec: [sleep, '1']}\n---\nservice: b\nrun: {exec: [sleep, '1']}\nneeds: [a]\n")
    with open(bad, "w", encoding="utf-8") as file:
        file.write("service: a\nrun: {exec: [sleep, '1']}\nneds: [b]\n")
    expect("validate", 0, "2 services, no errors: a, b", kith("validate", good))
    expect("validate -", 0, "1 service, no errors: a", kith("validate", "-", stdin="service: a\nrun: {exec: [x]}\n"))
    checked = kith("validate", good, "-o", "json")
    if json.loads(checked[1] or "{}") != {"file": good, "services": ["a", "b"]}:
        FAILURES.append(f"validate -o json: {checked}")
    expect("validate -o yaml", 0, 'services:\n', kith("validate", good, "-o", "yaml"))
    expect("validate bad", 1, "bad.yaml:3:1", kith("validate", bad))
    expect("apply bad", 1, "nothing of it was applied", kith("apply", bad))
    expect("validate nothing", 1, "there is no file", kith("validate", os.path.join(folder, "none.yaml")))


def mode(path):
    return os.stat(path).st_mode & 0o777


def the_folder(folder):
    env = {"KITH_DIR": os.path.join(folder, "operator")}
    keys = os.path.join(env["KITH_DIR"], "cluster.keys")
    token = os.path.join(folder, "token")
    expect("token new without a cluster", 1, "kith cluster init", kith("token", "new", env=env))
    status, out, err = kith("cluster", "init", "-o", "json", env=env)
    expect("cluster init", 0, json.loads(out or "{}").get("cluster", "no cluster"), (status, out, err))
    if mode(keys) != 0o600 or mode(os.path.join(env["KITH_DIR"], "operator.key")) != 0o600 or mode(env["KITH_DIR"]) != 0o700:
        FAILURES.append("the operator's folder can be read by others")
    with open(keys, encoding="utf-8") as file:
        before = file.read()
    expect("cluster init again", 1, "--force", kith("cluster", "init", env=env))
    with open(keys, encoding="utf-8") as file:
        if file.read() != before:
            FAILURES.append("a second cluster init changed the keys")
    expect("token new", 0, "BEGIN KITH TOKEN", kith("token", "new", "--seed", "10.0.0.1", env=env))
    expect("token new --founder", 0, "founding node", kith("token", "new", "--founder", env=env))
    made = json.loads(kith("token", "new", "--founder", "-o", "json", env=env)[1] or "{}")
    if (made.get("kind"), made.get("founder"), "BEGIN KITH TOKEN" in made.get("token", "")) != ("node", True, True):
        FAILURES.append(f"token new -o json: {made}")
    written = json.loads(kith("token", "new", "--out", token, "-o", "json", env=env)[1] or "{}")
    if (written.get("file"), "token" in written) != (token, False):
        FAILURES.append(f"token new --out -o json: {written}")
    os.unlink(token)
    expect("a strange kind", 2, "node, operator or client", kith("token", "new", "--kind", "king", env=env))
    expect("a founding client", 2, "for nodes only", kith("token", "new", "--founder", "--kind", "client", env=env))
    expect("token new --out", 0, "wrote", kith("token", "new", "--kind", "operator", "--out", token, env=env))
    if mode(token) != 0o600:
        FAILURES.append("the token can be read by others")
    expect("key new", 0, "operator.key", kith("key", "new", token, "--dir", os.path.join(folder, "ada")))
    expect("key new again", 1, "--force", kith("key", "new", token, "--dir", os.path.join(folder, "ada")))
    expect("key of nothing", 1, "not a token file", kith("key", "new", keys, "--dir", os.path.join(folder, "bob")))
    kith("token", "new", "--out", token, "--force", env=env)
    expect("key of a host", 1, "kithd", kith("key", "new", token, "--dir", os.path.join(folder, "bob")))


def main():
    with tempfile.TemporaryDirectory() as folder:
        mistakes()
        help_texts()
        nobody_there()
        service_files(folder)
        the_folder(folder)
    print("\n".join(FAILURES) or "ok")
    sys.exit(1 if FAILURES else 0)


main()
