"""Connect with the module ssl alone, and show the last line of what goes wrong."""

import socket
import ssl
import sys

host, port, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
try:
    with context.wrap_socket(
        socket.create_connection((host, int(port)), 4), server_hostname=host
    ) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        if not s.recv(100):
            raise EOFError("nothing came")
except (OSError, EOFError) as error:
    print(repr(error))
    sys.exit(1)
