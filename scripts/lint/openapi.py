#!/usr/bin/python3
"""scripts/lint/openapi.py: docs/openapi.yaml has the routes below /api/v1, and no others. What is answered, test/cluster/test_api.py looks at."""
import os
import re
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

ROUTES = "src/native/routes.c"
DOCUMENT = "docs/openapi.yaml"
METHODS = ("get", "put", "post", "delete")


def routes(text):
    found = set()
    for methods, path in re.findall(r'\{((?:METHOD_\w+[ |]*)+),\s*ROUTE_\w+,\s*"/api/v1(/[^"]*)"', text):
        found |= {(m.lower(), path) for m in re.findall(r"METHOD_(\w+)", methods)}
    return found


def documented(document):
    """With parameters as in the routes: the last one of a path that takes any number of segments is *."""
    return {(method, re.sub(r"\{topic\}$", "*", re.sub(r"\{(?!topic)\w+\}", ":", path)))
            for path, item in document["paths"].items() for method in METHODS if method in item}


def parameters_missing(document):
    """Parameters that a path names and does not explain."""
    for path, item in document["paths"].items():
        named = set(re.findall(r"\{(\w+)\}", path))
        told = {p["name"] for p in item.get("parameters", []) if p["in"] == "path"}
        if named != told:
            yield f"{DOCUMENT}: {path}: its parameters are {sorted(named)}, explained are {sorted(told)}"


def check(root):
    document = yaml.safe_load(house.read(root, DOCUMENT))
    there, told = routes(house.read(root, ROUTES)), documented(document)
    problems = [f"{DOCUMENT}: says nothing of {m.upper()} /api/v1{p}" for m, p in sorted(there - told)]
    problems += [f"{DOCUMENT}: there is no {m.upper()} /api/v1{p}" for m, p in sorted(told - there)]
    return problems + list(parameters_missing(document))


if __name__ == "__main__":
    house.finish(check(house.ROOT), "The document and the server say the same.")
