import { expect, test } from "vitest";
import { parseDeclaration } from "./descriptions.ts";

test("the class's own comment is its text, not what the generator wrote above the imports", () => {
  const texts = parseDeclaration(`/**
 * Kubernetes
 * No description provided
 */
import { V1ExecAction } from '../models/V1ExecAction.js';
/**
* Probe describes a health check.
*/
export declare class V1Probe {
    'exec'?: V1ExecAction;
    /**
    * Minimum consecutive failures. The pod\\'s own.
    */
    'failureThreshold'?: number;
    /**
    * Words of the language.
    */
    '_default'?: string;
`);
  expect(texts.description).toBe("Probe describes a health check.");
  expect(Object.fromEntries(texts.properties)).toEqual({
    failureThreshold: "Minimum consecutive failures. The pod's own.",
    default: "Words of the language.",
  });
});
