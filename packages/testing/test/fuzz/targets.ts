import { RESOURCES, schemaFor } from "@knots/api";
import type { TypeSchema } from "@knots/machinery";
import { NAMES, OBJECTS } from "../objects.ts";

/** A resource that requests are made to. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
  /** Undefined for custom resources. */
  readonly schema: TypeSchema | undefined;
  /** The name of its object that is there before anything is sent. */
  readonly base: string;
  /** A body that is valid but for its name. */
  readonly body: Record<string, unknown>;
}

const CUSTOM: Omit<Target, "base" | "body"> = {
  group: "example.com",
  version: "v1",
  resource: "gizmos",
  kind: "Gizmo",
  namespaced: true,
  verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
  subresources: ["status", "scale"],
  schema: undefined,
};

/** Subresources that are a request to somebody else. */
const OUTWARD = new Set(["attach", "exec", "log", "portforward", "proxy"]);

/** Every resource that can be written to, and one custom resource (GIZMOS). */
export function targets(): Target[] {
  const builtIn = RESOURCES.filter(({ verbs }) => verbs.includes("create")).flatMap(
    (info): Omit<Target, "base" | "body">[] =>
      OBJECTS[`${info.resource}.${info.group}`] === undefined
        ? []
        : [
            {
              ...info,
              subresources: Object.keys(info.subresources).filter((name) => !OUTWARD.has(name)),
              schema: schemaFor(info),
            },
          ],
  );
  return [...builtIn, CUSTOM].map((target) => {
    const { group, version, kind } = target;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const name = `${target.resource}.${group}`;
    return { ...target, base: NAMES[name] ?? "base", body: { apiVersion, kind, ...OBJECTS[name] } };
  });
}

export function collectionPath({ group, version, resource, namespaced }: Target, namespace: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? `/namespaces/${namespace}` : ""}/${resource}`;
}
