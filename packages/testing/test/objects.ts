// One valid object of every resource, as short as the rules allow.
import type { KubeObject } from "@knots/machinery";

/** Where they live: an Event is in the namespace of what it is about. */
export const NAMESPACE = "one-of-each";

const labels = { app: "web" };
const container = { name: "c", image: "nginx:1" };
const podSpec = { containers: [container] };
const template = { metadata: { labels }, spec: podSpec };
const selector = { matchLabels: labels };
const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] };
const webhook = {
  name: "w.example.com",
  clientConfig: { url: "https://127.0.0.1:1/" },
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  rules: [rule],
  namespaceSelector: { matchLabels: { never: "so" } },
};
/** A certificate request of a key that nobody kept. */
const REQUEST =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITE1IUUNBUUF3RWpFUU1BNEdBMVVFQXd3SGMyOXRaVzl1WlRCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OQpBd0VIQTBJQUJDMWtZRU5UZkxLazNiblZVd05xZnlEV3YzeERVWGU2M0g4NnVZc3NGRU41MDRVbWVUZ1ZjQ2JRCkEwZXhxODBNbElGOVZhV1FkcUZ6TWFiYjNrcUs2ZGlnQURBS0JnZ3Foa2pPUFFRREFnTkhBREJFQWlCd3VWa0EKTW5kZzlHQ05VWjYwS1pjbGFJQTVJNWhpa2d0NkdUVjc3Mk1GeHdJZ1BFd0JOZzFSRk5heGlWbUUrdzJpdXpxNgo1bEpOYk8weExBSWRpOGliV05ZPQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";
const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        size: { type: "integer", minimum: 1, default: 3 },
        parts: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
      "x-kubernetes-validations": [{ rule: "!has(self.size) || self.size < 100" }],
    },
    status: { type: "object", properties: { phase: { type: "string" } } },
  },
};

/** Bodies by "resource.group". Names are left out: the one who sends them chooses. */
export const OBJECTS: Readonly<Record<string, Omit<KubeObject, "metadata"> & Record<string, unknown>>> = {
  "configmaps.": { data: { "a.conf": "x" }, binaryData: { b: "AA==" } },
  "endpoints.": { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] },
  "events.": {
    involvedObject: { kind: "Pod", namespace: NAMESPACE, name: "p" },
    reason: "Started",
    message: "m",
    type: "Normal",
    source: { component: "kubelet" },
    count: 1,
  },
  "limitranges.": { spec: { limits: [{ type: "Container", max: { cpu: "100" }, default: { cpu: "1" } }] } },
  "namespaces.": {},
  "persistentvolumeclaims.": {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "fast" },
  },
  "pods.": { spec: { ...podSpec, serviceAccountName: "default" } },
  "podtemplates.": { template },
  "replicationcontrollers.": { spec: { replicas: 0, selector: labels, template } },
  "resourcequotas.": { spec: { hard: { "count/gizmos.example.com": "1000" } } },
  "secrets.": { type: "Opaque", data: { a: "AA==" } },
  "serviceaccounts.": { imagePullSecrets: [{ name: "s" }] },
  "services.": { spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] } },
  "nodes.": { spec: { podCIDR: "10.1.0.0/24" }, status: { capacity: { cpu: "2" } } },
  "persistentvolumes.": {
    spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, hostPath: { path: "/x" } },
  },
  "mutatingadmissionpolicies.admissionregistration.k8s.io": {
    spec: {
      reinvocationPolicy: "Never",
      matchConstraints: { resourceRules: [rule], namespaceSelector: { matchLabels: { never: "so" } } },
      mutations: [
        {
          patchType: "ApplyConfiguration",
          applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'a': 'b'}}}" },
        },
      ],
    },
  },
  "mutatingadmissionpolicybindings.admissionregistration.k8s.io": { spec: { policyName: "none" } },
  "mutatingwebhookconfigurations.admissionregistration.k8s.io": { webhooks: [webhook] },
  "validatingadmissionpolicies.admissionregistration.k8s.io": {
    spec: {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression: "object.metadata.name != 'x'", message: "no" }],
      variables: [{ name: "v", expression: "size(object.metadata.name)" }],
    },
  },
  "validatingadmissionpolicybindings.admissionregistration.k8s.io": {
    spec: { policyName: "none", validationActions: ["Deny"] },
  },
  "validatingwebhookconfigurations.admissionregistration.k8s.io": { webhooks: [webhook] },
  "customresourcedefinitions.apiextensions.k8s.io": {
    spec: {
      group: "fuzz.example.com",
      scope: "Namespaced",
      names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
          additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
        },
      ],
    },
  },
  "apiservices.apiregistration.k8s.io": {
    spec: {
      group: "fuzzed.example.com",
      version: "v1",
      groupPriorityMinimum: 100,
      versionPriority: 10,
      insecureSkipTLSVerify: true,
      service: { namespace: "default", name: "none" },
    },
  },
  "controllerrevisions.apps": { revision: 1, data: { a: 1 } },
  "daemonsets.apps": { spec: { selector, template } },
  "deployments.apps": { spec: { replicas: 0, selector, template } },
  "replicasets.apps": { spec: { replicas: 0, selector, template } },
  "statefulsets.apps": { spec: { replicas: 0, serviceName: "web", selector, template } },
  "horizontalpodautoscalers.autoscaling": {
    spec: {
      minReplicas: 1,
      maxReplicas: 3,
      scaleTargetRef: { kind: "Deployment", name: "web", apiVersion: "apps/v1" },
    },
  },
  "cronjobs.batch": {
    spec: {
      schedule: "*/5 * * * *",
      jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } },
    },
  },
  "jobs.batch": {
    spec: {
      completions: 3,
      parallelism: 2,
      completionMode: "Indexed",
      template: { spec: { ...podSpec, restartPolicy: "Never" } },
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
    },
  },
  "certificatesigningrequests.certificates.k8s.io": {
    spec: { request: REQUEST, signerName: "example.com/x", usages: ["client auth"] },
  },
  "leases.coordination.k8s.io": {
    spec: { leaseDurationSeconds: 15, holderIdentity: "a", renewTime: "2026-01-02T03:04:05.000006Z" },
  },
  "endpointslices.discovery.k8s.io": {
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }],
    ports: [{ name: "", port: 80, protocol: "TCP" }],
  },
  "events.events.k8s.io": {
    eventTime: "2026-01-02T03:04:05.000006Z",
    reportingController: "example.com/c",
    reportingInstance: "c-1",
    action: "Start",
    reason: "Started",
    type: "Normal",
    regarding: { kind: "Pod", namespace: NAMESPACE, name: "p" },
  },
  "flowschemas.flowcontrol.apiserver.k8s.io": {
    spec: {
      priorityLevelConfiguration: { name: "workload-low" },
      matchingPrecedence: 9999,
      rules: [
        {
          subjects: [{ kind: "User", user: { name: "nobody" } }],
          resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"], namespaces: ["default"] }],
        },
      ],
    },
  },
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": {
    spec: {
      type: "Limited",
      limited: {
        nominalConcurrencyShares: 1,
        limitResponse: { type: "Queue", queuing: { queues: 8, handSize: 4, queueLengthLimit: 10 } },
      },
    },
  },
  "ingressclasses.networking.k8s.io": { spec: { controller: "example.com/c" } },
  "ingresses.networking.k8s.io": {
    spec: {
      rules: [
        {
          host: "a.example.com",
          http: {
            paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }],
          },
        },
      ],
    },
  },
  "ipaddresses.networking.k8s.io": { spec: { parentRef: { resource: "services", namespace: "default", name: "x" } } },
  "networkpolicies.networking.k8s.io": {
    spec: {
      podSelector: {},
      ingress: [
        { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }], ports: [{ port: 80, endPort: 90 }] },
      ],
    },
  },
  "servicecidrs.networking.k8s.io": { spec: { cidrs: ["10.250.0.0/24"] } },
  "runtimeclasses.node.k8s.io": { handler: "runc", overhead: { podFixed: { cpu: "1m" } } },
  "poddisruptionbudgets.policy": { spec: { selector, minAvailable: "50%" } },
  "clusterrolebindings.rbac.authorization.k8s.io": {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "User", name: "nobody", apiGroup: "rbac.authorization.k8s.io" }],
  },
  "clusterroles.rbac.authorization.k8s.io": { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  "rolebindings.rbac.authorization.k8s.io": {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    subjects: [{ kind: "ServiceAccount", name: "s", namespace: "default" }],
  },
  "roles.rbac.authorization.k8s.io": { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  "deviceclasses.resource.k8s.io": {
    spec: { selectors: [{ cel: { expression: "device.driver == 'gpu.example.com'" } }] },
  },
  "resourceclaims.resource.k8s.io": {
    spec: {
      devices: {
        requests: [{ name: "r", exactly: { deviceClassName: "gpu", count: 1, allocationMode: "ExactCount" } }],
      },
    },
  },
  "resourceclaimtemplates.resource.k8s.io": {
    spec: { spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } } },
  },
  "resourceslices.resource.k8s.io": {
    spec: {
      driver: "gpu.example.com",
      nodeName: "n",
      pool: { name: "p", generation: 1, resourceSliceCount: 1 },
      devices: [{ name: "d0", attributes: { model: { string: "a" } }, capacity: { memory: { value: "1Gi" } } }],
    },
  },
  "priorityclasses.scheduling.k8s.io": { value: 1000 },
  "csidrivers.storage.k8s.io": { spec: { attachRequired: true } },
  "csinodes.storage.k8s.io": { spec: { drivers: [{ name: "d.example.com", nodeID: "n", topologyKeys: ["zone"] }] } },
  "csistoragecapacities.storage.k8s.io": { storageClassName: "fast", capacity: "1Gi" },
  "storageclasses.storage.k8s.io": { provisioner: "example.com/fast", parameters: { a: "b" } },
  "volumeattachments.storage.k8s.io": {
    spec: { attacher: "d.example.com", nodeName: "n", source: { persistentVolumeName: "v" } },
  },
  "volumeattributesclasses.storage.k8s.io": { driverName: "d.example.com", parameters: { a: "b" } },
  "gizmos.example.com": {
    spec: {
      size: 3,
      parts: [{ name: "a" }],
      free: { x: [1, { y: 2 }] },
      ratio: 0.5,
      when: "2026-01-02T03:04:05Z",
      port: "http",
    },
  },
  "tokenreviews.authentication.k8s.io": { spec: { token: "t" } },
  "selfsubjectreviews.authentication.k8s.io": {},
  "localsubjectaccessreviews.authorization.k8s.io": {
    spec: { user: "u", groups: ["g"], resourceAttributes: { namespace: "default", verb: "get", resource: "pods" } },
  },
  "selfsubjectaccessreviews.authorization.k8s.io": { spec: { nonResourceAttributes: { path: "/", verb: "get" } } },
  "selfsubjectrulesreviews.authorization.k8s.io": { spec: { namespace: "default" } },
  "subjectaccessreviews.authorization.k8s.io": {
    spec: { user: "u", resourceAttributes: { verb: "get", resource: "pods", fieldSelector: { requirements: [] } } },
  },
};

/** Names of the first object where the rules ask for a certain one. */
export const NAMES: Readonly<Record<string, string>> = {
  "customresourcedefinitions.apiextensions.k8s.io": "things.fuzz.example.com",
  "apiservices.apiregistration.k8s.io": "v1.fuzzed.example.com",
  "ipaddresses.networking.k8s.io": "10.250.0.7",
};
