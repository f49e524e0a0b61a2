// A node, its pods and a client outside, each a network namespace; none has a link to the machine, so no packet leaves.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { runCommand, type Runner } from "../src/run.ts";

export const GATEWAY = "10.244.0.1";
export const NODE_IP = "192.0.2.1";
export const CLIENT_IP = "192.0.2.2";

/** Answers every connection with its name and the address it sees, and ends it. */
const SERVER = `
require("node:net").createServer((s) => { s.on("error", () => {}); s.end(process.argv[1] + " " + s.remoteAddress); })
  .listen(Number(process.argv[2]), "0.0.0.0", () => console.log("listening"));`;

async function must(command: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args, input);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

export class Namespaces implements AsyncDisposable {
  readonly #prefix = `knots-kp-${process.pid}`;
  readonly #made: string[] = [];
  readonly #servers: ChildProcess[] = [];

  /** The namespace of "node", "client" or a pod. */
  path(name: string): string {
    return `/run/netns/${this.#prefix}-${name}`;
  }

  async #ip(name: string, ...lines: string[]): Promise<void> {
    await must("nsenter", [`--net=${this.path(name)}`, "ip", "-batch", "-"], `${lines.join("\n")}\n`);
  }

  async #add(name: string): Promise<void> {
    await must("ip", ["netns", "add", `${this.#prefix}-${name}`]);
    this.#made.push(name);
    await this.#ip(name, "link set lo up");
  }

  /** The node, and a client on its other network. */
  async start(): Promise<void> {
    await this.#add("node");
    await this.#add("client");
    await this.#ip("node", `link add net0 type veth peer name eth0 netns ${this.#prefix}-client`);
    await this.#ip("node", `addr add ${NODE_IP}/24 dev net0`, "link set net0 up");
    await this.#ip(
      "client",
      `addr add ${CLIENT_IP}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${NODE_IP}`,
    );
    // The node's own traffic to a cluster IP needs a route before the rules see it; what the rules let pass ends there.
    await this.#add("world");
    await this.#ip(
      "node",
      `link add uplink type veth peer name eth0 netns ${this.#prefix}-world`,
      "addr add 198.51.100.1/24 dev uplink",
      "link set uplink up",
      "route add default via 198.51.100.2",
    );
    await this.#ip("world", "addr add 198.51.100.2/24 dev eth0", "link set eth0 up");
    await must("nsenter", [`--net=${this.path("node")}`, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  }

  /** A pod as the ptp plug-in makes it, with a server on `port`. */
  async pod(name: string, ip: string, port: number): Promise<void> {
    await this.#add(name);
    const link = `pod-${name}`;
    await this.#ip("node", `link add name ${link} type veth peer name eth0 netns ${this.#prefix}-${name}`);
    await this.#ip("node", `addr add ${GATEWAY}/32 dev ${link}`, `link set ${link} up`, `route add ${ip} dev ${link}`);
    await this.#ip(
      name,
      `addr add ${ip}/32 dev eth0`,
      "link set eth0 up",
      `route add ${GATEWAY} dev eth0 scope link`,
      `route add default via ${GATEWAY}`,
    );
    const command = [`--net=${this.path(name)}`, process.execPath, "-e", SERVER, name, String(port)];
    const server = spawn("nsenter", command, { stdio: ["ignore", "pipe", "inherit"] });
    this.#servers.push(server);
    await once(createInterface(server.stdout), "line");
  }

  /** Commands run in the node's namespace. */
  get runner(): Runner {
    return (command, args, input) => runCommand("nsenter", [`--net=${this.path("node")}`, command, ...args], input);
  }

  /** What a TCP connection from a namespace answers: "pod address-it-saw", or the error's words. */
  async ask(from: string, ip: string, port: number): Promise<string> {
    const [answer = ""] = await this.askOften(from, ip, port, 1);
    return answer;
  }

  /** What connections, one after the other, answer; as ask, and with an error only that. */
  async askOften(from: string, ip: string, port: number, times: number): Promise<string[]> {
    // One shell for all of them: starting one takes far longer than a connection. An answer ends without a line feed.
    const once = `exec 3<>/dev/tcp/${ip}/${port} || exit 1; read -r answer <&3; echo "$answer"`;
    const { code, stdout, stderr } = await runCommand("nsenter", [
      `--net=${this.path(from)}`,
      "timeout",
      "10",
      "bash",
      "-c",
      `for i in {1..${times}}; do ${once}; done`,
    ]);
    if (code === 0) return stdout.trimEnd().split("\n");
    return [/Connection refused|timed out|unreachable/.exec(stderr)?.[0] ?? `exit ${code}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      const ended = once(server, "close");
      server.kill("SIGKILL");
      await ended;
    }
    for (const name of this.#made.reverse()) await must("ip", ["netns", "del", `${this.#prefix}-${name}`]);
  }
}
