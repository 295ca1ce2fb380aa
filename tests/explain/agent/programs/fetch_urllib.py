"""Fetch an address with the standard library."""

import ssl
import sys
import urllib.request

context = ssl.create_default_context(cafile=sys.argv[2])
print(urllib.request.urlopen(sys.argv[1], timeout=4, context=context).read())
