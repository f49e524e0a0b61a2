// Selectors as attributes of a request to be authorized (KEP-4601).
import type { FieldSelectorAttributes, LabelSelectorAttributes } from "@knots/api/authorization/v1";
import type { FieldSelectorRequirement, LabelSelectorRequirement } from "@knots/api/meta/v1";
import { parseFieldSelector, parseSelector, selectorFromLabelSelector } from "@knots/machinery";
import type { FieldRequirement, Requirement } from "@knots/machinery";

/**
 * What a selector asks for, as far as it is understood: requirements are ANDed, so that leaving one out only makes the
 * question broader.
 */
export interface SelectorAttribute<R> {
  readonly requirements: readonly R[];
  /** Why something of it was left out. */
  readonly error?: string;
}

export interface SelectorAttributes {
  readonly fieldSelector?: SelectorAttribute<FieldRequirement>;
  readonly labelSelector?: SelectorAttribute<Requirement>;
}

/** The selectors of a list, a watch or a deletion of many; nothing where they are empty. */
export function selectorsOfQuery(query: URLSearchParams): SelectorAttributes {
  const [field, label] = [query.get("fieldSelector") ?? "", query.get("labelSelector") ?? ""];
  return {
    ...(field === "" ? {} : { fieldSelector: fieldSelectorAttribute(field) }),
    ...(label === "" ? {} : { labelSelector: labelSelectorAttribute(label) }),
  };
}

export function fieldSelectorAttribute(raw: string): SelectorAttribute<FieldRequirement> {
  return parsed(() => parseFieldSelector(raw).requirements);
}

export function labelSelectorAttribute(raw: string): SelectorAttribute<Requirement> {
  return parsed(() => parseSelector(raw).requirements);
}

/** The selectors of an access review. */
export function selectorsOfReview(spec: {
  fieldSelector?: FieldSelectorAttributes;
  labelSelector?: LabelSelectorAttributes;
}): SelectorAttributes {
  const { fieldSelector: field, labelSelector: label } = spec;
  return {
    ...(field === undefined ? {} : { fieldSelector: ofReview(field, fieldSelectorAttribute, fieldRequirement) }),
    ...(label === undefined ? {} : { labelSelector: ofReview(label, labelSelectorAttribute, labelRequirement) }),
  };
}

function ofReview<W, R>(
  { rawSelector = "", requirements }: { rawSelector?: string; requirements?: readonly W[] },
  parse: (raw: string) => SelectorAttribute<R>,
  convert: (requirement: W) => R,
): SelectorAttribute<R> {
  if (requirements === undefined || requirements.length === 0)
    return rawSelector === "" ? { requirements: [] } : parse(rawSelector);
  const errors: string[] = [];
  const understood = requirements.flatMap((requirement) => {
    const { requirements: converted, error } = parsed(() => [convert(requirement)]);
    if (error !== undefined) errors.push(error);
    return converted;
  });
  return { requirements: understood, ...(errors.length === 0 ? {} : { error: errors.join(", ") }) };
}

function parsed<R>(parse: () => readonly R[]): SelectorAttribute<R> {
  try {
    return { requirements: parse() };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { requirements: [], error: error.message };
  }
}

function fieldRequirement({ key, operator, values = [] }: FieldSelectorRequirement): FieldRequirement {
  if (values.length > 1) throw new SyntaxError("fieldSelectors do not yet support multiple values");
  const [value] = values;
  switch (operator) {
    case "In":
      if (value === undefined) throw new SyntaxError("fieldSelectors in must have one value");
      return { field: key, operator: "=", value };
    case "NotIn":
      if (value === undefined) throw new SyntaxError("fieldSelectors not in must have one value");
      return { field: key, operator: "!=", value };
    case "Exists":
    case "DoesNotExist":
      throw new SyntaxError(`fieldSelectors do not yet support ${operator}`);
    default:
      throw new SyntaxError(`${JSON.stringify(operator)} is not a valid field selector operator`);
  }
}

function labelRequirement(requirement: LabelSelectorRequirement): Requirement {
  const [converted] = selectorFromLabelSelector({ matchExpressions: [requirement] }).requirements;
  if (converted === undefined) throw new SyntaxError("an empty label selector requirement");
  return converted;
}
