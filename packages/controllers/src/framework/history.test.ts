import { expect, test } from "vitest";
import { revisionData, revisionTemplate, storesTemplate } from "./history.ts";

const TEMPLATE = {
  spec: { restartPolicy: "Always", containers: [{ name: "c", image: "i", env: [{ name: "B", value: "1" }] }] },
  metadata: { labels: { z: "1", a: "2" } },
};

test("a revision stores the template as a patch with sorted keys", () => {
  const data = revisionData(TEMPLATE);
  expect(JSON.stringify(data)).toBe(
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"2","z":"1"}},"spec":{"containers":[{"env":[{"name":"B","value":"1"}],"image":"i","name":"c"}],"restartPolicy":"Always"}}}}',
  );
  expect(revisionTemplate({ data, revision: 1 })).toEqual(TEMPLATE);
  expect(storesTemplate({ data, revision: 1 }, TEMPLATE)).toBe(true);
});
