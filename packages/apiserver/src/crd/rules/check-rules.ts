// What may be wrong with the rules of a definition that is being written, their estimated costs included.
import type { JSONSchemaProps, ValidationRule } from "@knots/api/apiextensions/v1";
import { FieldPath, VerbatimValue, forbidden, invalid, notSupported, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { schemaType } from "@knots/cel";
import type { Program, SchemaType } from "@knots/cel";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";
import { compileRule, maxCost } from "./compile-rule.ts";
import type { CompiledRule } from "./compile-rule.ts";
import { checkRulePath } from "./rule-field-path.ts";

const RULE_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
const MAX_REQUEST = 3 * 1024 * 1024;
/** Expressions named when all of them together cost too much. */
const MOST_EXPENSIVE = 4;
const REASONS = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

interface Context {
  /** How often a value may occur in one object; undefined when nothing bounds it. */
  readonly cardinality: number | undefined;
  /** Where, further up, values stop having a counterpart in the old state. */
  readonly uncorrelatable: FieldPath | undefined;
  readonly root: boolean;
}

export interface CheckOptions {
  /** Costs were accepted before: the schema is as it was. */
  readonly ignoreCosts: boolean;
}

/** Errors of all rules of a schema; `path` is the schema's. */
export function checkRules(schema: JSONSchemaProps, path: FieldPath, options: CheckOptions): FieldError[] {
  const checker = new RuleChecker(options);
  checker.visit(schema, path, { cardinality: 1, uncorrelatable: undefined, root: true });
  checker.total(path);
  return checker.errors;
}

class RuleChecker {
  readonly errors: FieldError[] = [];
  readonly #options: CheckOptions;
  readonly #costs: { path: string; cost: number }[] = [];

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** `structure` gives types and bounds where `schema`, part of an allOf, has none of its own. */
  visit(schema: JSONSchemaProps, path: FieldPath, context: Context, structure = schema): void {
    const rules = schema["x-kubernetes-validations"];
    if (rules !== undefined && rules.length > 0) this.#rules(rules, structure, path, context);
    schema.allOf?.forEach((part, i) => this.visit(part, path.child("allOf").index(i), context, structure));
    const times = (bound: number | undefined): number | undefined =>
      context.cardinality === undefined || bound === undefined ? undefined : context.cardinality * Math.max(0, bound);
    const atomic = structure["x-kubernetes-map-type"] === "atomic";
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const base = structure.properties;
      const own = base !== undefined && Object.hasOwn(base, name) ? base[name] : undefined;
      // A part of an allOf may name only what the structure has: that is checked elsewhere.
      if (own === undefined) continue;
      const at = path.child("properties").key(name);
      const below = {
        cardinality: context.cardinality,
        uncorrelatable: context.uncorrelatable ?? (atomic ? path : undefined),
        root: own["x-kubernetes-embedded-resource"] === true,
      };
      this.visit(property, at, below, own);
    }
    const [values, ownValues] = [valuesOf(schema), valuesOf(structure)];
    if (values !== undefined && ownValues !== undefined) {
      const below = {
        cardinality: times(schema.maxProperties ?? structure.maxProperties),
        uncorrelatable: context.uncorrelatable ?? (atomic ? path : undefined),
        root: ownValues["x-kubernetes-embedded-resource"] === true,
      };
      this.visit(values, path.child("additionalProperties"), below, ownValues);
    }
    const [items, ownItems] = [itemsOf(schema), itemsOf(structure)];
    if (items === undefined || ownItems === undefined) return;
    const isMap = structure["x-kubernetes-list-type"] === "map";
    const below = {
      cardinality: times(schema.maxItems ?? structure.maxItems),
      uncorrelatable: context.uncorrelatable ?? (isMap ? undefined : path),
      root: ownItems["x-kubernetes-embedded-resource"] === true,
    };
    this.visit(items, path.child("items"), below, ownItems);
  }

  total(path: FieldPath): void {
    if (this.#options.ignoreCosts) return;
    const total = this.#costs.reduce((sum, { cost }) => sum + cost, 0);
    if (total <= SCHEMA_LIMIT) return;
    const why =
      "contributed to estimated rule & messageExpression cost total exceeding cost limit for entire OpenAPIv3 schema";
    const expensive = this.#costs.toSorted((a, b) => b.cost - a.cost).slice(0, MOST_EXPENSIVE);
    for (const each of expensive) if (each.cost > 0) this.errors.push(forbidden(each.path, why));
    const what = "x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema";
    this.errors.push(forbidden(path, costMessage(what, total, SCHEMA_LIMIT)));
  }

  #rules(rules: readonly ValidationRule[], schema: JSONSchemaProps, path: FieldPath, context: Context): void {
    const before = this.errors.length;
    rules.forEach((rule, i) => this.#shape(rule, schema, path.child("x-kubernetes-validations").index(i)));
    if (this.errors.length > before) return;
    const type = schemaType(schema, context.root, "selfType");
    if (type === undefined) {
      const preserves = schema["x-kubernetes-preserve-unknown-fields"] === true;
      this.errors.push({
        type: "InternalError",
        field: path.child("x-kubernetes-validations").toString(),
        detail: `rule declared on schema that does not support validation rules type: '${schema.type ?? ""}' x-kubernetes-preserve-unknown-fields: '${preserves}'`,
      });
      return;
    }
    rules.forEach((rule, i) => {
      this.#compiled(compileRule(rule, type), type, path.child("x-kubernetes-validations").index(i), context);
    });
  }

  /** What is wrong before anything is compiled. */
  #shape(rule: ValidationRule, schema: JSONSchemaProps, at: FieldPath): void {
    const { errors } = this;
    const message = rule.message ?? "";
    const text = rule.rule.trim();
    if (text === "") errors.push(required(at.child("rule"), "rule is not specified"));
    else if (message !== "" && message.trim() === "") {
      errors.push(invalid(at.child("message"), message, "message must be non-empty if specified"));
    } else if (message.trim().includes("\n")) {
      errors.push(invalid(at.child("message"), message, "message must not contain line breaks"));
    } else if (text.includes("\n") && message.trim() === "") {
      errors.push(required(at.child("message"), "message must be specified if rule contains line breaks"));
    }
    const expression = rule.messageExpression ?? "";
    if (expression !== "" && expression.trim() === "") {
      errors.push(required(at.child("messageExpression"), "messageExpression must be non-empty if specified"));
    }
    if (rule.reason !== undefined && !REASONS.includes(rule.reason)) {
      errors.push(notSupported(at.child("reason"), rule.reason, REASONS));
    }
    this.#fieldPath(rule.fieldPath ?? "", schema, at.child("fieldPath"));
  }

  #fieldPath(fieldPath: string, schema: JSONSchemaProps, at: FieldPath): void {
    if (fieldPath === "") return;
    if (fieldPath.trim() === "") this.errors.push(invalid(at, fieldPath, "fieldPath must be non-empty if specified"));
    if (fieldPath.includes("\n")) this.errors.push(invalid(at, fieldPath, "fieldPath must not contain line breaks"));
    try {
      checkRulePath(fieldPath, schema);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.errors.push(invalid(at, fieldPath, `fieldPath must be a valid path: ${why}`));
    }
  }

  #compiled(compiled: CompiledRule, type: SchemaType, at: FieldPath, context: Context): void {
    const { errors } = this;
    const { rule, program, message } = compiled;
    this.#cost(program, type, at.child("rule"), "estimated rule cost", context);
    if (compiled.error !== undefined) errors.push(invalid(at.child("rule"), showRule(rule), compiled.error));
    if (compiled.messageError !== undefined) {
      errors.push(invalid(at.child("messageExpression"), showRule(rule), compiled.messageError));
    } else this.#cost(message, type, at.child("messageExpression"), "estimated messageExpression cost", context);
    if (compiled.usesOldSelf) {
      if (context.uncorrelatable !== undefined) {
        const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${context.uncorrelatable.toString()}`;
        errors.push(invalid(at.child("rule"), rule.rule, why));
      }
    } else if (rule.optionalOldSelf !== undefined && compiled.error === undefined) {
      const why = "may not be set if oldSelf is not used in rule";
      errors.push(invalid(at.child("optionalOldSelf"), rule.optionalOldSelf, why));
    }
  }

  #cost(program: Program | undefined, type: SchemaType, at: FieldPath, what: string, context: Context): void {
    if (program === undefined || this.#options.ignoreCosts) return;
    // Where nothing bounds the number of values, a request has room for so many.
    const times = context.cardinality ?? Math.floor(MAX_REQUEST / (type.minSize + 1));
    const cost = maxCost(program, type) * times;
    if (cost > RULE_LIMIT) this.errors.push(forbidden(at, costMessage(what, cost, RULE_LIMIT)));
    this.#costs.push({ path: at.toString(), cost });
  }
}

function costMessage(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** As the reference implementation prints the rule. */
function showRule(rule: ValidationRule): VerbatimValue {
  const pointer = (value: unknown, type: string): string =>
    value === undefined ? `(${type})(nil)` : `(${type})(0xc000000000)`;
  const text = (value: string | undefined): string => JSON.stringify(value ?? "");
  return new VerbatimValue(
    `apiextensions.ValidationRule{Rule:${text(rule.rule)}, Message:${text(rule.message)}, ` +
      `MessageExpression:${text(rule.messageExpression)}, ` +
      `Reason:${pointer(rule.reason, "*apiextensions.FieldValueErrorReason")}, FieldPath:${text(rule.fieldPath)}, ` +
      `OptionalOldSelf:${pointer(rule.optionalOldSelf, "*bool")}}`,
  );
}
