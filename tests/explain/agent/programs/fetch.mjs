// Fetch an address; an error that nobody catches is shown by Node.
import https from "node:https";
import fs from "node:fs";
const request = https.get(process.argv[2], { ca: fs.readFileSync(process.argv[3]), timeout: 5000 }, (answer) => {
  answer.pipe(process.stdout);
});
request.on("timeout", () => request.destroy(new Error("timed out after 5000 ms")));
