import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const pods = infoOf("pods");
export const supported = (...values: string[]): string =>
  `supported values: ${values.map((value) => JSON.stringify(value)).join(", ")}`;

/** A pod of one container, `container` of which is given as well. */
export const podWith = (spec: object = {}, container: object = {}, metadata: object = {}): Loose => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", ...metadata },
  spec: { containers: [{ name: "c", image: "i:1", ...container }], ...spec },
});

/** "spec.os.name: cannot be empty" for each error of its creation. */
export const podErrors = (spec: object = {}, container: object = {}, metadata: object = {}): string[] =>
  createErrors(pods, podWith(spec, container, metadata));

/** Errors of an update of a stored pod, which need not be such as could be created. */
export const updateErrors = (old: object, change: (pod: Loose) => void, subresource = ""): string[] =>
  updated(pods, created(pods, old), change, subresource).errors;
