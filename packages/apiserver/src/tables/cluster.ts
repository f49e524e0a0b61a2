import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "@knots/api/admissionregistration/v1";
import type { APIService } from "@knots/api/apiregistration/v1";
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import type { Lease } from "@knots/api/coordination/v1";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import type { IPAddress, Ingress, IngressClass, NetworkPolicy, ServiceCIDR } from "@knots/api/networking/v1";
import type { RuntimeClass } from "@knots/api/node/v1";
import type { ClusterRoleBinding, RoleBinding, Subject } from "@knots/api/rbac/v1";
import type { ResourceClaim, ResourceSlice } from "@knots/api/resource/v1";
import type { PriorityClass } from "@knots/api/scheduling/v1";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "@knots/api/storage/v1";
import { formatLabelSelector } from "@knots/machinery";
import { AGE, CREATED_AT, NAME, column, humanDuration, integer, wide } from "./columns.ts";
import type { TableKind } from "./columns.ts";
import { loadBalancerText } from "./core.ts";

export const nameAndAge: TableKind = { columns: [NAME, AGE] };
export const nameAndCreation: TableKind = { columns: [NAME, CREATED_AT] };

function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const names = rules.slice(0, 3).flatMap(({ host }) => (host === undefined || host === "" ? [] : [host]));
  if (names.length === 0) return "*";
  return rules.length > 3 ? `${names.join(",")} + ${rules.length - 3} more...` : names.join(",");
}

export const ingressTable: TableKind<Ingress> = {
  columns: [
    NAME,
    column<Ingress>("Class", ({ spec }) => spec?.ingressClassName ?? "<none>"),
    column<Ingress>("Hosts", hosts),
    column<Ingress>("Address", ({ status }) => loadBalancerText(status?.loadBalancer?.ingress)),
    column<Ingress>("Ports", ({ spec }) => ((spec?.tls ?? []).length > 0 ? "80, 443" : "80")),
    AGE,
  ],
};

export const ingressClassTable: TableKind<IngressClass> = {
  columns: [
    NAME,
    column<IngressClass>("Controller", ({ spec }) => spec?.controller ?? ""),
    column<IngressClass>("Parameters", ({ spec }) => {
      const { parameters } = spec ?? {};
      if (parameters === undefined) return "<none>";
      const group = parameters.apiGroup === undefined ? "" : `.${parameters.apiGroup}`;
      return `${parameters.kind}${group}/${parameters.name}`;
    }),
    AGE,
  ],
};

export const networkPolicyTable: TableKind<NetworkPolicy> = {
  columns: [
    NAME,
    column<NetworkPolicy>("Pod-Selector", ({ spec }) => formatLabelSelector(spec?.podSelector ?? {})),
    AGE,
  ],
};

export const ipAddressTable: TableKind<IPAddress> = {
  columns: [
    NAME,
    column<IPAddress>("ParentRef", ({ spec }) => {
      const { parentRef } = spec ?? {};
      if (parentRef === undefined) return "<none>";
      const what =
        parentRef.group === undefined || parentRef.group === ""
          ? parentRef.resource
          : `${parentRef.resource}.${parentRef.group}`;
      const where = parentRef.namespace === undefined || parentRef.namespace === "" ? "" : `${parentRef.namespace}/`;
      return `${what}/${where}${parentRef.name}`;
    }),
    AGE,
  ],
};

export const serviceCidrTable: TableKind<ServiceCIDR> = {
  columns: [NAME, column<ServiceCIDR>("CIDRs", ({ spec }) => (spec?.cidrs ?? []).join(",")), AGE],
};

export const storageClassTable: TableKind<StorageClass> = {
  columns: [
    {
      ...NAME,
      cell: ({ metadata }) =>
        metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true" ||
        metadata?.annotations?.["storageclass.beta.kubernetes.io/is-default-class"] === "true"
          ? `${metadata.name ?? ""} (default)`
          : (metadata?.name ?? ""),
    },
    column<StorageClass>("Provisioner", ({ provisioner }) => provisioner),
    column<StorageClass>("ReclaimPolicy", ({ reclaimPolicy }) => reclaimPolicy ?? "Delete"),
    column<StorageClass>("VolumeBindingMode", ({ volumeBindingMode }) => volumeBindingMode ?? "Immediate"),
    column<StorageClass>("AllowVolumeExpansion", ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    AGE,
  ],
};

export const volumeAttributesClassTable: TableKind<VolumeAttributesClass> = {
  columns: [NAME, column<VolumeAttributesClass>("DriverName", ({ driverName }) => driverName), AGE],
};

export const volumeAttachmentTable: TableKind<VolumeAttachment> = {
  columns: [
    NAME,
    column<VolumeAttachment>("Attacher", ({ spec }) => spec?.attacher ?? "", { format: "name" }),
    column<VolumeAttachment>("PV", ({ spec }) => spec?.source?.persistentVolumeName ?? ""),
    column<VolumeAttachment>("Node", ({ spec }) => spec?.nodeName ?? ""),
    column<VolumeAttachment>("Attached", ({ status }) => status?.attached ?? false, { type: "boolean" }),
    AGE,
  ],
};

export const csiNodeTable: TableKind<CSINode> = {
  columns: [NAME, integer<CSINode>("Drivers", ({ spec }) => spec?.drivers?.length), AGE],
};

export const csiDriverTable: TableKind<CSIDriver> = {
  columns: [
    NAME,
    column<CSIDriver>("AttachRequired", ({ spec }) => spec?.attachRequired ?? true, { type: "boolean" }),
    column<CSIDriver>("PodInfoOnMount", ({ spec }) => spec?.podInfoOnMount ?? false, { type: "boolean" }),
    column<CSIDriver>("StorageCapacity", ({ spec }) => spec?.storageCapacity ?? false, { type: "boolean" }),
    column<CSIDriver>("TokenRequests", ({ spec }) =>
      spec?.tokenRequests === undefined ? "<unset>" : spec.tokenRequests.map(({ audience }) => audience).join(","),
    ),
    column<CSIDriver>("RequiresRepublish", ({ spec }) => spec?.requiresRepublish ?? false, { type: "boolean" }),
    column<CSIDriver>("Modes", ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(",") || "<none>"),
    AGE,
  ],
};

export const csiStorageCapacityTable: TableKind<CSIStorageCapacity> = {
  columns: [
    NAME,
    column<CSIStorageCapacity>("StorageClassName", ({ storageClassName }) => storageClassName),
    column<CSIStorageCapacity>("Capacity", ({ capacity }) => capacity ?? "<unset>"),
  ],
};

function subjects(list: readonly Subject[] | undefined, kind: string): string {
  return (list ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
    .join(", ");
}

export const roleBindingTable: TableKind<RoleBinding | ClusterRoleBinding> = {
  columns: [
    NAME,
    column<RoleBinding | ClusterRoleBinding>("Role", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
    AGE,
    wide<RoleBinding | ClusterRoleBinding>("Users", (binding) => subjects(binding.subjects, "User")),
    wide<RoleBinding | ClusterRoleBinding>("Groups", (binding) => subjects(binding.subjects, "Group")),
    wide<RoleBinding | ClusterRoleBinding>("ServiceAccounts", (binding) =>
      subjects(binding.subjects, "ServiceAccount"),
    ),
  ],
};

function requestCondition({ status }: CertificateSigningRequest): string {
  const types = (status?.conditions ?? []).map(({ type }) => type);
  const words = [types.includes("Denied") ? "Denied" : types.includes("Approved") ? "Approved" : "Pending"];
  if (types.includes("Failed")) words.push("Failed");
  if (status?.certificate !== undefined && status.certificate !== "") words.push("Issued");
  return words.join(",");
}

export const certificateSigningRequestTable: TableKind<CertificateSigningRequest> = {
  columns: [
    NAME,
    AGE,
    column<CertificateSigningRequest>("SignerName", ({ spec }) => spec?.signerName ?? "<none>"),
    column<CertificateSigningRequest>("Requestor", ({ spec }) => spec?.username ?? ""),
    column<CertificateSigningRequest>("RequestedDuration", ({ spec }) =>
      spec?.expirationSeconds === undefined ? "<none>" : humanDuration(spec.expirationSeconds * 1000),
    ),
    column<CertificateSigningRequest>("Condition", requestCondition),
  ],
};

export const leaseTable: TableKind<Lease> = {
  columns: [NAME, column<Lease>("Holder", ({ spec }) => spec?.holderIdentity ?? ""), AGE],
};

export const priorityClassTable: TableKind<PriorityClass> = {
  columns: [
    NAME,
    integer<PriorityClass>("Value", ({ value }) => value),
    column<PriorityClass>("Global-Default", ({ globalDefault }) => globalDefault ?? false, { type: "boolean" }),
    AGE,
    column<PriorityClass>("PreemptionPolicy", ({ preemptionPolicy }) => preemptionPolicy ?? ""),
  ],
};

export const runtimeClassTable: TableKind<RuntimeClass> = {
  columns: [NAME, column<RuntimeClass>("Handler", ({ handler }) => handler), AGE],
};

export const webhookTable: TableKind<MutatingWebhookConfiguration> = {
  columns: [NAME, integer<MutatingWebhookConfiguration>("Webhooks", ({ webhooks }) => webhooks?.length), AGE],
};

function kindText(kind: { apiVersion?: string; kind?: string } | undefined): string {
  return kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`;
}

export const validatingPolicyTable: TableKind<ValidatingAdmissionPolicy> = {
  columns: [
    NAME,
    integer<ValidatingAdmissionPolicy>("Validations", ({ spec }) => spec?.validations?.length),
    column<ValidatingAdmissionPolicy>("ParamKind", ({ spec }) => kindText(spec?.paramKind)),
    AGE,
  ],
};

export const mutatingPolicyTable: TableKind<MutatingAdmissionPolicy> = {
  columns: [
    NAME,
    integer<MutatingAdmissionPolicy>("Mutations", ({ spec }) => spec?.mutations?.length),
    column<MutatingAdmissionPolicy>("ParamKind", ({ spec }) => kindText(spec?.paramKind)),
    AGE,
  ],
};

export const policyBindingTable: TableKind<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding> = {
  columns: [
    NAME,
    column<ValidatingAdmissionPolicyBinding>("PolicyName", ({ spec }) => spec?.policyName ?? ""),
    column<ValidatingAdmissionPolicyBinding>("ParamRef", ({ spec }) => {
      const { paramRef } = spec ?? {};
      if (paramRef === undefined) return "<unset>";
      const name = paramRef.name ?? "*";
      return paramRef.namespace === undefined || paramRef.namespace === "" ? name : `${paramRef.namespace}/${name}`;
    }),
    AGE,
  ] as TableKind<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding>["columns"],
};

export const flowSchemaTable: TableKind<FlowSchema> = {
  columns: [
    NAME,
    column<FlowSchema>("PriorityLevel", ({ spec }) => spec?.priorityLevelConfiguration.name ?? ""),
    column<FlowSchema>("MatchingPrecedence", ({ spec }) => spec?.matchingPrecedence ?? 0),
    column<FlowSchema>("DistinguisherMethod", ({ spec }) => spec?.distinguisherMethod?.type ?? "<none>"),
    AGE,
    column<FlowSchema>(
      "MissingPL",
      ({ status }) => status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?",
    ),
  ],
};

export const priorityLevelTable: TableKind<PriorityLevelConfiguration> = {
  columns: [
    NAME,
    column<PriorityLevelConfiguration>("Type", ({ spec }) => spec?.type ?? ""),
    column<PriorityLevelConfiguration>(
      "NominalConcurrencyShares",
      ({ spec }) => (spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? "<none>",
    ),
    column<PriorityLevelConfiguration>(
      "Queues",
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.queues ?? "<none>",
    ),
    column<PriorityLevelConfiguration>(
      "HandSize",
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.handSize ?? "<none>",
    ),
    column<PriorityLevelConfiguration>(
      "QueueLengthLimit",
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? "<none>",
    ),
    AGE,
  ],
};

export const resourceClaimTable: TableKind<ResourceClaim> = {
  columns: [
    NAME,
    column<ResourceClaim>("State", ({ metadata, status }) => {
      const states: string[] = [];
      if (metadata?.deletionTimestamp !== undefined) states.push("deleted");
      if (status?.allocation === undefined) states.push("pending");
      else states.push("allocated", (status.reservedFor ?? []).length > 0 ? "reserved" : "");
      return states.filter((state) => state !== "").join(",");
    }),
    AGE,
  ],
};

export const resourceSliceTable: TableKind<ResourceSlice> = {
  columns: [
    NAME,
    column<ResourceSlice>("Node", ({ spec }) => spec?.nodeName ?? "<unset>"),
    column<ResourceSlice>("Driver", ({ spec }) => spec?.driver ?? ""),
    column<ResourceSlice>("Pool", ({ spec }) => spec?.pool.name ?? ""),
    AGE,
  ],
};

export const apiServiceTable: TableKind<APIService> = {
  columns: [
    NAME,
    column<APIService>("Service", ({ spec }) =>
      spec?.service === undefined || spec.service === null
        ? "Local"
        : `${spec.service.namespace ?? ""}/${spec.service.name ?? ""}`,
    ),
    column<APIService>("Available", ({ status }) => {
      const available = status?.conditions?.find(({ type }) => type === "Available");
      if (available === undefined) return "Unknown";
      return available.status === "True" ? "True" : `${available.status} (${available.reason ?? ""})`;
    }),
    AGE,
  ],
};
