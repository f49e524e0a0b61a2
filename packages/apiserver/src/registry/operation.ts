import type { UserInfo } from "../auth/types.ts";
import type { GroupVersionKind, KubeObject } from "@knots/machinery";
import type { AdmissionChain } from "../admission/chain.ts";

/** A subresource whose requests carry another kind than its parent: what admission sees of it (Scale). */
export interface AdmissionView {
  readonly kind: GroupVersionKind;
  of(object: KubeObject): KubeObject;
  /** `object` with what admission made of its view. */
  into(object: KubeObject, view: KubeObject): KubeObject;
}

/** Who does something to an object, and how; made by a handler, or by `Registry.system()` for the server's own writes. */
export interface Operation {
  readonly user: UserInfo;
  /** "" for the resource itself, else "status", "scale", … */
  readonly subresource: string;
  readonly dryRun: boolean;
  /** The object's name as the request's path has it; absent or empty where it has none (POST to a collection). */
  readonly requestName?: string;
  readonly view?: AdmissionView;
  /** Name under which managedFields records this writer. */
  readonly fieldManager: string;
  /** The version that the writer speaks, in which its fields are named; the stored one unless given. */
  readonly apiVersion?: string;
  /** CreateOptions, PatchOptions, … for admission. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Absent for the server's own writes, which nobody admits. */
  readonly admission: AdmissionChain | undefined;
  /** Collects the texts of Warning headers. */
  readonly warn: (text: string) => void;
  /** Made when first asked for: aborts when nobody waits for the outcome any more. Absent for the server's own writes. */
  readonly signal?: (() => AbortSignal) | undefined;
  /** Adds to the audit event of the request; absent when nothing is recorded. */
  readonly annotate?: ((key: string, value: string) => void) | undefined;
}
