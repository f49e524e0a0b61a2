import { randomUUID } from "node:crypto";
import type { CustomResourceDefinitionSpec } from "@knots/api/apiextensions/v1";
import type { KubeObject } from "@knots/machinery";
import { jsonObject, remoteOf } from "../../outbound/index.ts";
import type { Outbound } from "../../outbound/index.ts";
import { unknownError } from "../../streams/dial.ts";
import { checkIdentity, restoreMetadata } from "./converted-object.ts";
import { conversionReview, convertedObjects, reviewVersionOf } from "./review.ts";

/** Between the versions of one custom resource. Neither changes the objects it is given. */
export interface ObjectConverter {
  /** The webhook that converts; undefined: only the apiVersion differs, and `convert` answers at once. */
  readonly remote: boolean;
  /** The objects in `apiVersion`, in their order; objects that are in it already are not asked about. */
  convert(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
}

/** Strategy None. */
export const sameFields: ObjectConverter = {
  remote: false,
  convert: (objects, apiVersion) => Promise.resolve(objects.map((object) => ({ ...object, apiVersion }))),
};

const TIMEOUT_SECONDS = 30;

/** What a definition's spec.conversion says. */
export function objectConverter({ conversion }: CustomResourceDefinitionSpec, outbound: Outbound): ObjectConverter {
  const { webhook } = conversion ?? {};
  const clientConfig = webhook?.clientConfig;
  if (conversion?.strategy !== "Webhook" || webhook === undefined || clientConfig === undefined) return sameFields;
  const reviewVersion = reviewVersionOf(webhook.conversionReviewVersions);
  const ask = async (objects: readonly KubeObject[], apiVersion: string): Promise<readonly unknown[]> => {
    if (reviewVersion === undefined)
      throw new Error("webhook does not accept known ConversionReview versions (v1, v1beta1)");
    const uid = randomUUID();
    const { remote, path } = remoteOf(clientConfig, outbound.resolver);
    const response = await outbound.client.send(remote, {
      method: "POST",
      path: `${path}?timeout=${TIMEOUT_SECONDS}s`,
      headers: { "content-type": "application/json", accept: "application/json, */*" },
      body: Buffer.from(JSON.stringify(conversionReview(reviewVersion, uid, objects, apiVersion))),
      timeoutMs: TIMEOUT_SECONDS * 1000,
    });
    return convertedObjects(reviewVersion, uid, jsonObject(response));
  };
  return {
    remote: true,
    async convert(objects, apiVersion) {
      const others = objects.filter((object) => object.apiVersion !== apiVersion);
      if (others.length === 0) return [...objects];
      const about = `conversion webhook for ${describe(others[0])}`;
      let answers: readonly unknown[];
      try {
        answers = await ask(others, apiVersion);
      } catch (error) {
        throw unknownError(`${about} failed: ${(error as Error).message}`);
      }
      if (answers.length !== others.length)
        throw unknownError(`${about} returned ${answers.length} objects, expected ${others.length}`);
      let next = 0;
      return objects.map((object) => {
        if (object.apiVersion === apiVersion) return object;
        const index = next++;
        return accept(about, object, answers[index], apiVersion, others.length > 1 ? index : undefined);
      });
    },
  };
}

/** One answer, checked, with the metadata that is not the webhook's to change. `index` in a list of several. */
function accept(
  about: string,
  original: KubeObject,
  answer: unknown,
  apiVersion: string,
  index: number | undefined,
): KubeObject {
  const at = index === undefined ? "" : ` at index ${index}`;
  const converted = (answer ?? {}) as KubeObject;
  if (converted.apiVersion !== apiVersion) {
    throw unknownError(
      `${about} returned invalid converted object${index === undefined ? " at index 0" : at}: invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ""})`,
    );
  }
  try {
    checkIdentity(original, converted);
  } catch (error) {
    throw unknownError(
      `${about} returned invalid ${index === undefined ? "object" : `converted object${at}`}: ${(error as Error).message}`,
    );
  }
  try {
    return restoreMetadata(original, converted);
  } catch (error) {
    throw unknownError(
      `${about} returned invalid metadata${index === undefined ? "" : ` in object${at}`}: ${(error as Error).message}`,
    );
  }
}

function describe(object: KubeObject | undefined): string {
  return `${object?.apiVersion ?? ""}, Kind=${object?.kind ?? ""}`;
}
