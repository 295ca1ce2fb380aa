'use strict';
// What workers on Node have in common: requests on standard input, answers on descriptor 3 and on descriptor 4
// how far an attempt has come (language_workers.py), and what is seen of TLS in passing.

const fs = require('fs');
const readline = require('readline');
const tls = require('tls');

const ANSWERS = 3;
const STEPS = 4;
// Milliseconds for sockets that were closed to be gone.
const CLOSING_MS = 200;

/** The request makes no sense; the text says why. */
class BadRequest extends Error {}

function say(message, descriptor = ANSWERS) {
  let data = Buffer.from(JSON.stringify(message) + '\n');
  while (data.length) {
    data = data.subarray(fs.writeSync(descriptor, data));
  }
}

/** The file to deliver: its name on line after line, cut to its size. */
function payload(wanted) {
  const line = Buffer.from(wanted.name + '\n');
  return Buffer.alloc(wanted.size, line);
}

// -- TLS, as Node's modules and those on top of them make it ---------------------------------------

let seen = null;
const connect = tls.connect;
// Returns what it would; the sockets that it makes are looked at.
tls.connect = function (...words) {
  const socket = connect.apply(this, words);
  if (seen) {
    look(seen, socket);
  }
  return socket;
};

function look(attempt, socket) {
  const number = attempt.sockets.push(socket);
  if (attempt.secrets !== null) {
    socket.on('keylog', (line) => attempt.secrets.push(line.toString('ascii')));
  }
  if (number === 1) {
    socket.on('connect', () => attempt.connected());
  }
  socket.on('secureConnect', () => {
    if (number > 1) {
      attempt.report.data_protected = true;
      attempt.report.session_reused = socket.isSessionReused();
      return;
    }
    attempt.report.protocol = socket.getProtocol();
    attempt.report.cipher = socket.getCipher().standardName && socket.getCipher().name;
    attempt.report.verified = attempt.verify && socket.authorized;
  });
}

/** The options of tls.connect() that the request sets, and no other. */
function tlsOptions(request) {
  const options = {};
  if (!request.verify) options.rejectUnauthorized = false;
  if (request.ca_file) options.ca = fs.readFileSync(request.ca_file);
  if (request.ciphers) options.ciphers = request.ciphers;
  if (request.minimum) options.minVersion = request.minimum;
  if (request.maximum) options.maxVersion = request.maximum;
  if (request.certificate) {
    options.cert = fs.readFileSync(request.certificate);
    options.key = fs.readFileSync(request.key);
  }
  return options;
}

// -- attempts --------------------------------------------------------------------------------------

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

/** Whether it has no more open than before, waiting for what is being closed. */
async function closed(before) {
  const until = Date.now() + CLOSING_MS;
  while (descriptors() > before && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function make(request, needed, walk) {
  for (const name of needed) {
    if (!(name in request)) throw new BadRequest(`an attempt needs ${name}`);
  }
  const before = descriptors();
  const started = process.hrtime.bigint();
  const attempt = {
    report: { failed: false, library: `OpenSSL ${process.versions.openssl}` },
    secrets: request.key_log ? [] : null,
    sockets: [],
    verify: request.verify,
    /** A connection for which TLS comes first is there. */
    connected: () => null,
    step(name) {
      attempt.report.step = name;
      say(attempt.report, STEPS);
    },
  };
  seen = attempt;
  const { report } = attempt;
  try {
    await walk(request, attempt);
  } catch (error) {
    if (error instanceof BadRequest) throw error;
    report.failed = true;
    // A caller that gives up without an error has nothing to show.
    report.message = error.message ? `${error.name}: ${error.message}` : '';
    report.error = error.code ? `${error.code}: ${error.message}` : report.message;
    report.errno = symbol(error);
    if (Number.isInteger(error.code)) {
      // The packages give a reply's code to their error.
      report.reply_code = error.code;
      report.reply_text = error.message.replace(/^\d{3}[ -]/, '');
    }
  }
  seen = null;
  report.elapsed_ms = Number(process.hrtime.bigint() - started) / 1e6;
  if (attempt.secrets !== null) report.key_log = attempt.secrets.join('');
  for (const socket of attempt.sockets) socket.destroy();
  await closed(before);
  return report;
}

/** The symbol of the system's error or the resolver's; Node has names of its own for two of these. */
function symbol(error) {
  const code = String(error.code || '');
  if (code === 'ENOTFOUND') return 'EAI_NONAME';
  return /^E[A-Z_]+$/.test(code) && !code.startsWith('ERR_') ? code : null;
}

/** Answer requests until there are no more; walk(request, attempt) throws what its user would get. */
async function serve(versions, needed, walk) {
  // The pool of threads that looks names up, and what a first connection loads.
  await require('dns').promises.lookup('localhost').catch(() => null);
  tls.createSecureContext();
  const lines = readline.createInterface({ input: process.stdin });
  const waiting = [];
  let working = false;
  let over = false;
  lines.on('line', async (line) => {
    waiting.push(line);
    if (working) return;
    working = true;
    while (waiting.length) {
      try {
        say({ result: await make(JSON.parse(waiting.shift()), needed, walk) });
      } catch (error) {
        if (!(error instanceof BadRequest)) throw error;
        say({ bad_request: error.message });
      }
    }
    working = false;
    if (over) process.exit(0);
  });
  lines.on('close', () => {
    over = true;
    if (!working) process.exit(0);
  });
  say({ ready: true, versions: { node: process.versions.node, openssl: process.versions.openssl, ...versions } });
}

module.exports = { BadRequest, payload, serve, tlsOptions };
