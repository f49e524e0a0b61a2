/** Of which custom resources are made while the server is tried. */
export const GIZMOS = {
  metadata: { name: "gizmos.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "gizmos", singular: "gizmo", kind: "Gizmo", listKind: "GizmoList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: ".spec.size", statusReplicasPath: ".status.size" } },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  size: { type: "integer", minimum: 0, default: 3 },
                  ratio: { type: "number", nullable: true },
                  when: { type: "string", format: "date-time" },
                  name: { type: "string", pattern: "^[a-z]+$", maxLength: 5 },
                  port: { "x-kubernetes-int-or-string": true },
                  parts: {
                    type: "array",
                    maxItems: 50,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    items: {
                      type: "object",
                      required: ["name"],
                      properties: { name: { type: "string", maxLength: 20 }, weight: { type: "integer", default: 1 } },
                    },
                  },
                  tags: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
                  labels: { type: "object", additionalProperties: { type: "string" } },
                  free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                  inner: {
                    type: "object",
                    "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true,
                  },
                },
                "x-kubernetes-validations": [
                  { rule: "!has(self.size) || self.size < 1000", message: "too large" },
                  { rule: "!has(self.parts) || self.parts.all(p, p.weight >= 0)" },
                ],
              },
              status: { type: "object", properties: { size: { type: "integer" }, phase: { type: "string" } } },
            },
          },
        },
      },
    ],
  },
};
