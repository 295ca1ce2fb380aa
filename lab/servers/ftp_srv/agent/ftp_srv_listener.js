// A listener on ftp-srv: the program that its users write around it, from a JSON configuration.
//
//   node ftp_srv_listener.js CONFIGURATION
//
// It answers each byte on its descriptor 0 with one: "1" while a connection is open, else "0"; the byte "k"
// ends every connection first. The descriptor's end ends it.
"use strict";

const fs = require("fs");
const net = require("net");
const path = require("path");
const { FtpSrv } = require("/opt/lab/node_modules/ftp-srv");
const bunyan = require("/opt/lab/node_modules/bunyan");

const configuration = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

// bunyan's own lines. At level trace ftp-srv writes what a client sends, passwords too.
const file = fs.openSync(configuration.log, "a", 0o640);
const secret = /(PASS )[^"\\]*/g;
const masked = { write: (line) => fs.writeSync(file, line.replace(secret, "$1********")) };
const log = bunyan.createLogger({ name: "ftp-srv", streams: [{ level: "trace", stream: masked }] });

const options = Object.assign({ log }, configuration.options);
if (configuration.tls) {
  options.tls = Object.assign({}, configuration.tls);
  for (const part of ["cert", "key"]) {
    if (options.tls[part]) options.tls[part] = fs.readFileSync(options.tls[part]);
  }
}

const server = new FtpSrv(options);

server.on("login", ({ connection, username, password }, resolve, reject) => {
  if (configuration.tls_required_login && !connection.secure) {
    reject(new Error("TLS is required on this server."));
  } else if (configuration.captured) {
    const kept = Buffer.from(`${username}\0${password}`, "utf8");
    fs.writeFileSync(configuration.captured, kept, { mode: 0o640 });
    resolve({ root: configuration.uploads });
  } else if (
    (username === configuration.user && password === configuration.password) ||
    (configuration.options.anonymous && username === "anonymous")
  ) {
    resolve({ root: configuration.uploads });
  } else {
    reject(new Error("Login incorrect."));
  }
});
// Without a listener of it an error of a client's connection would end the program.
server.on("client-error", ({ context, error }) => log.warn({ err: error, context }, "client-error"));

const open = new Set();
server.server.on("connection", (socket) => {
  open.add(socket);
  socket.once("close", () => open.delete(socket));
});
// Of a TLS handshake that fails the library says nothing: Node does.
server.server.on("tlsClientError", (error) => log.warn({ err: error }, "tlsClientError"));

const agent = new net.Socket({ fd: 0, readable: true, writable: true });
agent.on("data", (asked) => {
  for (const byte of asked) {
    if (byte === "k".charCodeAt(0)) for (const socket of open) socket.destroy();
    agent.write(open.size ? "1" : "0");
  }
});
agent.on("end", () => process.exit(0));
agent.on("close", () => process.exit(0));

server.listen().catch((error) => {
  process.stderr.write(`${path.basename(process.argv[1])}: ${error}\n`);
  process.exit(1);
});
