import { REINVOKE } from "./types.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionUndo } from "./types.ts";

/**
 * The plug-ins in order: all mutating ones first, then (after defaulting and validation by the registry) all
 * validating ones. One chain serves every verb, resource and subresource, custom ones and CONNECT included.
 */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** Once, and once more when a webhook changed the object after others had seen it. */
  async mutate(attributes: AdmissionAttributes): Promise<void> {
    if (!(await this.#mutateOnce(attributes))) return;
    attributes.reinvocation = true;
    await this.#mutateOnce(attributes);
  }

  /** True when another round is wanted. */
  async #mutateOnce(attributes: AdmissionAttributes): Promise<boolean> {
    let again = false;
    for (const plugin of this.#plugins) {
      if (plugin.mutate === undefined || !plugin.handles(attributes)) continue;
      const done = plugin.mutate(attributes);
      if (done !== undefined && (await done) === REINVOKE) again = true;
    }
    return again;
  }

  /** Returns what to call when the operation fails afterwards. */
  async validate(attributes: AdmissionAttributes): Promise<AdmissionUndo | undefined> {
    let undos: AdmissionUndo[] | undefined;
    try {
      for (const plugin of this.#plugins) {
        if (plugin.validate === undefined || !plugin.handles(attributes)) continue;
        const undo = await plugin.validate(attributes);
        if (typeof undo === "function") (undos ??= []).push(undo);
      }
    } catch (error) {
      if (undos !== undefined) await runAll(undos);
      throw error;
    }
    const collected = undos;
    return collected === undefined ? undefined : () => runAll(collected);
  }
}

async function runAll(undos: readonly AdmissionUndo[]): Promise<void> {
  for (const undo of undos.toReversed()) await undo();
}
