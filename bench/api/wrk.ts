// Drives a TLS server with wrk (Debian's package): HTTP/1.1, keep-alive, one thread, so that the server has a core of its own.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A POST body; every "%NAME%" in it becomes a name that occurs once. Without it: GET. */
  readonly body?: string;
}

export interface Measured {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** The same per second of the server's main thread. */
  readonly requestsPerCpuSecond: number;
  readonly bytesPerCpuSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly errors: number;
}

const lua = (text: string): string => ` [==[${text}]==] `;

function script({ headers = {}, body }: Load): string {
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers[${lua(name)}] = ${lua(value)}`);
  if (body !== undefined) {
    const pieces = body.split("%NAME%").map(lua);
    const stem = `b${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
    lines.push(
      `local n = 0`,
      `wrk.headers["content-type"] = "application/json"`,
      `function request()`,
      `  n = n + 1`,
      `  local name = "${stem}-" .. n`,
      `  return wrk.format("POST", nil, nil, ${pieces.join(" .. name .. ")})`,
      `end`,
    );
  }
  lines.push(
    `function done(summary, latency, requests)`,
    `  local e = summary.errors`,
    `  io.write(string.format('\\nRESULT {"requests":%d,"bytes":%d,"micros":%d,"p99":%d,"errors":%d}\\n', summary.requests,`,
    `    summary.bytes, summary.duration, latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))`,
    `end`,
  );
  return lines.join("\n");
}

export async function wrk(load: Load, server: { cpuSeconds(): number }): Promise<Measured> {
  const dir = mkdtempSync(join(tmpdir(), "knots-wrk-"));
  try {
    const file = join(dir, "load.lua");
    writeFileSync(file, script(load));
    const args = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`, "--timeout", "30s", "-s", file, load.url];
    const child = spawn("wrk", args, { stdio: ["ignore", "pipe", "pipe"] });
    const before = server.cpuSeconds();
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      child.once("error", (error) => reject(new Error(`wrk (apt-get install wrk): ${error.message}`)));
      child.once("close", () => resolve());
    });
    const cpu = server.cpuSeconds() - before;
    const found = /^RESULT (.*)$/m.exec(output)?.[1];
    if (found === undefined) throw new Error(`wrk ${args.join(" ")} said:\n${output}`);
    const { requests, bytes, micros, p99, errors } = JSON.parse(found) as Record<string, number>;
    const seconds = (micros ?? NaN) / 1e6;
    return {
      requestsPerSecond: (requests ?? NaN) / seconds,
      bytesPerSecond: (bytes ?? NaN) / seconds,
      requestsPerCpuSecond: (requests ?? NaN) / cpu,
      bytesPerCpuSecond: (bytes ?? NaN) / cpu,
      p99: (p99 ?? NaN) / 1000,
      errors: errors ?? NaN,
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
