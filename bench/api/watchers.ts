// Many watchers in one process: node watchers.ts PORT PATH TOKEN COUNT. Each is a connection of its own. Reads commands from its parent:
// "reset" starts a measurement, "report" answers { events, p99, max }. An event carries `"sent":"<milliseconds since the epoch>"`.
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";

const [port = "", path = "", token = "", count = "1"] = process.argv.slice(2);
const MARK = Buffer.from('"sent":"');
/** Digits of a time in milliseconds with three decimals. */
const TIME = 17;

let events = 0;
let delays: number[] = [];

/** Counts events in what arrives; an event cut between two pieces is found when the rest comes. */
function reader(): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const now = performance.timeOrigin + performance.now();
    const data = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let from = 0;
    for (;;) {
      const at = data.indexOf(MARK, from);
      if (at < 0) break;
      const start = at + MARK.length;
      if (start + TIME > data.length) {
        rest = data.subarray(at);
        return;
      }
      events++;
      delays.push(now - Number(data.toString("latin1", start, start + TIME)));
      from = start + TIME;
    }
    rest = data.subarray(Math.max(from, data.length - MARK.length + 1));
  };
}

function open(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    });
    socket.once("data", (head) => {
      if (!head.toString("latin1").startsWith("HTTP/1.1 200")) reject(new Error(head.toString("utf8")));
      socket.on("data", reader());
      resolve(socket);
    });
  });
}

process.on("message", (command) => {
  if (command === "reset") {
    events = 0;
    delays = [];
    process.send?.("reset");
  } else if (command === "report") {
    const sorted = Float64Array.from(delays).toSorted();
    process.send?.({ events, p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN, max: sorted.at(-1) ?? NaN });
  }
});
for (let i = 0; i < Number(count); i++) await open();
process.send?.("open");
process.once("disconnect", () => process.exit());
