import { expect, test } from "vitest";
import { detachedSignature, signedData } from "./signature.ts";

test.each([
  [
    "Hello from the other side. I must have called a thousand times.",
    "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8",
  ],
  ["", "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..7Ui1ALizW4jXphVUB7xUqC9vLYLL9RZeOFfVLoB7Tgk"],
])("the signature of %j is upstream's, to the letter", (content, want) => {
  expect(detachedSignature(content, "joshua", "my voice is my passcode")).toBe(want);
});

const tokens = new Map([
  ["aaaaaa", "secret-a"],
  ["bbbbbb", "secret-b"],
]);
const signed = {
  kubeconfig: "x",
  "jws-kubeconfig-aaaaaa": detachedSignature("x", "aaaaaa", "secret-a"),
  "jws-kubeconfig-bbbbbb": detachedSignature("x", "bbbbbb", "secret-b"),
};

test.each<[string, Record<string, string> | undefined, Record<string, string> | undefined]>([
  ["not signed yet", { kubeconfig: "x", other: "y" }, { ...signed, other: "y" }],
  ["signed", signed, undefined],
  ["signed with a token that is gone", { ...signed, "jws-kubeconfig-cccccc": "z" }, signed],
  ["signed with another secret", { ...signed, "jws-kubeconfig-aaaaaa": "z" }, signed],
  ["signed before it changed", { ...signed, kubeconfig: "w" }, signedData({ kubeconfig: "w" }, tokens)],
  ["with nothing to sign", { other: "y", "jws-kubeconfig-cccccc": "z" }, undefined],
  ["empty", undefined, undefined],
])("cluster-info %s", (_what, data, want) => {
  expect(signedData(data, tokens)).toEqual(want);
});
