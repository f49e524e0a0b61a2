import { pods } from "@knots/api/core/v1";
import type { Handle } from "../framework/handle.ts";
import type { BindPlugin } from "../framework/plugin.ts";
import { errorStatus } from "../framework/status.ts";
import { NAMES } from "./names.ts";

/** Binds through the pods/binding subresource. */
export function defaultBinder({ client }: Handle): BindPlugin {
  return {
    name: NAMES.defaultBinder,
    async bind(_state, { namespace, name, uid }, nodeName) {
      const binding = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      };
      try {
        await client.resource(pods, namespace).createSubresource(name, "binding", binding);
      } catch (error) {
        return errorStatus(error);
      }
      return undefined;
    },
  };
}
