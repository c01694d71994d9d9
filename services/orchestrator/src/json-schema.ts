import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";

/** An instance keeps all that it compiled; one that has so much is let go. */
const KEPT = 256;

// Two manifests may use one `$id`, or that of the schema of schemas: nothing is kept by it.
const create = () => new Ajv2020.Ajv2020({ strict: false, validateFormats: false, addUsedSchema: false });
let ajv = create();
let compiled = 0;

/** Compiles a JSON Schema (2020-12), all with one instance: each has to compile the schema of schemas first, which takes longer than most schemas do.
 * Throws, saying why, when the text is no JSON or no such schema. */
export function compileSchema(text: string): ValidateFunction {
  if (compiled++ === KEPT) {
    ajv = create();
    compiled = 1;
  }
  return ajv.compile(JSON.parse(text) as object);
}
