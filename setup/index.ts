/**
 * The set-up: brings everything that the project needs to run onto the machine, into one cache folder, and
 * nothing anywhere else. Rooms that need a fetched thing ask for it here and get its path; it is fetched when
 * it is asked for the first time, so nobody waits for what he does not use.
 */
export { type CacheEntry, cached, cacheRoot } from "./cache";
export { type Browser, chromium } from "./chromium";
export { RootNeeded, SetupError } from "./errors";
export { etcd } from "./etcd";
export { kubelet } from "./kubelet";
export { type KubernetesPrograms, kubernetesPrograms } from "./kubernetes";
export { kubernetesPlugin } from "./kubernetes-plugin";
export { ipsetLayer, keepalivedLayer, labLayer, systemdLayer } from "./lab-packages";
export { type PackageLayer, packageLayer } from "./packages";
export { isRoot, requireLabRights } from "./privileges";
export { promtool } from "./promtool";
