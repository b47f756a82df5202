"""curl: one call for each mail, which the program that calls it has written itself."""

import json
import subprocess
import sys
import time

job = json.load(sys.stdin)
if job["about"]:
    shown = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    print(json.dumps({"version": shown.stdout.split()[1], "time_limit": None}))
    sys.exit()
options = ["--url", f"smtp://{job['host']}:{job['port']}", "--mail-from", job["sender"]]
if job["ca"]:
    options += ["--ssl-reqd", "--cacert", job["ca"]]
if job["login"]:
    login, password = job["login"]
    options += ["--user", f"{login}:{password}", "--login-options", f"AUTH={job['mechanism']}"]
if job["timeout"]:
    options += ["--max-time", str(job["timeout"])]
if job["partial"]:
    options += ["--mail-rcpt-allowfails"]
for number in job["steps"]:
    wanted = job["mails"][number]
    recipients = [part for to in wanted["to"] for part in ("--mail-rcpt", to)]
    text = (
        f"From: Recruiter <{job['sender']}>\r\nTo: {', '.join(wanted['to'])}\r\n"
        f"Subject: {wanted['subject']}\r\n\r\n{wanted['text']}\r\n"
    )
    started = time.monotonic()
    command = ["curl", "--silent", "--show-error", *options, *recipients, "--upload-file", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    code = done.returncode
    seen = {
        "ok": not code,
        "said": done.stderr,
        "more": "",
        "error": f"exit {code}" if code else "",
    }
    print(json.dumps({**seen, "seconds": time.monotonic() - started}), flush=True)
    if seen["ok"] and job["stop"]:
        break
