"""The rows of a benchmark: samples by name, printed as a table or as one JSON line each."""
import json

HEAD = "%-10s %-38s %-4s %9s %11s %7s %4s %9s %9s %8s  %s"


class Row:
    """One figure: samples of kith, and of a peer (another program) where there is one."""

    def __init__(self, case, metric, unit, must, peer, own):
        self.case = case
        self.metric = metric
        self.unit = unit
        self.must = must  # at most: of the ratio when there is a peer, else of kith's median; None: only shown
        self.own = own  # kith's median is judged although there is a peer
        self.peer = peer  # name and version
        self.kith_values = []
        self.peer_values = []

    def p50(self):
        return quantile(self.kith_values, 0.5)

    def peer_p50(self):
        return quantile(self.peer_values, 0.5)

    def ratio(self):
        """kith / peer by medians; None without samples of both."""
        mine, other = self.p50(), self.peer_p50()
        return mine / other if mine is not None and other else None

    def ok(self):
        """None: nothing was demanded, or one side was not measured."""
        judged = self.ratio() if self.peer and not self.own else self.p50()
        return None if self.must is None or judged is None else judged <= self.must


def quantile(values, q):
    """The nearest sample from above; None of no samples."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))] if values else None


def text(value, digits=3):
    return "-" if value is None else "%.*f" % (digits, value)


class Rows:
    """In the order in which they were first named. peer: "serf 0.9.4" or None."""

    def __init__(self, bench, peer=None):
        self.bench = bench
        self.peer = peer
        self.rows = {}

    def row(self, case, metric, unit, must=None, versus=None, own=False):
        """The row of that name, made when it is new. versus: it is measured on both sides; True, or whom it is beside where
        there are several peers. own: what it must be is said of kith's median, not of the ratio."""
        key = (case, metric)
        if key not in self.rows:
            self.rows[key] = Row(case, metric, unit, must, self.peer if versus is True else versus, own)
        return self.rows[key]

    def add(self, case, metric, unit, value, must=None):
        self.row(case, metric, unit, must).kith_values.append(value)

    def print(self, as_json):
        """False when a row misses what it must be. Losing rows are printed like all others."""
        rows = list(self.rows.values())
        if not as_json:
            print(HEAD % ("case", "metric", "unit", "kith", self.peer or "peer", "ratio", "n", "p50", "p99", "must", "ok"))
        for row in rows:
            print(self.as_json(row) if as_json else self.as_line(row))
        return all(row.ok() is not False for row in rows)

    def as_json(self, row):
        return json.dumps({
            "bench": self.bench, "case": row.case, "metric": row.metric, "unit": row.unit,
            "kith": rounded(row.p50()), "peer": row.peer, "peer_value": rounded(row.peer_p50()),
            "ratio": rounded(row.ratio()), "n": len(row.kith_values), "p50": rounded(row.p50()),
            "p99": rounded(quantile(row.kith_values, 0.99)), "peer_n": len(row.peer_values),
            "peer_p99": rounded(quantile(row.peer_values, 0.99)), "must": row.must, "must_own": row.own, "ok": row.ok()})

    def as_line(self, row):
        ok = {None: "-", True: "yes", False: "NO"}[row.ok()]
        must = "-" if row.must is None else "<= %g%s" % (row.must, " " + row.unit if row.own else "")
        return HEAD % (row.case, row.metric, row.unit, text(row.p50()), text(row.peer_p50()), text(row.ratio()),
                       len(row.kith_values), text(row.p50()), text(quantile(row.kith_values, 0.99)), must, ok)


def rounded(value):
    return None if value is None else round(value, 4)
