import { decode, encode, type Answer } from "dns-packet";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RCODE, TYPE } from "./numbers.ts";
import { newQuestion, receive, type Query } from "./query.ts";
import { encodeError, encodeResponse, fit } from "./response.ts";

const plain = encode({
  type: "query",
  id: 7,
  flags: 0x100,
  questions: [{ name: "Web.ns.svc.cluster.local", type: "A" }],
});
function edns(udpPayloadSize: number, ednsVersion = 0): Buffer {
  return encode({
    type: "query",
    id: 8,
    questions: [{ name: "web.ns.svc.cluster.local", type: "A" }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize,
        extendedRcode: 0,
        ednsVersion,
        flags: 0x8000,
        flag_do: true,
        options: [],
      },
    ],
  });
}
function query(message: Buffer): Query {
  const received = receive(message);
  if (received.kind !== "query") throw new Error(received.kind);
  return received.query;
}
const changed = (message: Buffer, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(message);
  change(copy);
  return copy;
};
const addresses = (count: number, name = "web.ns.svc.cluster.local"): Answer[] =>
  Array.from({ length: count }, (_, index) => ({ type: "A", name, ttl: 5, data: `10.0.${index >> 8}.${index & 255}` }));
const parts = { rcode: 0, authoritative: true, recursionAvailable: true };

describe("what is received", () => {
  test("a question, its name in small letters, its bytes as they came", () => {
    const { id, recursionDesired, question } = query(plain);
    expect({ id, recursionDesired }).toEqual({ id: 7, recursionDesired: true });
    expect(question).toMatchObject({ labels: ["web", "ns", "svc", "cluster", "local"], type: TYPE.A, class: 1 });
    expect(question.bytes.toString("latin1")).toContain("Web");
  });
  test.each([
    [100, 512],
    [1232, 1232],
  ])("EDNS with %i bytes takes %i", (said, taken) =>
    expect(query(edns(said)).edns).toEqual({ udpSize: taken, version: 0, dnssecOk: true }),
  );
  test("an EDNS version to come is refused with BADVERS", () =>
    expect(receive(edns(512, 1))).toMatchObject({ kind: "refuse", rcode: RCODE.BADVERS }));
  test.each<[string, Buffer, object]>([
    ["scraps", plain.subarray(0, 11), { kind: "drop" }],
    ["an answer", changed(plain, (copy) => copy.writeUInt16BE(0x8100, 2)), { kind: "drop" }],
    [
      "a notification",
      changed(plain, (copy) => copy.writeUInt16BE(4 << 11, 2)),
      { kind: "malformed", id: 7, opcode: 4, rcode: RCODE.NOTIMP },
    ],
    ["no question", changed(plain, (copy) => copy.writeUInt16BE(0, 4)), { kind: "malformed", rcode: RCODE.FORMERR }],
    ["two questions", changed(plain, (copy) => copy.writeUInt16BE(2, 4)), { kind: "malformed", rcode: RCODE.FORMERR }],
    ["half a question", plain.subarray(0, -1), { kind: "malformed", rcode: RCODE.FORMERR }],
    [
      "a compressed name",
      changed(plain, (copy) => copy.writeUInt16BE(0xc00c, 12)),
      { kind: "malformed", rcode: RCODE.FORMERR },
    ],
    [
      "records that are not there",
      changed(plain, (copy) => copy.writeUInt16BE(65_535, 10)),
      { kind: "malformed", rcode: RCODE.FORMERR },
    ],
  ])("%s", (_, message, expected) => expect(receive(message)).toMatchObject(expected));
  test("any bytes are read without an error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void receive(Buffer.from(bytes))));
  });
  test("a question with a byte changed or its end cut is read without an error", () => {
    const message = edns(1232);
    const index = fc.nat(message.length - 1);
    fc.assert(
      fc.property(index, fc.integer({ min: 0, max: 255 }), fc.nat(message.length), (at, value, length) => {
        receive(changed(message, (copy) => copy.writeUInt8(value, at)).subarray(0, length));
      }),
    );
  });
});

describe("what is sent", () => {
  test("names are written once", () => {
    const answer = encodeResponse(query(plain), {
      ...parts,
      answers: addresses(2, "WEB.ns.svc.cluster.local"),
      additionals: addresses(1, "x.ns.svc.cluster.local"),
    });
    expect(answer.length).toBe(plain.length + 2 * 16 + 16 + 2);
    const { id, flag_aa, flag_rd, flag_ra, answers, additionals } = decode(answer);
    expect({ id, flag_aa, flag_rd, flag_ra }).toEqual({ id: 7, flag_aa: true, flag_rd: true, flag_ra: true });
    expect(answers?.map(({ name }) => name)).toEqual(["Web.ns.svc.cluster.local", "Web.ns.svc.cluster.local"]);
    expect(additionals?.map(({ name }) => name)).toEqual(["x.ns.svc.cluster.local"]);
  });
  test("names of any owners come back as they were", () => {
    const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 40 }), (names) => {
        const answers = names.map((owner): Answer => ({ type: "A", name: owner, ttl: 1, data: "10.0.0.1" }));
        expect(decode(encodeResponse(query(plain), { ...parts, answers })).answers?.map((each) => each.name)).toEqual(
          names,
        );
      }),
    );
  });
  test("what does not fit is left out and TC set; the OPT record has its place", () => {
    for (const asked of [query(plain), query(edns(512))]) {
      const whole = encodeResponse(asked, { ...parts, answers: addresses(60) });
      const short = fit(whole, asked, 512);
      const { flag_tc, answers, additionals } = decode(short);
      expect(short.length).toBeLessThanOrEqual(512);
      expect(short.length).toBeGreaterThan(512 - 16);
      expect(flag_tc).toBe(true);
      expect(answers).toEqual(decode(whole).answers?.slice(0, answers?.length));
      expect(additionals?.map(({ type }) => type)).toEqual(asked.edns === undefined ? [] : ["OPT"]);
    }
  });
  test("additional records are left out without a word", () => {
    const asked = query(plain);
    const { flag_tc, answers } = decode(
      fit(encodeResponse(asked, { ...parts, answers: addresses(2), additionals: addresses(60) }), asked, 512),
    );
    expect({ flag_tc, answers: answers?.length }).toEqual({ flag_tc: false, answers: 2 });
  });
  test("a code of more than four bits goes partly into the OPT record", () => {
    const received = receive(edns(512, 1));
    if (received.kind !== "refuse") throw new Error(received.kind);
    const message = fit(
      encodeResponse(received.query, { ...parts, rcode: received.rcode }),
      received.query,
      512,
      received.rcode,
    );
    expect((message[3] ?? 0) & 0xf).toBe(0);
    expect(decode(message).additionals).toMatchObject([{ type: "OPT", extendedRcode: 1 }]);
  });
  test("an error without a question", () => {
    const message = encodeError(9, 4, RCODE.NOTIMP);
    expect(decode(message)).toMatchObject({ id: 9, type: "response", questions: [] });
    expect(message.readUInt16BE(2)).toBe(0x8000 | (4 << 11) | 4);
  });
  test("a question of our own reads as it was meant", () => {
    const { bytes } = newQuestion(["www", "example", "com"], TYPE.AAAA);
    const header = Buffer.alloc(12);
    header.writeUInt16BE(1, 4);
    expect(decode(Buffer.concat([header, bytes])).questions).toEqual([
      { name: "www.example.com", type: "AAAA", class: "IN" },
    ]);
  });
});
