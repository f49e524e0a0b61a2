import { expect } from "vitest";
import type { Harness, Json } from "./harness.ts";
import { RemoteServer } from "./remote-server.ts";
import type { RemoteHandler } from "./remote-server.ts";

export const MUTATING = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
export const VALIDATING = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/** What a webhook answers to an AdmissionReview's request. */
export type Hook = (request: Json) => Json;

/** Lets pass with the changes that the operations of a JSON patch make; none: as it is. */
export const patched = (...operations: Json[]): Json =>
  operations.length === 0
    ? { allowed: true }
    : {
        allowed: true,
        patchType: "JSONPatch",
        patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
      };

export const denied = (message: string): Json => ({ allowed: false, status: { message, code: 403 } });

/** The operations that add keys to a ConfigMap's or custom resource's data. */
const addData = (object: Json, data: Readonly<Record<string, string>>): Json[] => [
  ...(object.data === undefined ? [{ op: "add", path: "/data", value: {} }] : []),
  ...Object.entries(data).map(([key, value]) => ({ op: "add", path: `/data/${key}`, value })),
];

/** Two hooks of which the second does something only where the first has. */
export const MUTATION_STAGES: Readonly<Record<string, Hook>> = {
  "/stage-1": ({ object }) =>
    object.data?.["mutation-start"] === "yes" ? patched(...addData(object, { "mutation-stage-1": "yes" })) : patched(),
  "/stage-2": ({ object }) =>
    object.data?.["mutation-stage-1"] === "yes"
      ? patched(...addData(object, { "mutation-stage-2": "yes" }))
      : patched(),
};

/** A webhook server behind the service "hooks", and the configurations that send requests to it. */
export class AdmissionHooks implements AsyncDisposable {
  readonly #api: Harness;
  readonly remote: RemoteServer;

  private constructor(api: Harness, remote: RemoteServer) {
    this.#api = api;
    this.remote = remote;
  }

  static async start(api: Harness, hooks: Readonly<Record<string, Hook>>): Promise<AdmissionHooks> {
    const handlers = Object.entries(hooks).map(([path, hook]): [string, RemoteHandler] => [
      path,
      async ({ body }) => ({
        apiVersion: body.apiVersion,
        kind: body.kind,
        response: { uid: body.request.uid, ...(await hook(body.request)) },
      }),
    ]);
    const remote = await RemoteServer.start("hooks", Object.fromEntries(handlers));
    await remote.expose(api, "hooks");
    return new AdmissionHooks(api, remote);
  }

  /** A webhook for ConfigMaps, unless `more` says otherwise. */
  hook(path: string, more: Json = {}): Json {
    return {
      name: `${path.slice(1)}.example.com`,
      clientConfig: {
        service: { namespace: "default", name: "hooks", path, port: this.remote.port },
        caBundle: this.remote.caBundle,
      },
      rules: rules("configmaps"),
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      ...more,
    };
  }

  async configure(path: string, name: string, webhooks: readonly Json[], labels: Json = {}): Promise<Json> {
    const { status, body } = await this.#api.post(path, { metadata: { name, labels }, webhooks });
    expect([status, body.message]).toEqual([201, undefined]);
    return body;
  }

  /** Takes all configurations away. */
  async reset(): Promise<void> {
    for (const path of [MUTATING, VALIDATING]) await this.#api.delete(path);
    this.remote.requests.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remote[Symbol.asyncDispose]();
  }
}

export const rules = (
  resource: string,
  operations: readonly string[] = ["*"],
  apiGroup = "",
  apiVersions: readonly string[] = ["*"],
): Json[] => [{ operations, apiGroups: [apiGroup], apiVersions, resources: [resource] }];
