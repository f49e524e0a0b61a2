// An answer from the zone: the records at a name, of the type asked for.
import type { Answer } from "dns-packet";
import { RCODE, TYPE } from "../wire/numbers.ts";
import { recordsAt, type NameRecords, type NameServer, type ServiceTarget, type ZoneView } from "./names.ts";
import { addressOfReverse, namesOf } from "./reverse.ts";

/** Seconds, as CoreDNS's kubernetes plug-in has by itself. */
export const TTL = 5;
const SCHEMA_TTL = 28_800;

export interface ZoneAnswer {
  readonly rcode: number;
  readonly answers: Answer[];
  readonly authorities: Answer[];
  readonly additionals: Answer[];
  /** The name at which the question goes on (an ExternalName), for every type but CNAME itself. */
  readonly goesOn?: string;
}

export interface ZoneOptions extends ZoneView {
  /** The SOA's serial: seconds since the epoch of the last change. */
  readonly serial: () => number;
}

/** The labels left of the zone's own, or undefined where the name is not of the zone. */
export function withinZone(labels: readonly string[], domain: string): readonly string[] | undefined {
  const own = domain.split(".");
  if (labels.length < own.length) return undefined;
  const start = labels.length - own.length;
  return own.every((label, index) => labels[start + index] === label) ? labels.slice(0, start) : undefined;
}

/** Answers a question about a name of the zone. `owner` is the name as it shall stand in the records, `labels` what of it is left of the zone's name. */
export function answerFromZone(zone: ZoneOptions, owner: string, labels: readonly string[], type: number): ZoneAnswer {
  const records = recordsAt(zone, labels);
  if (records === undefined) return nothing(zone, RCODE.NXDOMAIN);
  if (records.cname !== undefined) {
    const cname: Answer = { type: "CNAME", name: owner, ttl: TTL, data: records.cname };
    const stays = type === TYPE.CNAME || type === TYPE.ANY;
    return {
      rcode: RCODE.NOERROR,
      answers: [cname],
      authorities: [],
      additionals: [],
      ...(stays ? {} : { goesOn: records.cname }),
    };
  }
  const found = ofType(zone, records, owner, type);
  return found.answers.length === 0
    ? nothing(zone, RCODE.NOERROR)
    : { rcode: RCODE.NOERROR, answers: found.answers, authorities: [], additionals: found.additionals ?? [] };
}

/** Answers a PTR question about one of our addresses; undefined where the address or the question is not ours. */
export function answerReverse(
  zone: ZoneOptions,
  owner: string,
  labels: readonly string[],
  type: number,
): ZoneAnswer | undefined {
  if (type !== TYPE.PTR) return undefined;
  const ip = addressOfReverse(labels);
  const names = ip === undefined ? [] : namesOf(zone, ip);
  if (names.length === 0) return undefined;
  const answers = names.map((data): Answer => ({ type: "PTR", name: owner, ttl: TTL, data }));
  return { rcode: RCODE.NOERROR, answers, authorities: [], additionals: [] };
}

function nothing(zone: ZoneOptions, rcode: number): ZoneAnswer {
  return { rcode, answers: [], authorities: [soa(zone, zone.domain)], additionals: [] };
}

function ofType(
  zone: ZoneOptions,
  records: NameRecords,
  owner: string,
  type: number,
): { answers: Answer[]; additionals?: Answer[] } {
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA: {
      const family = type === TYPE.A ? "A" : "AAAA";
      const all = (records.addresses ?? []).map((ip) => address(owner, ip));
      return { answers: all.filter((record) => record.type === family) };
    }
    case TYPE.SRV:
      return serviceAnswers(owner, records.targets ?? []);
    case TYPE.TXT:
      return {
        answers: records.text === undefined ? [] : [{ type: "TXT", name: owner, ttl: SCHEMA_TTL, data: records.text }],
      };
    case TYPE.SOA:
      return { answers: records.apex === true ? [soa(zone, owner)] : [] };
    case TYPE.NS:
      return records.apex === true ? nameServerAnswers(owner, zone.nameServers()) : { answers: [] };
    default:
      return { answers: [] };
  }
}

function address(name: string, ip: string): Answer {
  return { type: ip.includes(":") ? "AAAA" : "A", name, ttl: TTL, data: ip };
}

/** All of one priority; the weight is shared among them as CoreDNS does. */
function serviceAnswers(
  owner: string,
  targets: readonly ServiceTarget[],
): { answers: Answer[]; additionals: Answer[] } {
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  const answers = targets.map(({ target, port }): Answer => ({
    type: "SRV",
    name: owner,
    ttl: TTL,
    data: { priority: 0, weight, port, target },
  }));
  const hosts = new Map(targets.map(({ target, addresses }) => [target, addresses]));
  return { answers, additionals: [...hosts].flatMap(([name, ips]) => ips.map((ip) => address(name, ip))) };
}

function nameServerAnswers(
  owner: string,
  servers: readonly NameServer[],
): { answers: Answer[]; additionals: Answer[] } {
  const names = [...new Set(servers.map(({ name }) => name))];
  return {
    answers: names.map((data) => ({ type: "NS", name: owner, ttl: TTL, data })),
    additionals: servers.map((server) => address(server.name, server.address)),
  };
}

function soa({ domain, serial }: ZoneOptions, name: string): Answer {
  return {
    type: "SOA",
    name,
    ttl: TTL,
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: serial(),
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: TTL,
    },
  };
}
