/**
 * What Kubernetes objects say about virtual servers and their checks: names of labels and annotations, their contents, and
 * the controller's place in a cluster. The controller reads it, the components for Pulumi programs write it.
 */
export { checkSecrets, type SecretTexts } from "./check-secrets";
export * from "./controller";
export * from "./keys";
export {
  type AddressPool,
  type AddressRange,
  addressNumber,
  numberAddress,
  POOL_KEYS,
  parsePoolData,
  parseRanges,
  poolData,
} from "./pool";
