#!/usr/bin/env bash
# Apache Commons Net 3.13.0 by itself logs in, and fails with an Error at the first transfer: it needs Commons IO.
#
# Behaviour. In 3.13.0 FTPClient's streams are built on org.apache.commons.io. With commons-net.jar alone on the
# class path connect() and login() do what they did, and so does all that transfers nothing; storeFile() sends PASV,
# opens the data connection, sends STOR, has the server's 150, and throws NoClassDefFoundError. By then the server
# has an empty file of that name. It is an Error and no IOException: what people write around a transfer does not
# catch it.
#
# The guess. Commons Net has no dependency at run time, as 3.9.0 has none: one jar takes the place of the other; and a
# class that is missing shows at the start, or at the latest when somebody connects.
#
# Versions. Debian's packages libcommons-net-java 3.9.0-1 (bookworm), and 3.13.0-1 with libcommons-io-java 2.22.0-1 (sid),
# run by a JDK of version 11 or newer (seen: 17.0.15); the server is a page of Python.
# Source. The packages' control files have the dependency; observed by this script on 2026-11-30:
#
#   3.9.0 alone: 230, 226, 7 bytes
#   3.13.0 alone: 230, NoClassDefFoundError: a class of org/apache/commons/io, 0 bytes
#   3.13.0 with Commons IO: 230, 226, 7 bytes
#
# It needs apt with Debian 12's sources (nothing is installed into the system), dpkg-deb, python3 and a JDK.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 a program or a package cannot be had.
set -euo pipefail

expected='3.9.0 alone: 230, 226, 7 bytes
3.13.0 alone: 230, NoClassDefFoundError: a class of org/apache/commons/io, 0 bytes
3.13.0 with Commons IO: 230, 226, 7 bytes'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for needed in apt-get dpkg-deb python3 java; do
    command -v "$needed" >/dev/null || cannot "no $needed here"
done

# An apt of its own, which downloads the packages of two releases from where this machine has its own.
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || cannot "apt names no mirror of Debian 12"
mkdir -p "$folder"/apt/{lists/partial,archives/partial}
for suite in bookworm sid; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
done >"$folder/apt/sources.list"
own=(-o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/nonexistent
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User=root
    -o Dir::State::status=/var/lib/dpkg/status)
timeout 300 apt-get "${own[@]}" update >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
for wanted in libcommons-net-java=3.9.0-1 libcommons-net-java=3.13.0-1 libcommons-io-java=2.22.0-1; do
    (cd "$folder" && timeout 300 apt-get "${own[@]}" download "$wanted" >>log 2>&1) || cannot "$(tail -n 3 "$folder/log")"
done
for package in "$folder"/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --wildcards './usr/share/java/*'
done
jars=$folder/usr/share/java

cat >"$folder/Upload.java" <<'JAVA'
import java.io.ByteArrayInputStream;
import org.apache.commons.net.ftp.FTPClient;

class Upload {
    public static void main(String[] arguments) throws Exception {
        FTPClient client = new FTPClient();
        client.setConnectTimeout(5000);
        client.connect("127.0.0.1", Integer.parseInt(arguments[0]));
        client.login("lab", "lab");
        System.out.print(client.getReplyCode() + ", ");
        client.enterLocalPassiveMode();
        try {
            client.storeFile("f", new ByteArrayInputStream("content".getBytes()));
            System.out.print(client.getReplyCode());
        } catch (Throwable problem) {
            // Which class is missed first is not the same in every run.
            String missed = String.valueOf(problem.getMessage()).replaceFirst("^(org/apache/commons/io)/.*", "a class of $1");
            System.out.print(problem.getClass().getSimpleName() + ": " + missed);
        }
    }
}
JAVA

cat >"$folder/serve.py" <<'PYTHON'
"""An FTP session in clear text with one upload; how many bytes came is the last thing that is said."""
import socket
import sys

REPLIES = {"USER": "331 password", "PASS": "230 logged in", "SYST": "215 UNIX"}
with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as passive:
    passive.settimeout(20)
    listening.settimeout(20)
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write(f"{listening.getsockname()[1]}\n")
    session = listening.accept()[0]
    session.settimeout(20)
    size = 0
    with session, session.makefile("rw", newline="\r\n", encoding="ascii") as lines:

        def say(reply):
            lines.write(reply + "\n")
            lines.flush()

        say("220 ready")
        for line in lines:
            word = line[:4].strip()
            if word == "PASV":
                port = passive.getsockname()[1]
                say(f"227 passive (127,0,0,1,{port >> 8},{port & 255})")
            elif word == "STOR":
                say("150 go ahead")
                with passive.accept()[0] as data:
                    data.settimeout(20)
                    while part := data.recv(4096):
                        size += len(part)
                say("226 stored")
            else:
                say(REPLIES.get(word, "200 done"))
    print(f"{size} bytes")
PYTHON

try_it() { # WORDS CLASS-PATH
    rm -f "$folder/port"
    timeout 60 python3 "$folder/serve.py" "$folder/port" >"$folder/size" 2>/dev/null &
    local server=$!
    for _ in $(seq 100); do [ -s "$folder/port" ] && break; sleep 0.05; done
    said=$(timeout 60 java -cp "$2" "$folder/Upload.java" "$(cat "$folder/port")" 2>/dev/null) || :
    wait "$server" || :
    echo "$1: $said, $(cat "$folder/size")"
}

seen=$(
    try_it "3.9.0 alone" "$jars/commons-net-3.9.0.jar"
    try_it "3.13.0 alone" "$jars/commons-net-3.13.0.jar"
    try_it "3.13.0 with Commons IO" "$jars/commons-net-3.13.0.jar:$jars/commons-io.jar"
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected:"; echo "$expected"; exit 1; }
