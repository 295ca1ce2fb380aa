#!/bin/sh
# `lab check` by hand or in any CI system, for a repository with a server's configuration and a lab-check.toml.
# Copy it beside lab-check.toml. Arguments are handed to `lab check`. Variables:
#   LAB_PACKAGE  what pip installs the lab from (a wheel's path or address, a git address); needed once
#   LAB_VENV     the environment it is installed into; default: .lab/venv
#   LAB_ARCHIVE  a file that keeps the images where the machine does not: put it into the CI system's cache
#   LAB_REPORTS  where the reports go; default: .lab/reports
set -eu
cd "$(dirname "$0")"
venv=${LAB_VENV:-.lab/venv}
archive=${LAB_ARCHIVE:-}
reports=${LAB_REPORTS:-.lab/reports}

if [ ! -x "$venv/bin/lab" ]; then
  package=${LAB_PACKAGE:?name a wheel, or a git address, that pip can install}
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet "$package"
fi
lab=$venv/bin/lab

"$lab" engine start
if [ -n "$archive" ] && [ -f "$archive" ]; then
  # Those of another version of the lab are made anew.
  "$lab" images import "$archive" || rm "$archive"
fi
mkdir -p "$reports"
status=0
"$lab" check --junit "$reports/junit.xml" --sarif "$reports/check.sarif" --summary "$reports/summary.md" "$@" ||
  status=$?
if [ -n "$archive" ] && [ ! -f "$archive" ]; then
  "$lab" images export "$archive"
fi
exit $status
