export {
  FieldPath,
  duplicate,
  forbidden,
  invalid,
  notFound,
  notSupported,
  required,
  tooLong,
  tooMany,
} from "@knots/machinery";
export type { FieldError } from "@knots/machinery";
