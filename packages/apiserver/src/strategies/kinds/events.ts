// Events: one object under two groups, stored as core/v1; who speaks events.k8s.io/v1 is held to more (upstream:
// pkg/apis/core/validation/events.go).
import type { Event, EventSeries } from "@knots/api/core/v1";
import { isDNS1123Subdomain, isQualifiedName } from "@knots/machinery";
import { FieldPath, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { semanticEqual } from "../equality.ts";
import type { Strategy, StrategyContext } from "../types.ts";
import { immutable, metaOf } from "../validation/metadata.ts";
import { nameIsDNSSubdomain } from "../validation/names.ts";

const at = (field: string): FieldPath => FieldPath.root(field);
const LIMIT = 128;
const NOTE_LIMIT = 1024;

/** The server's own writes, without a version, are those of core/v1. */
const isStrict = (ctx: StrategyContext): boolean => ctx.apiVersion?.startsWith("events.k8s.io/") === true;

const tooLongText = (limit: number): string => `can have at most ${limit} characters`;

/** What every event must be, however it comes; those with an eventTime say who did what to what. */
function validateAny(event: Event, strict: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const involved = event.involvedObject?.namespace ?? "";
  const own = event.metadata?.namespace ?? "";
  const elsewhere = (): void =>
    void errors.push(invalid("involvedObject.namespace", involved, "does not match event.namespace"));
  if (!event.eventTime) {
    if (involved === "" ? own !== "" && own !== "default" : own !== involved) elsewhere();
  } else {
    if (involved === "" && own !== "default" && own !== "kube-system") elsewhere();
    validateReport(event, strict ? "reportingController" : "reportingComponent", errors);
  }
  for (const message of isDNS1123Subdomain(own)) errors.push(invalid(at("namespace"), own, message));
  return errors;
}

function validateReport(event: Event, reporter: string, errors: FieldError[]): void {
  const { reportingComponent: controller = "", message = "" } = event;
  if (controller === "") errors.push(required(at(reporter), ""));
  for (const why of isQualifiedName(controller)) errors.push(invalid(at(reporter), controller, why));
  for (const field of ["reportingInstance", "action", "reason"] as const) {
    const value = event[field] ?? "";
    if (value === "") errors.push(required(at(field), ""));
    if (Buffer.byteLength(value) > LIMIT) errors.push(invalid(at(field), "", tooLongText(LIMIT)));
  }
  if (Buffer.byteLength(message) > NOTE_LIMIT) errors.push(invalid(at("message"), "", tooLongText(NOTE_LIMIT)));
}

function validateSeries(series: Partial<EventSeries> | undefined, errors: FieldError[]): void {
  if (series === undefined) return;
  if ((series.count ?? 0) < 2) errors.push(invalid(at("series.count"), "", "should be at least 2"));
  if (!series.lastObservedTime) errors.push(required(at("series.lastObservedTime"), ""));
}

/** What a new event may not say any more, or must. */
function validateStrictly(event: Event): FieldError[] {
  const errors: FieldError[] = [];
  const { name = "" } = metaOf(event);
  for (const why of nameIsDNSSubdomain(name, false)) errors.push(invalid("metadata.name", name, why));
  validateSeries(event.series, errors);
  if (!event.eventTime) errors.push(required(at("eventTime"), ""));
  const { type = "", source } = event;
  if (type !== "Normal" && type !== "Warning") errors.push(invalid(at("type"), "", `has invalid value: ${type}`));
  for (const field of ["firstTimestamp", "lastTimestamp", "count"] as const)
    if (event[field]) errors.push(invalid(at(field), "", "needs to be unset"));
  if (source?.component || source?.host) errors.push(invalid(at("source"), "", "needs to be unset"));
  return errors;
}

/** In upstream's order: what an event says is said once, only its series goes on. */
const FIXED = [
  ..."involvedObject reason message source firstTimestamp lastTimestamp count reason type".split(" "),
  ..."eventTime action related reportingController reportingInstance".split(" "),
];

function validateFixed(next: Event, old: Event): FieldError[] {
  const errors: FieldError[] = [];
  if (!semanticEqual(next.series, old.series)) validateSeries(next.series, errors);
  const [after, before] = [next, old].map(
    (event) => ({ ...event, reportingController: event.reportingComponent }) as unknown as Record<string, unknown>,
  );
  for (const field of FIXED) immutable(after?.[field], before?.[field], at(field), errors);
  return errors;
}

export const eventStrategy: Strategy<Event> = {
  allowCreateOnUpdate: true,
  validate: (event, ctx) => [...validateAny(event, isStrict(ctx)), ...(isStrict(ctx) ? validateStrictly(event) : [])],
  validateUpdate: (next, old, ctx) => [
    ...validateAny(next, isStrict(ctx)),
    ...(isStrict(ctx) ? validateFixed(next, old) : []),
  ],
  fieldLabels: (event) => {
    const object = event.involvedObject ?? {};
    return {
      "involvedObject.kind": object.kind ?? "",
      "involvedObject.namespace": object.namespace ?? "",
      "involvedObject.name": object.name ?? "",
      "involvedObject.uid": object.uid ?? "",
      "involvedObject.apiVersion": object.apiVersion ?? "",
      "involvedObject.resourceVersion": object.resourceVersion ?? "",
      "involvedObject.fieldPath": object.fieldPath ?? "",
      reason: event.reason ?? "",
      reportingComponent: event.reportingComponent || (event.source?.component ?? ""),
      source: event.source?.component || (event.reportingComponent ?? ""),
      type: event.type ?? "",
    };
  },
};
