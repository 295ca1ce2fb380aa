#!/usr/bin/env bash
# The npm package ftp never connects with secure: 'implicit': it waits until its own time limit is over.
#
# Behaviour. connect({secure: 'implicit'}) makes a TLS socket around a new plain socket and calls connect() on the
# TLS socket. Node opens no connection for that: the server sees none, and after connTimeout the package says
# "Timeout while connecting to server", as of a server that nobody can reach. Explicit TLS (secure: true) is fine.
#
# The guess. An option that the package documents connects; and a time-out while connecting means the network.
#
# Versions. npm's ftp 0.3.10, its last one, on Node 20 (seen: 20.20.2; Debian's 18.20.4 and 20.19.2 too).
# Source. lib/connection.js of the package; observed by this script on 2026-11-30:
#
#   explicit: ready, 1 connection
#   implicit: Timeout while connecting to server, 0 connections
#
# It needs node, npm, and the openssl command line, which only makes the certificate.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 node or the package cannot be had.
set -euo pipefail

expected='explicit: ready, 1 connection
implicit: Timeout while connecting to server, 0 connections'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for needed in node npm openssl; do
    command -v "$needed" >/dev/null || { echo "no $needed here" >&2; exit 3; }
done
npm install --silent --no-audit --no-fund --ignore-scripts ftp@0.3.10 >&2 || exit 3
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout key.pem -out certificate.pem 2>/dev/null

cat >try.js <<'JS'
const fs = require('fs');
const net = require('net');
const tls = require('tls');
const Client = require('ftp');

const [secure] = process.argv.slice(2);
const files = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('certificate.pem') };
const replies = { AUTH: '234 go ahead', USER: '331 password', PASS: '230 logged in' };
let connections = 0;

function serve(socket, greets) {
  socket.on('error', () => null);
  if (greets) socket.write('220 ready\r\n');
  socket.on('data', (data) => {
    for (const line of String(data).split('\r\n').filter(Boolean)) {
      const word = line.slice(0, 4).trim();
      socket.write(`${replies[word] || '200 done'}\r\n`);
      if (word === 'AUTH') {
        socket.removeAllListeners('data');
        serve(new tls.TLSSocket(socket, { isServer: true, ...files }), false);
      }
    }
  });
}

const server = net.createServer((socket) => {
  connections += 1;
  if (secure === 'implicit') serve(new tls.TLSSocket(socket, { isServer: true, ...files }), true);
  else serve(socket, true);
}).listen(0, '127.0.0.1', () => {
  const client = new Client();
  const end = (what) => {
    console.log(`${secure}: ${what}, ${connections} connection${connections === 1 ? '' : 's'}`);
    process.exit(0);
  };
  client.on('ready', () => end('ready'));
  client.on('error', (error) => end(error.message));
  client.connect({
    host: '127.0.0.1',
    port: server.address().port,
    secure: secure === 'implicit' ? 'implicit' : true,
    secureOptions: { rejectUnauthorized: false },
    connTimeout: 3000,
  });
});
JS

seen=$(for secure in explicit implicit; do timeout 20 node try.js "$secure" 2>/dev/null; done)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected:"; echo "$expected"; exit 1; }
