'use strict';
// The worker of the program node-https: https.get() of Node.
//
// A request: {"goal": "response", "host": "origin.lab.test", "port": 2100, "timeout_s": 10, "tls": true,
// "server_name": null, "verify_name": null, "verify": true, "ca_file": null, "ciphers": null, "minimum": null,
// "maximum": "TLSv1.2", "certificate": null, "key": null, "authorization": "Basic ..."}

const http = require('http');
const https = require('https');
const tls = require('tls');
const { serve, tlsOptions } = require('./node_worker.js');

const NEEDED = ('goal host port timeout_s tls server_name verify_name verify ca_file ciphers minimum maximum'
  + ' certificate key authorization').split(' ');

function walk(request, attempt) {
  const options = {
    host: request.host,
    port: request.port,
    path: '/',
    headers: { Authorization: request.authorization },
    agent: false,
    timeout: request.timeout_s * 1000,
  };
  if (request.tls) {
    Object.assign(options, tlsOptions(request));
    if (request.server_name !== null) options.servername = request.server_name;
    if (request.verify_name !== null) {
      const name = request.verify_name;
      options.checkServerIdentity = (_, certificate) => tls.checkServerIdentity(name, certificate);
    }
  }
  attempt.step('connect');
  return new Promise((resolve, reject) => {
    const asked = (request.tls ? https : http).get(options, (response) => {
      attempt.report.reply_code = response.statusCode;
      attempt.report.reply_text = response.statusMessage;
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`HTTP Error ${response.statusCode}: ${response.statusMessage}`));
      });
    });
    asked.on('socket', (socket) => {
      socket.on('connect', () => attempt.step(request.tls ? 'handshake' : 'response'));
      socket.on('secureConnect', () => attempt.step('response'));
    });
    asked.on('error', (error) => {
      // The connection was made, and a fast reset is what comes of it.
      if (attempt.report.step === 'connect' && error.code === 'ECONNRESET') attempt.step('handshake');
      reject(error);
    });
    // Node only says that nothing came for so long; to end it is the caller's part.
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
  });
}

serve({}, NEEDED, walk);
