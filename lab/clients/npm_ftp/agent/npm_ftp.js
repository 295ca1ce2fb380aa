'use strict';
// The worker of the program npm-ftp, the npm package "ftp": connect(), put(), end().
//
// A request is like one of basic_ftp.js; "secure" is false, true, "control" or "implicit", as connect() has it.

const Client = require('ftp');
const { payload, serve, tlsOptions } = require('./node_worker.js');

const NEEDED = ('goal host port timeout_s secure verify ca_file ciphers minimum maximum certificate key user'
  + ' password').split(' ');
const STEP_OF_COMMAND = { AUTH: 'starttls', USER: 'login', PASS: 'login', PBSZ: 'protect', PROT: 'protect' };

function walk(request, attempt) {
  const client = new Client();
  const timeout = request.timeout_s * 1000;
  let silence = null;
  attempt.step('connect');
  return new Promise((resolve, reject) => {
    // Once it is connected the package waits for ever; its caller has to give up, and is told nothing.
    const giveUp = () => {
      attempt.report.timed_out = true;
      reject(new Error(''));
    };
    const wait = () => {
      clearTimeout(silence);
      silence = setTimeout(giveUp, timeout + 200);
    };
    wait();
    // A caller has nothing but these: the events, and what a method calls back.
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection was closed')));
    client.once('ready', () => {
      if (request.goal !== 'transfer') return resolve();
      attempt.step('put');
      attempt.report.data_protected = false;
      return client.put(payload(request.payload), request.payload.name, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    client.connect({
      host: request.host,
      port: request.port,
      user: request.user,
      password: request.password,
      secure: request.secure,
      ...(request.secure && { secureOptions: tlsOptions(request) }),
      connTimeout: timeout,
      pasvTimeout: timeout,
      debug: (text) => {
        wait();
        hear(text, attempt);
      },
    });
    client._socket.once('connect', () => attempt.step('greeting'));
  }).then(() => attempt.step('quit')).finally(() => {
    clearTimeout(silence);
    client.on('error', () => null);
    client.destroy();
  });
}

function hear(text, attempt) {
  const command = /^\[connection\] > '([A-Z]+)/.exec(text);
  const reply = /^\[parser\] Response: code=(\d{3}), buffer='(.*)'$/.exec(text);
  if (command && STEP_OF_COMMAND[command[1]]) {
    attempt.step(STEP_OF_COMMAND[command[1]]);
  } else if (reply) {
    attempt.report.reply_code = Number(reply[1]);
    attempt.report.reply_text = reply[2];
  }
}

serve({ ftp: require('ftp/package.json').version }, NEEDED, walk);
