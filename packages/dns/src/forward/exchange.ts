// One question to one name server: by UDP, and again by TCP when the answer did not fit.
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { HEADER_LENGTH, readQuestion, WireError } from "../wire/layout.ts";

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

const TC = 0x02;
const QR = 0x80;

/** Resolves to the answer's bytes; rejects on a time-out or when the server cannot be reached. `question` carries its own id. */
export async function exchange(question: Buffer, server: Upstream, timeoutMs: number): Promise<Buffer> {
  const answer = await byUdp(question, server, timeoutMs);
  return ((answer[2] ?? 0) & TC) === 0 ? answer : await byTcp(question, server, timeoutMs);
}

/** Whether these bytes answer that question: the same id and the same question section, whatever its capitals (RFC 5452, section 9.1). */
function answers(question: Buffer, message: Buffer): boolean {
  if (message.length < HEADER_LENGTH || message.readUInt16BE(0) !== question.readUInt16BE(0)) return false;
  if (((message[2] ?? 0) & QR) === 0 || message.readUInt16BE(4) !== 1) return false;
  try {
    const asked = readQuestion(question, HEADER_LENGTH);
    const answered = readQuestion(message, HEADER_LENGTH);
    return (
      asked.type === answered.type &&
      asked.class === answered.class &&
      asked.labels.length === answered.labels.length &&
      asked.labels.every((label, i) => label === answered.labels[i])
    );
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

async function byUdp(question: Buffer, { address, port }: Upstream, timeoutMs: number): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    // A socket of its own, and with it a port nobody can foresee.
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const end = (work: () => void): void => {
      clearTimeout(timer);
      socket.close();
      work();
    };
    const timer = setTimeout(() => end(() => reject(new Error(`${address} did not answer`))), timeoutMs);
    socket.once("error", (error) => end(() => reject(error)));
    socket.on("message", (message) => {
      if (answers(question, message)) end(() => resolve(message));
    });
    socket.connect(port, address, () => socket.send(question));
  });
}

async function byTcp(question: Buffer, { address, port }: Upstream, timeoutMs: number): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const timer = setTimeout(() => socket.destroy(new Error(`${address} did not answer`)), timeoutMs);
    let bytes = Buffer.alloc(0);
    socket.once("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.length, 0);
      socket.write(Buffer.concat([length, question]));
    });
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return;
      const message = bytes.subarray(2, 2 + bytes.readUInt16BE(0));
      if (answers(question, message)) resolve(message);
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error(`${address} closed the connection`));
    });
  });
}
