import type { Event as CoreEvent } from "@knots/api/core/v1";
import type { Event } from "@knots/api/events/v1";
import type { KubeObject } from "@knots/machinery";
import type { BuiltInConverter } from "./served.ts";

/** core/v1 Event (stored) and events.k8s.io/v1 Event: the same object under other field names. */
export const eventConverter: BuiltInConverter = {
  fieldLabel(label) {
    if (label.startsWith("regarding.")) return label.replace("regarding.", "involvedObject.");
    if (label === "reportingController") return "reportingComponent";
    return ["reason", "type", "metadata.name", "metadata.namespace"].includes(label) ? label : undefined;
  },
  toServed(stored: KubeObject): KubeObject {
    const {
      involvedObject,
      message,
      source,
      firstTimestamp,
      lastTimestamp,
      count,
      reportingComponent,
      reportingInstance,
      ...rest
    } = stored as CoreEvent;
    const event = {
      ...rest,
      apiVersion: "events.k8s.io/v1",
      ...some("regarding", involvedObject),
      ...some("note", message),
      ...some("deprecatedSource", source),
      ...some("deprecatedFirstTimestamp", firstTimestamp),
      ...some("deprecatedLastTimestamp", lastTimestamp),
      ...some("deprecatedCount", count),
      ...some("reportingController", reportingComponent),
      ...some("reportingInstance", reportingInstance),
    };
    return event as KubeObject;
  },
  toStored(served: KubeObject): KubeObject {
    const {
      regarding,
      note,
      deprecatedSource,
      deprecatedFirstTimestamp,
      deprecatedLastTimestamp,
      deprecatedCount,
      reportingController,
      reportingInstance,
      ...rest
    } = served as Event;
    const event = {
      ...rest,
      apiVersion: "v1",
      involvedObject: regarding ?? {},
      ...some("message", note),
      source: deprecatedSource ?? {},
      ...some("firstTimestamp", deprecatedFirstTimestamp),
      ...some("lastTimestamp", deprecatedLastTimestamp),
      ...some("count", deprecatedCount),
      reportingComponent: reportingController ?? "",
      reportingInstance: reportingInstance ?? "",
    };
    return event as KubeObject;
  },
};

function some(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value };
}
