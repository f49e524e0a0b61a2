import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { limitRanges } from "@knots/api/core/v1";
import { Quantity, podLimits, podRequests } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

type Resources = Record<string, string>;

/** Default requests and limits of containers, and the bounds of containers, pods and claims, by the namespace's LimitRanges. */
export const limitRanger: AdmissionPlugin = {
  name: "LimitRanger",
  handles: (attributes) =>
    concerns(attributes, "pods", ["CREATE"]) || concerns(attributes, "persistentvolumeclaims", ["CREATE", "UPDATE"]),
  mutate(attributes) {
    if (attributes.resource !== "pods") return;
    for (const range of rangesOf(attributes)) applyDefaults(attributes.object as Pod, range);
  },
  validate(attributes) {
    const problems: string[] = [];
    for (const range of rangesOf(attributes)) {
      for (const item of range.spec?.limits ?? []) {
        if (attributes.resource === "pods") checkPod(attributes.object as Pod, item, problems);
        else if (item.type === "PersistentVolumeClaim")
          checkClaim(attributes.object as PersistentVolumeClaim, item, problems);
      }
    }
    if (problems.length === 0) return;
    const text = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
    throw forbidden(attributes, text);
  },
};

function rangesOf({ objects, namespace }: AdmissionAttributes): readonly LimitRange[] {
  return objects.list(limitRanges, namespace);
}

function applyDefaults(pod: Pod, range: LimitRange): void {
  const limits: Resources = {};
  const requests: Resources = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== "Container") continue;
    Object.assign(limits, item.default);
    Object.assign(requests, item.defaultRequest);
  }
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return;
  const changed = [
    ...(pod.spec?.containers ?? []).flatMap((container) => defaultContainer(container, "container", requests, limits)),
    ...(pod.spec?.initContainers ?? []).flatMap((container) =>
      defaultContainer(container, "init container", requests, limits),
    ),
  ];
  if (changed.length > 0) {
    const metadata = (pod.metadata ??= {});
    metadata.annotations = {
      ...metadata.annotations,
      "kubernetes.io/limit-ranger": `LimitRanger plugin set: ${changed.join("; ")}`,
    };
  }
}

function defaultContainer(container: Container, what: string, requests: Resources, limits: Resources): string[] {
  const resources = (container.resources ??= {});
  const setLimits = missing(resources.limits, limits);
  const setRequests = missing(resources.requests, requests);
  if (setLimits.length > 0) resources.limits = { ...limits, ...resources.limits };
  if (setRequests.length > 0) resources.requests = { ...requests, ...resources.requests };
  return [
    ...(setRequests.length > 0 ? [`${setRequests.join(", ")} request for ${what} ${container.name}`] : []),
    ...(setLimits.length > 0 ? [`${setLimits.join(", ")} limit for ${what} ${container.name}`] : []),
  ];
}

function missing(own: Resources | undefined, defaults: Resources): string[] {
  return Object.keys(defaults)
    .filter((name) => own?.[name] === undefined)
    .sort();
}

function checkPod(pod: Pod, item: LimitRangeItem, problems: string[]): void {
  const { spec } = pod;
  if (spec === undefined) return;
  if (item.type === "Container") {
    for (const { resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      checkBounds(item, resources?.requests ?? {}, resources?.limits ?? {}, problems);
    }
  } else if (item.type === "Pod") {
    checkBounds(item, texts(podRequests(spec)), texts(podLimits(spec)), problems);
  }
}

function checkBounds(item: LimitRangeItem, requests: Resources, limits: Resources, problems: string[]): void {
  for (const [name, min] of Object.entries(item.min ?? {})) {
    const request = requests[name];
    const limit = limits[name];
    if (request === undefined)
      problems.push(`minimum ${name} usage per ${item.type} is ${min}.  No request is specified`);
    else if (compare(request, min) < 0)
      problems.push(`minimum ${name} usage per ${item.type} is ${min}, but request is ${request}`);
    else if (limit !== undefined && compare(limit, min) < 0) {
      problems.push(`minimum ${name} usage per ${item.type} is ${min}, but limit is ${limit}`);
    }
  }
  for (const [name, max] of Object.entries(item.max ?? {})) {
    const request = requests[name];
    const limit = limits[name];
    if (limit === undefined) problems.push(`maximum ${name} usage per ${item.type} is ${max}.  No limit is specified`);
    else if (compare(limit, max) > 0)
      problems.push(`maximum ${name} usage per ${item.type} is ${max}, but limit is ${limit}`);
    else if (request !== undefined && compare(request, max) > 0) {
      problems.push(`maximum ${name} usage per ${item.type} is ${max}, but request is ${request}`);
    }
  }
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const request = requests[name];
    const limit = limits[name];
    if (request === undefined || limit === undefined || Quantity.parse(request).isZero()) {
      problems.push(
        `${name} max limit to request ratio per ${item.type} is ${ratio}, but no request is specified or request is 0`,
      );
      continue;
    }
    const actual = Quantity.parse(limit).asNumber() / Quantity.parse(request).asNumber();
    if (actual > Quantity.parse(ratio).asNumber()) {
      problems.push(
        `${name} max limit to request ratio per ${item.type} is ${ratio}, but provided ratio is ${actual.toFixed(6)}`,
      );
    }
  }
}

function checkClaim({ spec }: PersistentVolumeClaim, item: LimitRangeItem, problems: string[]): void {
  const requests = spec?.resources?.requests ?? {};
  for (const [name, min] of Object.entries(item.min ?? {})) {
    const request = requests[name] ?? "0";
    if (compare(request, min) < 0)
      problems.push(`minimum ${name} usage per PersistentVolumeClaim is ${min}, but request is ${request}`);
  }
  for (const [name, max] of Object.entries(item.max ?? {})) {
    const request = requests[name] ?? "0";
    if (compare(request, max) > 0)
      problems.push(`maximum ${name} usage per PersistentVolumeClaim is ${max}, but request is ${request}`);
  }
}

function compare(a: string, b: string): number {
  return Quantity.parse(a).cmp(Quantity.parse(b));
}

function texts(quantities: Iterable<[string, Quantity]> | Record<string, Quantity>): Resources {
  const entries =
    Symbol.iterator in quantities ? [...(quantities as Iterable<[string, Quantity]>)] : Object.entries(quantities);
  return Object.fromEntries(entries.map(([name, quantity]) => [name, quantity.toString()]));
}
