"""Fetch an address with requests."""

import sys

import requests

print(requests.get(sys.argv[1], timeout=4, verify=sys.argv[2]).text)
