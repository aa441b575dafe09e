/**
 * Files that declare what directors or Kubernetes are to serve: text in, the arguments of resources out, every problem with
 * its line. Reads no file itself.
 */
export { SecretReference, type YamlProblem } from "./documents";
export { API_VERSION, type Declared } from "./own-form";
export { readConfig } from "./read";
