// ConversionReview: what is asked of a conversion webhook, and what it may answer.
import type { ConversionRequest, ConversionResponse } from "@knots/api/apiextensions/v1";
import type { KubeObject } from "@knots/machinery";

export type ReviewVersion = "v1" | "v1beta1";

/** The first version of a definition's list that this server speaks. */
export function reviewVersionOf(versions: readonly string[]): ReviewVersion | undefined {
  return versions.find((version): version is ReviewVersion => version === "v1" || version === "v1beta1");
}

export function conversionReview(
  version: ReviewVersion,
  uid: string,
  objects: readonly KubeObject[],
  desiredAPIVersion: string,
): object {
  const request: ConversionRequest = { uid, desiredAPIVersion, objects: [...objects] };
  return { kind: "ConversionReview", apiVersion: `apiextensions.k8s.io/${version}`, request };
}

/** The converted objects; throws an Error with upstream's text for an answer that has none. */
export function convertedObjects(
  version: ReviewVersion,
  uid: string,
  answer: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const response = answer["response"] as Partial<ConversionResponse> | null | undefined;
  if (version === "v1") checkKind(answer);
  if (response === undefined || response === null) throw new Error("no response provided");
  if (version === "v1" && response.uid !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  const { status = "", message = "" } = response.result ?? {};
  if (status !== "Success")
    throw new Error(message === "" ? `response.result.status was '${status}', not 'Success'` : message);
  return response.convertedObjects ?? [];
}

function checkKind({ apiVersion, kind }: Readonly<Record<string, unknown>>): void {
  if (apiVersion === "apiextensions.k8s.io/v1" && kind === "ConversionReview") return;
  const shown = typeof apiVersion !== "string" ? "/" : apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
  throw new Error(
    `expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got ${shown}, Kind=${typeof kind === "string" ? kind : ""}`,
  );
}
