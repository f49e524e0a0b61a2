/** Tells the runtime the node's pod CIDR, once it is known and whenever it changes. */
import type { Node } from "@knots/api/core/v1";
import type { Logger } from "@knots/machinery";
import type { RuntimeService } from "../cri/types.ts";

export class PodCIDR {
  readonly #runtime: RuntimeService;
  readonly #logger: Logger;
  #told = "";

  constructor(runtime: RuntimeService, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
  }

  observe(node: Node): void {
    const podCIDR = node.spec?.podCIDR ?? "";
    if (podCIDR === "" || podCIDR === this.#told) return;
    this.#told = podCIDR;
    this.#runtime.updateRuntimeConfig(podCIDR).catch((error: unknown) => {
      // The next look at the node tries again.
      this.#told = "";
      this.#logger.debug({ podCIDR, error }, "cannot tell the runtime the pod CIDR yet");
    });
  }
}
