import type { Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import type { Answer } from "dns-packet";
import { describe, expect, test } from "vitest";
import { TYPE } from "../wire/numbers.ts";
import { nameServersOf } from "./reverse.ts";
import { listSource } from "./source.ts";
import { answerFromZone, answerReverse, withinZone, type ZoneAnswer } from "./zone.ts";

const http = { name: "http", port: 80, protocol: "TCP" as const };
const service = (name: string, spec: Service["spec"], annotations?: Record<string, string>): Service => ({
  metadata: { name, namespace: "testns", annotations },
  spec,
});
const slice = (
  name: string,
  addressType: EndpointSlice["addressType"],
  endpoints: EndpointSlice["endpoints"],
  ports: EndpointSlice["ports"] = [http],
): EndpointSlice => ({
  metadata: { name: `${name}-${addressType}`, namespace: "testns", labels: { "kubernetes.io/service-name": name } },
  addressType,
  endpoints,
  ports,
});
const source = listSource({
  namespaces: ["testns", "empty"],
  services: [
    service("svc1", { clusterIP: "10.0.0.1", ports: [http, { port: 53, protocol: "UDP" }] }),
    service("dual", { clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2", "FD00::0:2"], ports: [http] }),
    service("pending", { ports: [http] }),
    service("hdls", { clusterIP: "None", ports: [http] }),
    service("portless", { clusterIP: "None" }),
    service("nobody", { clusterIP: "None", ports: [http] }),
    service("early", { clusterIP: "None", publishNotReadyAddresses: true }),
    service("tolerant", { clusterIP: "None" }, { "service.alpha.kubernetes.io/tolerate-unready-endpoints": "true" }),
    service("ext", { type: "ExternalName", externalName: "www.example.com." }),
    service("number", { type: "ExternalName", externalName: "192.0.2.1" }),
  ],
  slices: [
    slice("svc1", "IPv4", [{ addresses: ["172.0.0.9"] }]),
    slice("hdls", "IPv4", [
      { addresses: ["172.0.0.2"] },
      { addresses: ["172.0.0.3"], conditions: { ready: true } },
      { addresses: ["172.0.0.4"], hostname: "Dup-Name" },
      { addresses: ["172.0.0.5"], hostname: "dup-name" },
      { addresses: ["172.0.0.6"], conditions: { ready: false } },
    ]),
    slice("hdls", "IPv6", [{ addresses: ["5678:ABCD:0::1"] }]),
    slice("portless", "IPv4", [{ addresses: ["172.0.0.20"] }], []),
    slice("nobody", "IPv4", [{ addresses: ["172.0.0.30"], conditions: { ready: false } }]),
    slice("early", "IPv4", [{ addresses: ["172.0.0.40"], conditions: { ready: false } }]),
    slice("tolerant", "IPv4", [{ addresses: ["172.0.0.41"], conditions: { ready: false } }]),
  ],
});
const zone = {
  source,
  domain: "cluster.local",
  serial: () => 42,
  nameServers: () => [{ name: "kube-dns.kube-system.svc.cluster.local", address: "10.0.0.10" }],
};

type TypeName = keyof typeof TYPE;
function ask(name: string, type: TypeName): ZoneAnswer {
  const labels = name.split(".");
  const inside = withinZone(labels, zone.domain);
  if (inside === undefined) throw new Error(`${name} is not of the zone`);
  return answerFromZone(zone, name, inside, TYPE[type]);
}
/** Records as a zone file has them, without their owner. */
function text(record: Answer): string {
  if (record.type === "SRV") {
    const { priority, weight, port, target } = record.data;
    return `SRV ${priority} ${weight} ${port} ${target}`;
  }
  if (record.type === "SOA") return `SOA ${record.name}`;
  return `${record.type} ${String((record as { data: unknown }).data)}`;
}

describe("names that have what is asked for", () => {
  test.each<[string, TypeName, string[], string[]?]>([
    ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
    ["dual.testns.svc", "A", ["A 10.0.0.2"]],
    ["dual.testns.svc", "AAAA", ["AAAA fd00::2"]],
    ["_http._tcp.svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc.cluster.local"], ["A 10.0.0.1"]],
    [
      "_http._tcp.dual.testns.svc",
      "SRV",
      ["SRV 0 100 80 dual.testns.svc.cluster.local"],
      ["A 10.0.0.2", "AAAA fd00::2"],
    ],
    [
      "svc1.testns.svc",
      "SRV",
      ["SRV 0 50 80 svc1.testns.svc.cluster.local", "SRV 0 50 53 svc1.testns.svc.cluster.local"],
      ["A 10.0.0.1"],
    ],
    ["172-0-0-9.svc1.testns.svc", "A", ["A 172.0.0.9"]],
    ["hdls.testns.svc", "A", ["A 172.0.0.2", "A 172.0.0.3", "A 172.0.0.4", "A 172.0.0.5"]],
    ["hdls.testns.svc", "AAAA", ["AAAA 5678:abcd::1"]],
    ["172-0-0-2.hdls.testns.svc", "A", ["A 172.0.0.2"]],
    ["5678-abcd--1.hdls.testns.svc", "AAAA", ["AAAA 5678:abcd::1"]],
    ["dup-name.hdls.testns.svc", "A", ["A 172.0.0.4", "A 172.0.0.5"]],
    [
      "_http._tcp.hdls.testns.svc",
      "SRV",
      [
        "SRV 0 25 80 172-0-0-2.hdls.testns.svc.cluster.local",
        "SRV 0 25 80 172-0-0-3.hdls.testns.svc.cluster.local",
        "SRV 0 25 80 dup-name.hdls.testns.svc.cluster.local",
        "SRV 0 25 80 5678-abcd--1.hdls.testns.svc.cluster.local",
      ],
      ["A 172.0.0.2", "A 172.0.0.3", "A 172.0.0.4", "A 172.0.0.5", "AAAA 5678:abcd::1"],
    ],
    ["portless.testns.svc", "A", ["A 172.0.0.20"]],
    ["early.testns.svc", "A", ["A 172.0.0.40"]],
    ["tolerant.testns.svc", "A", ["A 172.0.0.41"]],
    ["ext.testns.svc", "CNAME", ["CNAME www.example.com"]],
    ["10-1-2-3.testns.pod", "A", ["A 10.1.2.3"]],
    ["fd00--5.testns.pod", "AAAA", ["AAAA fd00::5"]],
    ["dns-version", "TXT", ["TXT 1.1.0"]],
    ["ns.dns", "A", ["A 10.0.0.10"]],
  ])("%s %s", (name, type, answers, additionals = []) => {
    const answer = ask(`${name}.cluster.local`, type);
    expect(answer.answers.map(text)).toEqual(answers);
    expect(answer.additionals.map(text)).toEqual(additionals);
    expect(answer.authorities).toEqual([]);
    expect(answer.rcode).toBe(0);
    expect(answer.answers.map(({ name: owner }) => owner)).toEqual(answers.map(() => `${name}.cluster.local`));
  });
  test("the zone itself", () => {
    expect(ask("cluster.local", "SOA").answers).toMatchObject([
      { type: "SOA", ttl: 5, data: { mname: "ns.dns.cluster.local", rname: "hostmaster.cluster.local", serial: 42 } },
    ]);
    const servers = ask("cluster.local", "NS");
    expect(servers.answers.map(text)).toEqual(["NS kube-dns.kube-system.svc.cluster.local"]);
    expect(servers.additionals.map(text)).toEqual(["A 10.0.0.10"]);
  });
  test("records live five seconds, the schema's version eight hours", () => {
    expect(ask("svc1.testns.svc.cluster.local", "A").answers).toMatchObject([{ ttl: 5 }]);
    expect(ask("dns-version.cluster.local", "TXT").answers).toMatchObject([{ ttl: 28_800 }]);
  });
  test("an ExternalName sends on every question but the one for itself", () => {
    expect(ask("ext.testns.svc.cluster.local", "A").goesOn).toBe("www.example.com");
    expect(ask("ext.testns.svc.cluster.local", "CNAME").goesOn).toBeUndefined();
  });
});

describe("names without what is asked for say so with the zone's SOA", () => {
  test.each<[string, TypeName]>([
    ["cluster.local", "A"],
    ["svc.cluster.local", "A"],
    ["pod.cluster.local", "A"],
    ["dns.cluster.local", "A"],
    ["testns.svc.cluster.local", "A"],
    ["empty.svc.cluster.local", "A"],
    ["testns.pod.cluster.local", "A"],
    ["svc1.testns.svc.cluster.local", "AAAA"],
    ["svc1.testns.svc.cluster.local", "MX"],
    ["svc1.testns.svc.cluster.local", "ANY"],
    ["svc1.testns.svc.cluster.local", "CNAME"],
    ["svc1.testns.svc.cluster.local", "SOA"],
    ["pending.testns.svc.cluster.local", "A"],
    ["_tcp.svc1.testns.svc.cluster.local", "A"],
    ["_http._tcp.svc1.testns.svc.cluster.local", "TXT"],
    ["portless.testns.svc.cluster.local", "SRV"],
    ["10-1-2-3.testns.pod.cluster.local", "AAAA"],
    ["dns-version.cluster.local", "A"],
  ])("NODATA for %s %s", (name, type) => {
    const { rcode, answers, authorities } = ask(name, type);
    expect({ rcode, answers, authorities: authorities.map(text) }).toEqual({
      rcode: 0,
      answers: [],
      authorities: ["SOA cluster.local"],
    });
  });
  test.each<[string, TypeName]>([
    ["nothing.cluster.local", "A"],
    ["svc0.testns.svc.cluster.local", "A"],
    ["svc1.nowhere.svc.cluster.local", "A"],
    ["nowhere.svc.cluster.local", "A"],
    ["svc1.*.svc.cluster.local", "A"],
    ["*.testns.svc.cluster.local", "A"],
    ["*._tcp.svc1.testns.svc.cluster.local", "SRV"],
    ["_http._udp.svc1.testns.svc.cluster.local", "SRV"],
    ["_._udp.svc1.testns.svc.cluster.local", "SRV"],
    ["http.tcp.svc1.testns.svc.cluster.local", "SRV"],
    ["_udp.svc1.testns.svc.cluster.local", "SRV"],
    ["nobody.testns.svc.cluster.local", "A"],
    ["172-0-0-6.hdls.testns.svc.cluster.local", "A"],
    ["bogus.hdls.testns.svc.cluster.local", "A"],
    ["number.testns.svc.cluster.local", "A"],
    ["below.ext.testns.svc.cluster.local", "A"],
    ["10-1-2-3.nowhere.pod.cluster.local", "A"],
    ["10-1-2-300.testns.pod.cluster.local", "A"],
    ["10-1-2.testns.pod.cluster.local", "A"],
    ["web-0.testns.pod.cluster.local", "A"],
    ["x.10-1-2-3.testns.pod.cluster.local", "A"],
    ["www.google.com.testns.svc.cluster.local", "A"],
    ["www.google.com.svc.cluster.local", "A"],
    ["google.com.cluster.local", "A"],
    ["x.dns-version.cluster.local", "TXT"],
    ["x.ns.dns.cluster.local", "A"],
  ])("NXDOMAIN for %s %s", (name, type) => {
    const { rcode, answers, authorities } = ask(name, type);
    expect({ rcode, answers, authorities: authorities.map(text) }).toEqual({
      rcode: 3,
      answers: [],
      authorities: ["SOA cluster.local"],
    });
  });
});

describe("addresses", () => {
  const reverse = (name: string, type: TypeName = "PTR"): string[] | undefined =>
    answerReverse(zone, name, name.split("."), TYPE[type])?.answers.map(text);
  const nibbles = (hex: string): string => `${hex.split("").toReversed().join(".")}.ip6.arpa`;
  test("lead back to Services and endpoints that are shown", () => {
    expect(reverse("1.0.0.10.in-addr.arpa")).toEqual(["PTR svc1.testns.svc.cluster.local"]);
    expect(reverse("2.0.0.172.in-addr.arpa")).toEqual(["PTR 172-0-0-2.hdls.testns.svc.cluster.local"]);
    expect(reverse("4.0.0.172.in-addr.arpa")).toEqual(["PTR dup-name.hdls.testns.svc.cluster.local"]);
    expect(reverse("40.0.0.172.in-addr.arpa")).toEqual(["PTR 172-0-0-40.early.testns.svc.cluster.local"]);
    expect(reverse(nibbles(`fd00${"0".repeat(27)}2`))).toEqual(["PTR dual.testns.svc.cluster.local"]);
  });
  test.each([
    "6.0.0.172.in-addr.arpa",
    "1.2.0.192.in-addr.arpa",
    "0.0.10.in-addr.arpa",
    "001.0.0.10.in-addr.arpa",
    "x.0.0.10.in-addr.arpa",
    "1.ip6.arpa",
    "arpa",
  ])("%s is for others to answer", (name) => expect(reverse(name)).toBeUndefined());
  test("other types are for others to answer", () => expect(reverse("1.0.0.10.in-addr.arpa", "A")).toBeUndefined());
});

describe("the zone's name server", () => {
  const own = (port: number): string[] =>
    nameServersOf(zone, ["172.0.0.9"], port).map(({ name, address }) => `${name} ${address}`);
  test("is the Service that leads to our address and port", () =>
    expect(own(80)).toEqual(["svc1.testns.svc.cluster.local 10.0.0.1"]));
  test("is ns.dns where only another port leads here", () =>
    expect(own(81)).toEqual(["ns.dns.cluster.local 172.0.0.9"]));
});
