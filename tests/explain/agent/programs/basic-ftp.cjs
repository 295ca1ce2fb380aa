// Upload a file with basic-ftp.
const ftp = require("basic-ftp");
const fs = require("fs");
const [host, port, file, ca, secure] = process.argv.slice(2);
(async () => {
  const client = new ftp.Client(4000);
  await client.access({
    host, port: Number(port), user: "lab", password: process.env.PASSWORD,
    secure: secure === "implicit" ? "implicit" : secure === "tls",
    secureOptions: { ca: fs.readFileSync(ca), host, servername: host },
  });
  await client.uploadFrom(file, "delivery.bin");
  client.close();
})();
