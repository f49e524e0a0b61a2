import type { Entry } from "../watch-cache/entry.ts";
import type { Committer } from "./committer.ts";
import { checkPreconditions, decideDeletion } from "./deletion.ts";
import type { DeleteOptions } from "./deletion.ts";
import { withMetadata } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";
import type { Operation } from "./operation.ts";
import type { StoredType } from "./resource-type.ts";
import { mayHaveBeenMade } from "./store-failure.ts";
import { modified } from "./write-context.ts";
import type { WriteContext } from "./write-context.ts";

/** Tries on newer states before the conflict is the caller's. */
const TRIES = 10;

interface DeletionParts {
  readonly storage: {
    readonly type: StoredType;
    key(namespace: string, name: string): string;
    get(namespace: string, name: string): Entry;
  };
  readonly committer: Committer;
  readonly context: WriteContext;
}

/** The object as it was when deletion was accepted, and whether it is gone already. */
export async function deleteObject(
  parts: DeletionParts,
  op: Operation,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Promise<{ object: StoredObject; removed: boolean }> {
  const { storage, committer, context } = parts;
  const { info, hooks } = storage.type;
  const key = storage.key(namespace, name);
  const strategy = context.strategy("");
  for (let tries = 1; ; tries++) {
    const entry = storage.get(namespace, name);
    const current = await context.upgraded(entry);
    checkPreconditions(info, current, options.preconditions);
    const attributes = context.attributes(op, "DELETE", namespace, name, undefined, current);
    await op.admission?.mutate(attributes);
    const undo = await op.admission?.validate(attributes);
    try {
      const decision = decideDeletion(current, options, strategy, context.of(op, namespace, name));
      if (decision.action === "nothing") return { object: current, removed: false };
      if (op.dryRun) {
        return {
          object: decision.action === "update" ? decision.next : current,
          removed: decision.action === "remove",
        };
      }
      if (decision.action === "update") {
        const put = await committer.put(key, decision.next, {
          modRevision: entry.revision,
          createRevision: entry.createRevision,
        });
        if (put !== undefined) {
          await hooks.afterUpdate?.(put.object, current);
          return { object: withMetadata(put.object), removed: false };
        }
      } else {
        const revision = await committer.delete(key, entry.revision);
        if (revision !== undefined) {
          await hooks.afterDelete?.(current);
          return { object: withMetadata(entry.deletedAt(revision).object), removed: true };
        }
      }
    } catch (error) {
      if (!mayHaveBeenMade(error)) await undo?.();
      throw error;
    }
    await undo?.();
    if (tries >= TRIES) throw modified(info, name);
  }
}
