import type { HealthCheck } from "./http/health.ts";

/** What a server does when it starts, and the names under which upstream tells whether that has been done. */
const HOOKS = {
  definitions: ["poststarthook/crd-informer-synced"],
  objects: [
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/bootstrap-controller",
  ],
  limits: ["poststarthook/priority-and-fairness-config-producer"],
  services: ["poststarthook/kube-apiserver-autoregistration", "autoregister-completion"],
} as const;

/** Health checks of the parts of a start. */
export class StartHooks {
  readonly #open = new Set<string>(Object.keys(HOOKS));

  /** Does a part; its checks succeed when it is done. */
  async run(part: keyof typeof HOOKS, work: Promise<void>): Promise<void> {
    await work;
    this.#open.delete(part);
  }

  checks(): HealthCheck[] {
    return Object.entries(HOOKS).flatMap(([part, names]) =>
      names.map((name) => ({ name, check: () => (this.#open.has(part) ? "not finished" : undefined) })),
    );
  }
}
