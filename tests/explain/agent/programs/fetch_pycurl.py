"""Fetch an address with libcurl on GnuTLS."""

import sys

import pycurl

curl = pycurl.Curl()
curl.setopt(pycurl.URL, sys.argv[1])
curl.setopt(pycurl.CAINFO, sys.argv[2])
curl.setopt(pycurl.CONNECTTIMEOUT, 4)
curl.setopt(pycurl.TIMEOUT, 6)
try:
    curl.perform()
except pycurl.error as error:
    number, words = error.args
    print(f"curl: ({number}) {words}", file=sys.stderr)
    sys.exit(number)
