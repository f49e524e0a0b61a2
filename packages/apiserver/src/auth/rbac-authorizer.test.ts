import type { KubeObject, ResourceType } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { ObjectEvent, ObjectSource } from "../registry/object-source.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import type { Attributes, UserInfo } from "./types.ts";

/** Objects by resource and name, and a count of how often lists were asked for. */
class Objects implements ObjectSource {
  readonly kept = new Map<string, KubeObject>();
  readonly #listeners: (() => void)[] = [];
  lists = 0;

  get<T extends KubeObject>(type: ResourceType<T>, _namespace: string | undefined, name: string): T | undefined {
    return this.kept.get(`${type.resource}/${name}`) as T | undefined;
  }

  list<T extends KubeObject>(type: ResourceType<T>): readonly T[] {
    this.lists++;
    return [...this.kept].filter(([key]) => key.startsWith(`${type.resource}/`)).map(([, object]) => object as T);
  }

  subscribe<T extends KubeObject>(_type: ResourceType<T>, fn: (event: ObjectEvent<T>) => void): Disposable {
    this.#listeners.push(() => fn({ type: "modified", object: {} as T }));
    return { [Symbol.dispose]: () => undefined };
  }

  put(resource: string, name: string, object: object): void {
    this.kept.set(`${resource}/${name}`, { metadata: { name }, ...object });
    for (const listener of this.#listeners) listener();
  }
}

const ann: UserInfo = { name: "ann", groups: [] };

const may = (user: UserInfo, verb: string, resource: string, name: string): Attributes => ({
  user,
  verb,
  namespace: "",
  apiGroup: "",
  apiVersion: "v1",
  resource,
  subresource: "",
  name,
  resourceRequest: true,
  path: "",
});

function bound(rules: readonly object[]): Objects {
  const objects = new Objects();
  objects.put("clusterroles", "reader", { rules });
  objects.put("clusterrolebindings", "ann", {
    roleRef: { kind: "ClusterRole", name: "reader" },
    subjects: [{ kind: "User", name: "ann" }],
  });
  return objects;
}

describe("RbacAuthorizer", () => {
  it("remembers what is allowed whatever the name", () => {
    const objects = bound([{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]);
    const authorizer = new RbacAuthorizer(objects);
    expect(authorizer.authorize(may(ann, "get", "pods", "a")).allowed).toBe("allow");
    const asked = objects.lists;
    expect(authorizer.authorize(may(ann, "get", "pods", "b")).allowed).toBe("allow");
    expect(objects.lists).toBe(asked);
    expect(authorizer.authorize(may({ name: "bob", groups: [] }, "get", "pods", "a")).allowed).toBe("no-opinion");
  });

  it("does not take one name's permission for another's", () => {
    const objects = bound([{ verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] }]);
    const authorizer = new RbacAuthorizer(objects);
    expect(authorizer.authorize(may(ann, "get", "pods", "a")).allowed).toBe("allow");
    expect(authorizer.authorize(may(ann, "get", "pods", "b")).allowed).toBe("no-opinion");
    expect(authorizer.authorize(may(ann, "get", "pods", "")).allowed).toBe("no-opinion");
  });

  it("forgets when a role changes", () => {
    const objects = bound([{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]);
    const authorizer = new RbacAuthorizer(objects);
    expect(authorizer.authorize(may(ann, "get", "pods", "a")).allowed).toBe("allow");
    objects.put("clusterroles", "reader", { rules: [] });
    expect(authorizer.authorize(may(ann, "get", "pods", "a")).allowed).toBe("no-opinion");
  });
});
