"""Edges before origins with one known defect each: what a visitor gets, and what the edge logs.

Runs in the container of a release's programs: the edge's name is the argument, on standard input is a JSON
object with the origins' ports by defect; an answer a line. Works with every Python since 3.9.
"""

import contextlib
import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

PLACE = "/opt/lab/explain"
CA = f"{PLACE}/trusted.pem"
HOST = "host.lab.test"
PORT = 26000
LOG = f"{PLACE}/edge.log"
ACCESS = f"{PLACE}/access.log"


def write(name, text):
    path = f"{PLACE}/{name}"
    with open(path, "w") as file:
        file.write(text)
    return path


def nginx(origins):
    places = "\n".join(
        f"location = /{n} {{ proxy_pass https://{HOST}:{port}/; }}"
        for n, port in enumerate(origins.values())
    )
    config = write(
        "nginx.conf",
        f"""
daemon off; pid {PLACE}/nginx.pid; error_log {LOG} warn; worker_processes 1; user root;
events {{}}
http {{
  access_log off; proxy_connect_timeout 3s; proxy_read_timeout 3s; proxy_send_timeout 3s;
  proxy_ssl_verify on; proxy_ssl_verify_depth 4; proxy_ssl_trusted_certificate {CA}; proxy_ssl_name {HOST};
  proxy_ssl_server_name on; proxy_ssl_session_reuse off; proxy_next_upstream off;
  server {{ listen 127.0.0.1:{PORT}; server_name {HOST}; {places} }}
}}""",
    )
    return ["nginx", "-c", config], [LOG]


def apache(origins):
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "ssl", "socache_shmcb")
    loaded = "\n".join(
        f"LoadModule {n}_module /usr/lib/apache2/modules/mod_{n}.so" for n in modules
    )
    places = "\n".join(
        f"ProxyPass /{n} https://{HOST}:{port}/ retry=0 connectiontimeout=3 timeout=3 disablereuse=on"
        for n, port in enumerate(origins.values())
    )
    config = write(
        "apache.conf",
        f"""
{loaded}
ServerRoot {PLACE}
ServerName {HOST}
User lab
Group lab
Listen 127.0.0.1:{PORT}
PidFile {PLACE}/apache.pid
ErrorLog {LOG}
LogLevel warn
SSLProxyEngine on
SSLProxyVerify require
SSLProxyVerifyDepth 4
SSLProxyCACertificateFile {CA}
{places}
""",
    )
    return ["apache2", "-DFOREGROUND", "-f", config], [LOG]


def haproxy(origins):
    chosen = "\n".join(f"  use_backend b{n} if {{ path /{n} }}" for n in range(len(origins)))
    backends = "\n".join(
        f"backend b{n}\n  server origin {HOST}:{port} ssl verify required ca-file {CA} verifyhost {HOST}"
        for n, port in enumerate(origins.values())
    )
    config = write(
        "haproxy.cfg",
        f"""
global
  log stdout format raw local0
defaults
  log global
  mode http
  option httplog
  retries 0
  timeout connect 3s
  timeout client 10s
  timeout server 3s
frontend visitors
  bind 127.0.0.1:{PORT}
{chosen}
{backends}
""",
    )
    return ["haproxy", "-db", "-f", config], [LOG]


def haproxy_checks(origins):
    backends = "\n".join(
        f"backend b{n}\n  server origin {HOST}:{port} check inter 1s fall 1 ssl verify required ca-file {CA}"
        f" verifyhost {HOST}"
        for n, port in enumerate(origins.values())
    )
    config = write(
        "haproxy.cfg",
        f"""
global
  log stdout format raw local0
defaults
  log global
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 2s
  timeout check 2s
frontend visitors
  bind 127.0.0.1:{PORT}
  default_backend b0
{backends}
""",
    )
    return ["haproxy", "-db", "-f", config], [LOG]


def squid(origins):
    lines = "\n".join(
        f"cache_peer {HOST} parent {port} 0 no-query no-digest originserver name=p{n} connect-timeout=3"
        f" connect-fail-limit=1000 tls tls-cafile={CA} tls-default-ca=off\n"
        f"acl a{n} urlpath_regex ^/{n}$\ncache_peer_access p{n} allow a{n}\ncache_peer_access p{n} deny all"
        for n, port in enumerate(origins.values())
    )
    os.makedirs("/run/squid", exist_ok=True)
    config = write(
        "squid.conf",
        f"""
http_port 127.0.0.1:{PORT} accel defaultsite={HOST} no-vhost
{lines}
http_access allow all
never_direct allow all
cache deny all
pid_filename none
cache_log {LOG}
access_log stdio:{ACCESS}
visible_hostname edge.lab.test
connect_timeout 3 seconds
connect_retries 0
read_timeout 3 seconds
forward_max_tries 1
shutdown_lifetime 0 seconds
pinger_enable off
""",
    )
    for path in (LOG, ACCESS):
        open(path, "w").close()
        os.chmod(path, 0o666)
    return ["squid", "-N", "-f", config], [LOG, ACCESS]


def caddy(origins):
    places = "\n".join(
        f"handle /{n} {{\n reverse_proxy https://{HOST}:{port} {{\n transport http {{\n"
        f" tls_trusted_ca_certs {CA}\n"
        f" tls_server_name {HOST}\n dial_timeout 3s\n response_header_timeout 3s\n }}\n }}\n }}"
        for n, port in enumerate(origins.values())
    )
    config = write(
        "Caddyfile",
        f"""{{
 admin off
 auto_https off
}}
http://:{PORT} {{
{places}
}}
""",
    )
    return ["caddy", "run", "--adapter", "caddyfile", "--config", config], [LOG]


def stunnel(origins):
    services = "\n".join(
        f"[origin{n}]\naccept = 127.0.0.1:{PORT + 1 + n}\nconnect = {HOST}:{port}\nclient = yes\n"
        f"CAfile = {CA}\n"
        f"verifyChain = yes\ncheckHost = {HOST}\nsni = {HOST}\nTIMEOUTconnect = 3\nTIMEOUTbusy = 3"
        for n, port in enumerate(origins.values())
    )
    config = write("stunnel.conf", f"foreground = yes\npid =\nsyslog = no\n{services}\n")
    return ["stunnel4" if shutil.which("stunnel4") else "stunnel", config], [LOG]


def varnish(origins):
    backends = "\n".join(
        f'backend b{n} {{ .host = "127.0.0.1"; .port = "{port}"; '
        ".connect_timeout = 3s; .first_byte_timeout = 3s; }"
        for n, port in enumerate(origins.values())
    )
    chosen = "\n".join(
        f'if (req.url == "/{n}") {{ set req.backend_hint = b{n}; }}' for n in range(len(origins))
    )
    config = write(
        "varnish.vcl", f"vcl 4.1;\n{backends}\nsub vcl_recv {{ {chosen} return (pass); }}\n"
    )
    log = f"varnishlog -n {PLACE}/varnish -t 10 -g request >{LOG} 2>&1 &"
    edge = f"exec varnishd -F -n {PLACE}/varnish -a 127.0.0.1:{PORT} -f {config}"
    return ["sh", "-c", f"{log} {edge}"], [LOG]


EDGES = {
    "nginx": nginx,
    "apache": apache,
    "haproxy": haproxy,
    "haproxy (checks)": haproxy_checks,
    "squid": squid,
    "caddy": caddy,
    "stunnel": stunnel,
    "varnish": varnish,
}
#: Seconds until an edge is ready.
STARTS_S = 2.5


def visit(port, path):
    """What a visitor gets: the status line and the text of the page, or how the line ended."""
    try:
        with socket.create_connection(("127.0.0.1", port), 12) as line:
            line.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b""
            while part := line.recv(65536):
                answer += part
    except OSError as error:
        return "", repr(error)
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    body = re.sub(r"<(script|style|head)\b.*?</\1>|<!--.*?-->", "", body, flags=re.S)
    lines = [line.strip() for line in html.unescape(re.sub(r"<[^>]+>", " ", body)).splitlines()]
    return head.splitlines()[0] if head else "", "\n".join(line for line in lines if line)


def read_from(places):
    said = []
    for path, begin in places.items():
        with contextlib.suppress(FileNotFoundError), open(path, errors="replace") as log:
            log.seek(begin)
            said.append(log.read())
    return "".join(said)


def main():
    name, origins = sys.argv[1], json.load(sys.stdin)
    for path in (LOG, ACCESS):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    argv, logs = EDGES[name](origins)
    output = open(LOG, "ab")
    edge = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=PLACE)
    time.sleep(STARTS_S + (3 if name == "haproxy (checks)" else 0))
    try:
        if edge.poll() is not None:
            sys.stderr.write(
                f"{name} ended with status {edge.returncode}: {read_from({LOG: 0})[-2000:]}\n"
            )
            return
        if name == "haproxy (checks)":
            lines = read_from({LOG: 0}).splitlines()
            for number, defect in enumerate(origins):
                said = [line for line in lines if re.search(rf"\bb{number}/origin\b", line)]
                report = {"defect": defect, "status": "", "page": "", "log": "\n".join(said)}
                sys.stdout.write(json.dumps(report) + "\n")
            return
        for number, defect in enumerate(origins):
            places = {path: os.path.getsize(path) if os.path.exists(path) else 0 for path in logs}
            if name == "stunnel":
                status, page = visit(PORT + 1 + number, "/")
            else:
                status, page = visit(PORT, f"/{number}")
            time.sleep(0.7 if name == "varnish" else 0.25)
            report = {"defect": defect, "status": status, "page": page, "log": read_from(places)}
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()
    finally:
        edge.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            edge.wait(5)
        edge.kill()


if __name__ == "__main__":
    main()
