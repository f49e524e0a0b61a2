// /statusz and /flagz: what the component is and how it was started (KEP-4827, KEP-4828; beta and on since v1.36).
import { newNotAcceptable } from "@knots/machinery";
import { jsonCodec, yamlCodec } from "./codecs.ts";
import type { Codec } from "./codecs.ts";
import { parseAccept } from "./negotiate.ts";
import { sendBytes } from "./respond.ts";
import type { RequestContext } from "./types.ts";
import { VERSION } from "./version.ts";

/** So upstream's API server calls itself here. */
const COMPONENT = "apiserver";
const WARNING =
  "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";
/** One of them by chance each time, so that nobody comes to read the text by machine. */
const DELIMITERS = [":", ": ", "=", " "];
const GROUP = "config.k8s.io";
const VERSIONS = ["v1beta1", "v1alpha1"];
const DEPRECATED = "v1alpha1";
const TEXT_TYPE = "text/plain";
const WITH_CHARSET = "text/plain; charset=utf-8";
/** What is named to those who accept none; protobuf is known to the negotiation, but there is none of these objects. */
const ACCEPTED = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", TEXT_TYPE];
/** What has no place among the paths of /statusz: it is no help in finding faults. */
const NO_HELP = new Set(["api", "apis", "openid", "openapi", ".well-known", ""]);

/** A page for people, which can be had as an object, too. */
export interface ZPage {
  readonly kind: "Statusz" | "Flagz";
  /** What the object has beside kind, apiVersion and metadata. */
  fields(): object;
  /** What the text has after its heading. */
  text(delimiter: string): string;
  /** Content-Type of a text that was negotiated. */
  readonly textType: string;
}

export function statusz(started: Date, now: () => number, paths: () => readonly string[]): ZPage {
  const uptime = (): number => Math.max(0, Math.floor((now() - started.getTime()) / 1000));
  const facts = {
    goVersion: VERSION.goVersion,
    binaryVersion: VERSION.gitVersion.slice(1),
    emulationVersion: `${VERSION.emulationMajor}.${VERSION.emulationMinor}`,
  };
  const roots = (): string[] => {
    const found = new Set(paths().map((path) => path.split("/")[1] ?? ""));
    return [...found.difference(NO_HELP)].sort().map((root) => `/${root}`);
  };
  return {
    kind: "Statusz",
    textType: TEXT_TYPE,
    fields: () => ({
      startTime: `${started.toISOString().slice(0, -5)}Z`,
      uptimeSeconds: uptime(),
      ...facts,
      paths: roots(),
    }),
    text: (delimiter) =>
      [
        "",
        `Started${delimiter} ${unixDate(started)}`,
        `Up${delimiter} ${hoursMinutesSeconds(uptime())}`,
        `Go version${delimiter} ${facts.goVersion}`,
        `Binary version${delimiter} ${facts.binaryVersion}`,
        `Emulation version${delimiter} ${facts.emulationVersion}`,
        `Paths${delimiter} ${roots().join(" ")}`,
        "",
      ].join("\n"),
  };
}

/** `flags` by name, without dashes. */
export function flagz(flags: Readonly<Record<string, string>>): ZPage {
  return {
    kind: "Flagz",
    textType: WITH_CHARSET,
    fields: () => (Object.keys(flags).length === 0 ? {} : { flags: sorted(flags) }),
    text: (delimiter) =>
      Object.entries(sorted(flags))
        .map(([name, value]) => `${name}${delimiter}${value}\n`)
        .join(""),
  };
}

/** Answers with the page in the form that the client accepts: text, unless an object is asked for by name. */
export function sendZPage({ request, response }: RequestContext, page: ZPage): void {
  const name = page.kind.toLowerCase();
  const accept = request.headers.accept?.trim() ?? "";
  const form = accept === "" ? WITH_CHARSET : chooseForm(accept, page);
  if (typeof form === "string") {
    const delimiter = DELIMITERS[Math.floor(Math.random() * DELIMITERS.length)] ?? ":";
    const text = `\n${COMPONENT} ${name}\n${WARNING}\n${page.text(delimiter)}`;
    sendBytes(request, response, 200, form, Buffer.from(text));
    return;
  }
  const { codec, version } = form;
  if (version === DEPRECATED) {
    const text = `This version of the ${name} endpoint is deprecated. Please use a newer version.`;
    response.setHeader("warning", `299 - "${text}"`);
  }
  const metadata = { name: COMPONENT };
  const object = { kind: page.kind, apiVersion: `${GROUP}/${version}`, metadata, ...page.fields() };
  const contentType = `${codec.mediaType};g=${GROUP};v=${version};as=${page.kind}`;
  sendBytes(request, response, 200, contentType, codec.encode(object));
}

/** The Content-Type of the text, or which object. Throws NotAcceptable. */
function chooseForm(accept: string, page: ZPage): string | { codec: Codec; version: string } {
  for (const { type, parameters } of parseAccept(accept)) {
    const [as, g, v] = ["as", "g", "v"].map((parameter) => parameters.get(parameter));
    const named = as !== undefined || g !== undefined || v !== undefined;
    if (!named && (type === TEXT_TYPE || type === "text/*" || type === "*/*")) return page.textType;
    const codec = [jsonCodec, yamlCodec].find(
      ({ mediaType }) => type === mediaType || type === "application/*" || type === "*/*",
    );
    if (codec === undefined || as !== page.kind || g !== GROUP) continue;
    if (v !== undefined && VERSIONS.includes(v)) return { codec, version: v };
  }
  throw newNotAcceptable(ACCEPTED);
}

function sorted(flags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As `date` prints it, in universal time: "Mon Jan  2 15:04:05 UTC 2006". */
function unixDate(date: Date): string {
  const [weekday = "", day = "", month = "", year = "", time = ""] = date.toUTCString().split(/,? /);
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} UTC ${year}`;
}

function hoursMinutesSeconds(seconds: number): string {
  const two = (value: number): string => String(value % 60).padStart(2, "0");
  return `${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60))} min ${two(seconds)} sec`;
}
