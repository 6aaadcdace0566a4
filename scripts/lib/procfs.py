"""What the kernel says of a process: time used, memory, bytes on its network interfaces."""
import os


def cpu_seconds(pid):
    """Time on a processor, of all its threads, as the scheduler counts it (in nanoseconds; utime counts 10 ms)."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            pass  # the thread has ended
    return total / 1e9


def memory_mib(pid, field):
    """`field` is Rss (resident) or Pss (proportional: a page shared by n processes counts 1/n)."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(field + ":")) / 1024


def sent_bytes(pid):
    """Bytes sent by all interfaces but loopback of the process's network namespace, headers included."""
    total = 0
    with open("/proc/%d/net/dev" % pid) as f:
        for line in f.readlines()[2:]:
            name, numbers = line.split(":", 1)
            if name.strip() != "lo":
                total += int(numbers.split()[8])
    return total
