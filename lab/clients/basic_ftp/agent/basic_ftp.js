'use strict';
// The worker of the program basic-ftp, the npm package: access(), uploadFrom(), close().
//
// A request: {"goal": "transfer", "host": "ftp.lab.test", "port": 21, "timeout_s": 10, "secure": true,
// "verify": true, "ca_file": null, "ciphers": null, "minimum": null, "maximum": "TLSv1.2", "certificate": null,
// "key": null, "user": "lab", "password": "...", "payload": {"name": "x.txt", "size": 1024}}; "secure" is
// false, true or "implicit", as access() has it.

const { Readable } = require('stream');
const ftp = require('basic-ftp');
const { payload, serve, tlsOptions } = require('./node_worker.js');

const NEEDED = ('goal host port timeout_s secure verify ca_file ciphers minimum maximum certificate key user'
  + ' password').split(' ');
const STEP_OF_COMMAND = { AUTH: 'starttls', USER: 'login', PASS: 'login', PBSZ: 'protect', PROT: 'protect' };

async function walk(request, attempt) {
  const client = new ftp.Client(request.timeout_s * 1000);
  // What the library writes in its verbose mode is listened to, and written nowhere.
  client.ftp.log = (text) => hear(String(text), attempt);
  if (request.secure === 'implicit') attempt.connected = () => attempt.step('starttls');
  attempt.step('connect');
  try {
    await client.access({
      host: request.host,
      port: request.port,
      user: request.user,
      password: request.password,
      secure: request.secure,
      ...(request.secure && { secureOptions: tlsOptions(request) }),
    });
    if (request.goal === 'transfer') {
      attempt.step('put');
      attempt.report.data_protected = false;
      await client.uploadFrom(Readable.from([payload(request.payload)]), request.payload.name);
    }
    attempt.step('quit');
  } finally {
    client.close();
  }
}

function hear(text, attempt) {
  const command = /^> ([A-Z]+)/.exec(text);
  const reply = /^< (?:[\s\S]*\n)?(\d{3}) ([^\r\n]*)\r?\n$/.exec(text);
  if (reply) {
    attempt.report.reply_code = Number(reply[1]);
    attempt.report.reply_text = reply[2];
  } else if (command && STEP_OF_COMMAND[command[1]]) {
    attempt.step(STEP_OF_COMMAND[command[1]]);
  } else if (text.startsWith('Connected to ')) {
    attempt.step('greeting');
  } else if (text.startsWith('Control socket is using')) {
    attempt.step('login');
  }
}

serve({ 'basic-ftp': require('basic-ftp/package.json').version }, NEEDED, walk);
