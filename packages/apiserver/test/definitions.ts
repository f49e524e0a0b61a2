import { expect, vi } from "vitest";
import type { Harness, Json } from "./harness.ts";

export const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** One version of a definition; without a schema of its own it keeps everything. */
export function version(name: string, more: Json = {}): Json {
  return {
    name,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    ...more,
  };
}

/** A definition whose kind is the singular of `plural`, which ends in s. */
export function definition(plural: string, group: string, versions: readonly Json[], more: Json = {}): Json {
  const singular = plural.slice(0, -1);
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, singular, kind: singular.charAt(0).toUpperCase() + singular.slice(1) },
      versions,
      ...more,
    },
  };
}

/** Makes the definition and waits until its resources are served. */
export async function define(api: Harness, crd: Json): Promise<Json> {
  const { status, body } = await api.post(CRDS, crd);
  expect([status, body.message]).toEqual([201, undefined]);
  const { group, versions } = crd.spec;
  await vi.waitFor(
    async () => {
      const { body: now } = await api.get(`${CRDS}/${crd.metadata.name}`);
      const established = (now.status?.conditions ?? []).find(({ type }: Json) => type === "Established");
      expect(established?.status).toBe("True");
    },
    { timeout: 10_000, interval: 10 },
  );
  for (const { name, served } of versions)
    if (served !== false) expect((await api.get(`/apis/${group}/${name}`)).status).toBe(200);
  return body;
}
