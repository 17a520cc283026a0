#!/usr/bin/env python3
"""Holds a running Leadwire against its OpenAPI documents with schemathesis: no 5xx, no status, header or body that is not
documented, no invalid input accepted, no valid input refused.

    run.py [--examples N] [SURFACE…]        LEADWIRE_URL and LEADWIRE_ADMIN_KEY say where

Needs the packages of requirements.txt. Makes an organisation of its own for each surface."""

import argparse
import concurrent.futures
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENTS = HERE.parents[2] / "proto" / "openapi"
# The longest first.
SURFACES = ["platform", "lex", "crm", "partner", "ingest"]
# The cores that a small machine has: the services want some of them as well.
AT_ONCE = 2
# From so many examples on, excuses that nothing needs are errors.
FULL = 200


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes every webhook, but for those that are there to be refused."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(400 if self.path == "/refuse" else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def start_receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def run(surface, examples, receiver, folder):
    """Runs schemathesis on one surface: what it has to say, the figures of hooks.py, whether all is well."""
    report, output = folder / f"{surface}.json", folder / f"{surface}.log"
    environment = os.environ | {
        "LEADWIRE_CONTRACT_SURFACE": surface,
        "LEADWIRE_CONTRACT_RECEIVER": receiver,
        "LEADWIRE_CONTRACT_REPORT": str(report),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
        *("run", str(document(surface)), "--url", os.environ["LEADWIRE_URL"]),
        *("--phases", "examples,coverage,fuzzing", "--checks", "all", "--max-response-time", "120"),
        *("--max-examples", str(examples), "--seed", "1", "--workers", "1", "--output-sanitize", "false"),
    ]
    with open(output, "wb") as file:
        status = subprocess.call(command, env=environment, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
    counts = json.loads(report.read_text()) if report.exists() else {"answers": {}, "needed": {}}
    return output.read_text(errors="replace"), counts, status == 0


def document(surface):
    return DOCUMENTS / f"{surface}.json"


def operations(surface):
    paths = json.loads(document(surface).read_text())["paths"]
    methods = ("get", "put", "post", "delete", "patch")
    return [f"{method.upper()} {path}" for path, item in paths.items() for method in methods if method in item]


def problems_of(surface, answers, needed, full):
    """What the run itself does not say."""
    sys.path.insert(0, str(HERE))
    import excuses

    for operation in operations(surface):
        statuses = answers.get(operation, {})
        if not statuses:
            yield f"{operation} was never called"
        elif not any(status < "300" for status in statuses) and operation not in excuses.NEVER_DONE:
            yield f"{operation} was never done: {statuses}"
    for excuse in excuses.ALL:
        if full and excuse.surface == surface and not needed.get(excuse.name):
            yield f"the excuse '{excuse.name}' was not needed"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("surfaces", nargs="*", metavar="SURFACE")
    arguments = parser.parse_args()
    unknown = set(arguments.surfaces) - set(SURFACES)
    if unknown or arguments.examples < 1:
        parser.error(f"surfaces are {' '.join(SURFACES)}; examples are 1 or more")
    receiver, failed, full = start_receiver(), False, arguments.examples >= FULL
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {
            pool.submit(run, surface, arguments.examples, receiver, pathlib.Path(folder)): surface
            for surface in arguments.surfaces or SURFACES
        }
        for done in concurrent.futures.as_completed(runs):
            surface, (text, counts, good) = runs[done], done.result()
            problems = list(problems_of(surface, counts["answers"], counts["needed"], full))
            if problems or not good:
                failed = True
                print(text)
            for problem in problems:
                print(f"error: {problem}")
            requests = sum(sum(statuses.values()) for statuses in counts["answers"].values())
            print(
                f"{surface:9} {'FAILED' if problems or not good else 'ok':6} {len(operations(surface)):3} operations "
                f"{requests:6} requests {sum(counts['needed'].values()):6} excused   after {time.monotonic() - begun:.0f} s",
                flush=True,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
